# SPDX-License-Identifier: MIT
"""Runs functions of the engine on torch tensors, inside torch's autograd."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from gramless import _core
from gramless.torch.arguments import check_memory
from gramless.torch.batching import to_batch, unwrap, wrap
from gramless.torch.program import Program
from gramless.torch.transforms import (
    has_memory,
    is_reached,
    is_traced,
    is_transforming,
    level_of_gradients,
    size_hint,
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
    address = tensor.data_ptr() if has_memory(tensor) else 0
    return _view(tensor, address, tensor.shape, tensor.stride())


def form_of(tensor: torch.Tensor) -> _core.Array:
    """Returns the view of a tensor that may have no memory, to be checked.

    It is not read before check_memory() has passed.
    """
    if has_memory(tensor):
        address = tensor.data_ptr() or 1
        return _view(tensor, address, tensor.shape, tensor.stride())
    shape = [size_hint(size) for size in tensor.shape]
    return _view(tensor, 1, shape, [1] * len(shape))


def _view(
    tensor: torch.Tensor,
    address: int,
    shape: Sequence[int],
    strides: Sequence[int],
) -> _core.Array:
    device = tensor.device
    name = "cpu" if device == _CPU else str(device)
    dtype = _DTYPE_NAMES[tensor.dtype]
    return _core.Array(address, shape, strides, dtype, name)


def _evaluate(
    program: Program,
    backend: str,
    tensors: Sequence[torch.Tensor],
    views: Sequence[_core.Array] | None,
) -> Sequence[torch.Tensor]:
    """Runs a program on tensors, of which there may be views already.

    With no views, an empty sequence, it is unknown whether they have memory.
    """
    if not views and is_traced(tensors):
        operator = torch.ops.gramless.map_reduce.default
        with torch._C._AutoDispatchBelowAutograd():
            return tuple(operator(program.text, backend, list(tensors)))
    return compute(program, backend, tensors, views)


def compute(
    program: Program,
    backend: str,
    tensors: Sequence[torch.Tensor],
    views: Sequence[_core.Array] | None,
) -> tuple[torch.Tensor, ...]:
    """Runs a program in the engine."""
    if any(tensor.is_neg() for tensor in tensors):
        # Views of conjugates keep a sign apart from their memory.
        tensors = [tensor.resolve_neg() for tensor in tensors]
        views = None
    if not views:
        if views is not None:
            check_memory(tensors)
        views = [view_of(tensor) for tensor in tensors]
    like = tensors[0]
    results = tuple(
        like.new_empty(shape, dtype=_DTYPES[dtype])
        for shape, dtype in program.core.result_forms(views, backend)
    )
    if not like.is_meta:
        program.core.run(
            views,
            [result.data_ptr() for result in results],
            backend,
            torch.get_num_threads(),
            FORCED_OPTIONS,
            *(_queue(like.device) if like.is_cuda else ()),
        )
    return results


def _queue(device: torch.device) -> tuple[int, Callable[[int], int]]:
    """Returns the current stream, and what takes memory for its work.

    That is torch's again when the call returns, for work behind its own.
    """
    taken = []

    def take(count: int) -> int:
        taken.append(torch.empty(count, dtype=torch.uint8, device=device))
        return taken[-1].data_ptr()

    return torch.cuda.current_stream(device).cuda_stream, take


def _most_pairs(tensors: Sequence[torch.Tensor]) -> int:
    """Returns how many pairs the rows of some tensors make at most."""
    rows = sorted({tensor.shape[-2] for tensor in tensors if tensor.dim() > 1})
    return rows[-1] * rows[-2:][0] if rows else 0


def map_reduce(
    program: Program,
    backend: str,
    views: Sequence[_core.Array] | None,
    *tensors: torch.Tensor,
) -> tuple[torch.Tensor, ...]:
    """Evaluates a function of the engine, differentiable to any order.

    A logarithm returns its state as well, the sum on a scale and the scale,
    which its derivatives start from.
    """
    form = TransformedMapReduce if is_transforming() else MapReduce
    return form.apply(program, backend, views, *tensors)


def evaluate_batch(
    program: Program,
    backend: str,
    tensors: Sequence[torch.Tensor],
) -> tuple[torch.Tensor, ...]:
    """Evaluates a derivative, for one gradient or a batch of them."""
    level = level_of_gradients(tensors)
    if level == 0:
        return map_reduce(program, backend, None, *tensors)
    inner, dimensions, count = unwrap(tensors, level)
    batch = to_batch(program, count, dimensions, inner)
    return wrap(map_reduce(program, backend, None, *batch), level)


def _save(
    ctx,
    program: Program,
    backend: str,
    tensors: Sequence[torch.Tensor],
    output: Sequence[torch.Tensor],
) -> None:
    """Keeps what derivatives start from."""
    ctx.set_materialize_grads(False)
    ctx.program = program
    ctx.backend = backend
    state = ()
    if program.core.is_logarithm:
        _, total, scale = output
        state = (scale, total)
        ctx.mark_non_differentiable(scale)
    ctx.save_for_backward(*tensors, *state)
    ctx.save_for_forward(*tensors, *state)
    results = output[:2] if state else output
    ctx.cotangent_forms = [(r.shape, r.dtype) for r in results]


class _Derivatives(torch.autograd.Function):
    """The derivatives of a program: other programs."""

    @staticmethod
    def jvp(ctx, *tangents):
        """Differentiates the vector-Jacobian product, which is linear."""
        saved = ctx.saved_tensors
        wrt = [k for k, t in enumerate(tangents[3:]) if t is not None]
        given = list(range(len(ctx.cotangent_forms)))
        pullback = ctx.program.vjp(wrt, given)
        zeros = [  # The value does not depend on them.
            saved[0].new_zeros((), dtype=dtype).expand(shape)
            for shape, dtype in ctx.cotangent_forms
        ]
        results = evaluate_batch(
            pullback.vjp(
                [len(saved) + k for k in given], list(range(len(wrt)))
            ),
            ctx.backend,
            [*saved, *zeros, *(tangents[3 + k] for k in wrt)],
        )
        is_logarithm = ctx.program.core.is_logarithm
        return (*results, None) if is_logarithm else results

    @staticmethod
    def backward(ctx, *cotangents):
        tensors = ctx.saved_tensors  # Hooks allow to unpack them only once.
        count = len(ctx.needs_input_grad) - 3
        wrt = [k for k in range(count) if ctx.needs_input_grad[3 + k]]
        if not is_traced(tensors) and _most_pairs(tensors) >= _MANY_PAIRS:
            nodes = [node for node, _ in ctx.next_functions]
            if len(nodes) == count:  # Not so inside of torch.func.
                wrt = [k for k in wrt if is_reached(nodes[k])]
        given = [k for k, c in enumerate(cotangents) if c is not None]
        gradients: list[torch.Tensor | None] = [None] * count
        if wrt and given:
            results = evaluate_batch(
                ctx.program.vjp(wrt, given),
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
    def forward(ctx, program, backend, views, *tensors):
        output = _evaluate(program, backend, tensors, views)
        _save(ctx, program, backend, tensors, output)
        return output


class TransformedMapReduce(_Derivatives):
    """The same for torch.func, whose form of it takes 20 microseconds more."""

    @staticmethod
    def forward(program, backend, views, *tensors):
        return _evaluate(program, backend, tensors, views)

    @staticmethod
    def setup_context(ctx, inputs, output):
        program, backend, _, *tensors = inputs
        _save(ctx, program, backend, tensors, output)

    @staticmethod
    def vmap(info, in_dims, program, backend, _, *tensors):
        batch = to_batch(program, info.batch_size, in_dims[3:], tensors)
        results = map_reduce(program, backend, None, *batch)
        return results, (0,) * len(results)
