# SPDX-License-Identifier: MIT
"""Runs functions of the engine on torch tensors, inside torch's autograd."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from gramless import _core
from gramless.torch.arguments import check_memory
from gramless.torch.batching import to_batch, unwrap, wrap
from gramless.torch.transforms import (
    check_trace,
    has_memory,
    is_reached,
    is_transforming,
    level_of_gradients,
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
    """Runs a function on tensors, of which there may be views already.

    With no views, an empty sequence, it is unknown whether they have memory.
    """
    if any(tensor.is_neg() for tensor in tensors):
        # Views of conjugates keep a sign apart from their memory.
        tensors = [tensor.resolve_neg() for tensor in tensors]
        views = None
    if not views:
        check_trace(tensors)
        if views is not None:
            check_memory(tensors)
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


def map_reduce(
    function: _core.ArrayFunction,
    backend: str,
    views: Sequence[_core.Array] | None,
    *tensors: torch.Tensor,
) -> tuple[torch.Tensor, ...]:
    """Evaluates a function of the engine, differentiable to any order.

    A logarithm returns its state as well, the sum on a scale and the scale,
    which its derivatives start from.
    """
    form = TransformedMapReduce if is_transforming() else MapReduce
    return form.apply(function, backend, views, *tensors)


def _derivative(
    function: _core.ArrayFunction,
    backend: str,
    tensors: Sequence[torch.Tensor],
) -> tuple[torch.Tensor, ...]:
    """Evaluates a derivative, for one gradient or a batch of them."""
    level = level_of_gradients(tensors)
    if level == 0:
        return map_reduce(function, backend, None, *tensors)
    inner, dimensions, count = unwrap(tensors, level)
    batch = to_batch(function, count, dimensions, inner)
    return wrap(map_reduce(function, backend, None, *batch), level)


def _save(ctx, inputs, output) -> None:
    """Keeps what derivatives start from."""
    function, backend, _, *tensors = inputs
    ctx.set_materialize_grads(False)
    ctx.function = function
    ctx.backend = backend
    state = ()
    if function.is_logarithm:
        _, total, scale = output
        state = (scale, total)
        ctx.mark_non_differentiable(scale)
    ctx.save_for_backward(*tensors, *state)
    ctx.save_for_forward(*tensors, *state)
    results = output[:2] if state else output
    ctx.cotangent_forms = [(r.shape, r.dtype) for r in results]


class _Derivatives(torch.autograd.Function):
    """The derivatives of a function: other functions of the engine."""

    @staticmethod
    def jvp(ctx, *tangents):
        """Differentiates the vector-Jacobian product, which is linear."""
        saved = ctx.saved_tensors
        wrt = [k for k, t in enumerate(tangents[3:]) if t is not None]
        given = list(range(len(ctx.cotangent_forms)))
        pullback = ctx.function.vjp(wrt, given)
        zeros = [  # The value does not depend on them.
            saved[0].new_zeros((), dtype=dtype).expand(shape)
            for shape, dtype in ctx.cotangent_forms
        ]
        results = _derivative(
            pullback.vjp(
                [len(saved) + k for k in given], list(range(len(wrt)))
            ),
            ctx.backend,
            [*saved, *zeros, *(tangents[3 + k] for k in wrt)],
        )
        return (*results, None) if ctx.function.is_logarithm else results

    @staticmethod
    def backward(ctx, *cotangents):
        tensors = ctx.saved_tensors  # Hooks allow to unpack them only once.
        count = len(ctx.needs_input_grad) - 3
        wrt = [k for k in range(count) if ctx.needs_input_grad[3 + k]]
        if _most_pairs(tensors) >= _MANY_PAIRS:
            nodes = [node for node, _ in ctx.next_functions]
            if len(nodes) == count:  # Not so inside of torch.func.
                wrt = [k for k in wrt if is_reached(nodes[k])]
        given = [k for k, c in enumerate(cotangents) if c is not None]
        gradients: list[torch.Tensor | None] = [None] * count
        if wrt and given:
            results = _derivative(
                ctx.function.vjp(wrt, given),
                ctx.backend,
                [*tensors, *(cotangents[k] for k in given)],
            )
            for k, result in zip(wrt, results, strict=True):
                shape = tensors[k].shape
                is_same = result.shape == shape
                gradients[k] = result if is_same else result.reshape(shape)
        return None, None, None, *gradients


class MapReduce(_Derivatives):
    @staticmethod
    def forward(ctx, *inputs):
        function, backend, views, *tensors = inputs
        output = _evaluate(function, backend, tensors, views)
        _save(ctx, inputs, output)
        return output


class TransformedMapReduce(_Derivatives):
    """The same for torch.func, whose form of it takes 20 microseconds more."""

    @staticmethod
    def forward(function, backend, views, *tensors):
        return _evaluate(function, backend, tensors, views)

    @staticmethod
    def setup_context(ctx, inputs, output):
        _save(ctx, inputs, output)

    @staticmethod
    def vmap(info, in_dims, function, backend, _, *tensors):
        batch = to_batch(function, info.batch_size, in_dims[3:], tensors)
        results = map_reduce(function, backend, None, *batch)
        return results, (0,) * len(results)
