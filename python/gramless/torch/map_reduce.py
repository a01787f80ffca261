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
    is_reached,
    refuse_forward_mode,
)

# Choices of the engine that tests force, by name.
FORCED_OPTIONS: dict[str, int] = {}

_DTYPE_NAMES = {torch.float32: "float32", torch.float64: "float64"}

# Pairs from which on a gradient that nobody asks for costs more than to find
# that out, which takes some 20 microseconds.
_MANY_PAIRS = 1 << 20

_DTYPES = {name: dtype for dtype, name in _DTYPE_NAMES.items()}
_CPU = torch.device("cpu")


def view_of(tensor: torch.Tensor) -> _core.Array:
    """Returns the engine's view of a tensor's memory."""
    return _view_at(tensor.data_ptr() if has_memory(tensor) else 0, tensor)


def form_of(tensor: torch.Tensor) -> _core.Array:
    """Returns the view of a tensor that may have no memory, to be checked.

    It is not read before check_trace() and check_memory() have passed.
    """
    address = tensor.data_ptr() if has_memory(tensor) else 0
    return _view_at(address or 1, tensor)


def _view_at(address: int, tensor: torch.Tensor) -> _core.Array:
    device = tensor.device
    name = "cpu" if device == _CPU else str(device)
    dtype = _DTYPE_NAMES[tensor.dtype]
    try:
        return _core.Array(address, tensor.shape, tensor.stride(), dtype, name)
    except TypeError:  # Symbols of a trace.
        shape = tuple(map(int, tensor.shape))
        return _core.Array(
            address, shape, tuple(map(int, tensor.stride())), dtype, name
        )


def _evaluate(
    function: _core.ArrayFunction,
    backend: str,
    tensors: Sequence[torch.Tensor],
    views: Sequence[_core.Array] | None,
) -> tuple[torch.Tensor, ...]:
    """Runs a function on tensors, of which there may be views already."""
    if any(tensor.is_neg() for tensor in tensors):
        # Views of conjugates keep a sign apart from their memory.
        tensors = [tensor.resolve_neg() for tensor in tensors]
        views = None
    if views is None:
        check_trace(tensors)
        views = [view_of(tensor) for tensor in tensors]
    like = tensors[0]
    results = tuple(
        like.new_empty(shape, dtype=_DTYPES[dtype])
        for shape, dtype in function.result_forms(views, backend)
    )
    check_trace(results)
    if not like.is_meta:
        function.run(
            views,
            [result.data_ptr() for result in results],
            backend,
            torch.get_num_threads(),
            FORCED_OPTIONS,
        )
    return results


def _most_pairs(tensors: Sequence[torch.Tensor]) -> int:
    """Returns how many pairs the rows of some tensors make at most."""
    rows = sorted({tensor.shape[-2] for tensor in tensors if tensor.dim() > 1})
    return rows[-1] * rows[-2:][0] if rows else 0


class MapReduce(torch.autograd.Function):
    """A function of the engine. Its backward is another one, and so on.

    A logarithm returns its state as well, the sum on a scale and the scale,
    which its derivatives start from.
    """

    @staticmethod
    def forward(ctx, function, backend, views, *tensors):
        ctx.set_materialize_grads(False)
        ctx.function = function
        ctx.backend = backend
        results = _evaluate(function, backend, tensors, views)
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
        nodes = [node for node, _ in ctx.next_functions]  # One per tensor.
        is_long = _most_pairs(tensors) >= _MANY_PAIRS
        wrt = [
            k
            for k, node in enumerate(nodes)
            if node is not None and (not is_long or is_reached(node))
        ]
        given = [k for k, c in enumerate(cotangents) if c is not None]
        gradients: list[torch.Tensor | None] = [None] * len(nodes)
        if wrt and given:
            results = MapReduce.apply(
                ctx.function.vjp(wrt, given),
                ctx.backend,
                None,
                *tensors,
                *(cotangents[k] for k in given),
            )
            for k, result in zip(wrt, results, strict=True):
                shape = tensors[k].shape
                is_same = result.shape == shape
                gradients[k] = result if is_same else result.reshape(shape)
        return None, None, None, *gradients
