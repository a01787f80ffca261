# SPDX-License-Identifier: MIT
"""Runs functions of the engine on torch tensors, inside torch's autograd."""

from __future__ import annotations

from collections.abc import Sequence

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


_CPU = torch.device("cpu")


def view_of(tensor: torch.Tensor) -> _core.Array:
    """Returns the engine's view of a tensor's memory."""
    return _view_at(tensor.data_ptr() if has_memory(tensor) else 0, tensor)


def form_of(tensor: torch.Tensor) -> _core.Array:
    """Returns a view of any tensor that is checked and never read."""
    return _view_at(1, tensor)


def _view_at(address: int, tensor: torch.Tensor) -> _core.Array:
    device = tensor.device
    return _core.Array(
        address,
        tuple(map(int, tensor.shape)),
        tuple(map(int, tensor.stride())),
        _DTYPE_NAMES[tensor.dtype],
        "cpu" if device == _CPU else str(device),
    )


def _evaluate(
    function: _core.ArrayFunction,
    backend: str,
    tensors: Sequence[torch.Tensor],
) -> tuple[torch.Tensor, ...]:
    # Views of conjugates keep a sign apart from their memory.
    tensors = [tensor.resolve_neg() for tensor in tensors]
    check_trace(tensors)
    views = [view_of(tensor) for tensor in tensors]
    results = tuple(
        tensors[0].new_empty(shape, dtype=getattr(torch, dtype))
        for shape, dtype in function.result_forms(views, backend)
    )
    check_trace(results)
    if not tensors[0].is_meta:
        function.run(
            views,
            [result.data_ptr() for result in results],
            backend,
            torch.get_num_threads(),
            FORCED_OPTIONS,
        )
    return results


class MapReduce(torch.autograd.Function):
    """A function of the engine. Its backward is another one, and so on.

    A logarithm returns its state as well, the sum on a scale and the scale,
    which its derivatives start from.
    """

    @staticmethod
    def forward(ctx, function, backend, *tensors):
        ctx.set_materialize_grads(False)
        ctx.function = function
        ctx.backend = backend
        results = _evaluate(function, backend, tensors)
        state = ()
        if function.is_logarithm:
            _, total, scale = results
            state = (scale, total)
            ctx.mark_non_differentiable(scale)
        ctx.save_for_backward(*tensors, *state)
        return results

    @staticmethod
    def jvp(ctx, *tangents):
        refuse_forward_mode()

    @staticmethod
    def backward(ctx, *cotangents):
        check_cotangents(cotangents)
        tensors = ctx.saved_tensors  # Hooks allow to unpack them only once.
        needed = ctx.needs_input_grad[2:]
        wrt = [k for k, is_needed in enumerate(needed) if is_needed]
        given = [k for k, c in enumerate(cotangents) if c is not None]
        gradients: list[torch.Tensor | None] = [None] * len(needed)
        if wrt and given:
            results = MapReduce.apply(
                ctx.function.vjp(wrt, given),
                ctx.backend,
                *tensors,
                *(cotangents[k] for k in given),
            )
            for k, result in zip(wrt, results, strict=True):
                gradients[k] = result.reshape(tensors[k].shape)
        return None, None, *gradients
