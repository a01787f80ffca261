# SPDX-License-Identifier: MIT
"""Runs functions of the engine on torch tensors, inside torch's autograd."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import torch

from gramless import _core
from gramless.torch.transforms import (
    check_cotangents,
    check_trace,
    has_memory,
    refuse_forward_mode,
)

# Choices of the engine that tests force, by name.
FORCED_OPTIONS: dict[str, int] = {}

_DTYPE_NAMES = {torch.float32: "float32", torch.float64: "float64"}


def view_of(tensor: torch.Tensor) -> _core.Array:
    """Returns the engine's view of a tensor's memory."""
    pointer = tensor.data_ptr() if has_memory(tensor) else 0
    return _core.Array(
        pointer,
        tuple(map(int, tensor.shape)),
        tuple(map(int, tensor.stride())),
        _DTYPE_NAMES[tensor.dtype],
        str(tensor.device),
    )


@lru_cache(maxsize=512)
def vjp(
    function: _core.ArrayFunction,
    wrt: tuple[int, ...],
    cotangents: tuple[int, ...],
) -> _core.ArrayFunction:
    """Returns the vector-Jacobian product of a function, built once."""
    return function.vjp(list(wrt), list(cotangents))


def _rows(
    function: _core.ArrayFunction, tensors: Sequence[torch.Tensor]
) -> dict[str, int]:
    """Returns the lengths of the pair axes, by name."""
    return {
        pair: tensor.shape[0]
        for (pair, _), tensor in zip(function.arguments, tensors, strict=False)
        if pair
    }


def _evaluate(
    function: _core.ArrayFunction,
    backend: str,
    tensors: Sequence[torch.Tensor],
) -> tuple[torch.Tensor, ...]:
    # Views of conjugates keep a sign apart from their memory.
    tensors = [tensor.resolve_neg() for tensor in tensors]
    rows = _rows(function, tensors)
    results = tuple(
        tensors[0].new_empty((rows[pair], columns) if pair else (columns,))
        for pair, columns in function.results
    )
    check_trace([*tensors, *results])
    if not tensors[0].is_meta:
        function.run(
            [view_of(tensor) for tensor in tensors],
            [view_of(result) for result in results],
            backend,
            torch.get_num_threads(),
            FORCED_OPTIONS,
        )
    return results


def log_sum(
    total: _core.ArrayFunction,
    shift: _core.ArrayFunction,
    backend: str,
    tensors: Sequence[torch.Tensor],
) -> torch.Tensor:
    """Returns the logarithm of a sum that is computed on a scale.

    `shift` is the scale: the binary exponent of the largest term of each row.
    The logarithm does not depend on it, so that it needs no derivative; the
    sum itself, not the rounded logarithm, is what derivatives start from.
    """
    with torch.no_grad():
        # What runs in float64 would not find a rounded scale the largest.
        is_double = backend == "reference"
        given = [t.double() for t in tensors] if is_double else tensors
        (scale,) = MapReduce.apply(shift, backend, *given)
        scale[scale == -math.inf] = 2.0**100  # Of nothing, or of zeros.
        scale = scale.clamp_(-(2.0**100), 2.0**100)
    (scaled,) = MapReduce.apply(total, backend, *tensors, scale)
    is_zero = scaled == 0
    logarithm = torch.where(is_zero, 1.0, scaled).double().log2() + scale
    logarithm = (math.log(2) * logarithm).to(scaled.dtype)
    return torch.where(is_zero, -math.inf, logarithm)


def explain_function(
    function: _core.ArrayFunction,
    tensors: Sequence[torch.Tensor],
    code: str | None,
) -> str:
    """Returns what a function runs for arguments that start with `tensors`."""
    rows = _rows(function, tensors)
    dtype = _DTYPE_NAMES[tensors[0].dtype]
    return function.explain(
        rows.get("i", 0), rows.get("j", 0), dtype, code or ""
    )


class MapReduce(torch.autograd.Function):
    """A function of the engine. Its backward is another one, and so on."""

    @staticmethod
    def forward(ctx, function, backend, *tensors):
        ctx.set_materialize_grads(False)
        ctx.function = function
        ctx.backend = backend
        ctx.save_for_backward(*tensors)
        return _evaluate(function, backend, tensors)

    @staticmethod
    def jvp(ctx, *tangents):
        refuse_forward_mode()

    @staticmethod
    def backward(ctx, *cotangents):
        check_cotangents(cotangents)
        tensors = ctx.saved_tensors  # Hooks allow to unpack them only once.
        needed = ctx.needs_input_grad[2:]
        wrt = tuple(k for k, is_needed in enumerate(needed) if is_needed)
        given = tuple(k for k, c in enumerate(cotangents) if c is not None)
        gradients: list[torch.Tensor | None] = [None] * len(needed)
        if wrt and given:
            results = MapReduce.apply(
                vjp(ctx.function, wrt, given),
                ctx.backend,
                *tensors,
                *(cotangents[k] for k in given),
            )
            for k, result in zip(wrt, results, strict=True):
                gradients[k] = result.reshape(tensors[k].shape)
        return None, None, *gradients
