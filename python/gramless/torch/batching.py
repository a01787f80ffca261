# SPDX-License-Identifier: MIT
"""Dimensions that vmap maps over, as leading dimensions of a batch."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from gramless.torch.program import Program


def _in_front(
    tensor: torch.Tensor, has_rows: bool, leading: int
) -> torch.Tensor:
    """Returns a tensor (problems, ...) with dimensions between the two.

    Its own ones are aligned at the end of those of the batch.
    """
    problems, *shape = tensor.shape
    if not has_rows and len(shape) < 2:  # One number, or the columns alone.
        return tensor.reshape(problems, *[1] * (leading + 1), -1)
    between = [1] * (leading + 2 - len(shape))
    return tensor.reshape(problems, *between, *shape)


def to_batch(
    program: Program,
    problems: int,
    in_dims: Sequence[int | None],
    tensors: Sequence[torch.Tensor],
) -> list[torch.Tensor]:
    """Returns a function's arguments with the problems as first dimension.

    Arguments that vmap does not map over are left to broadcasting, unless
    there is a gradient of them, which is one for each problem.
    """
    like = set(program.core.results_like)
    mapped = []
    for position, (tensor, dimension) in enumerate(
        zip(tensors, in_dims, strict=True)
    ):
        if dimension is not None:
            mapped.append(tensor.movedim(dimension, 0))
        elif position in like:
            mapped.append(tensor.expand(problems, *tensor.shape))
        else:
            mapped.append(None)
    dimensions = [
        tensor.dim() if own is None else own.dim() - 1
        for tensor, own in zip(tensors, mapped, strict=True)
    ]
    leading = max(0, *(count - 2 for count in dimensions))
    return [
        tensor if own is None else _in_front(own, bool(pair), leading)
        for tensor, own, (_, pair, _, _) in zip(
            tensors, mapped, program.core.arguments, strict=True
        )
    ]


def unwrap(
    tensors: Sequence[torch.Tensor], level: int
) -> tuple[list[torch.Tensor], list[int | None], int]:
    """Takes tensors out of a batch of gradients.

    Returns them, the dimension of each that counts the gradients, None where
    it is one for all, and their number.
    """
    # Of what is no part of the batch, this is a batch of one.
    wrapped = [torch._remove_batch_dim(t, level, 1, 0) for t in tensors]
    count = max(len(tensor) for tensor in wrapped)
    inner = [t[0] if len(t) == 1 else t for t in wrapped]
    return inner, [None if len(t) == 1 else 0 for t in wrapped], count


def wrap(
    tensors: Sequence[torch.Tensor], level: int
) -> tuple[torch.Tensor, ...]:
    """Puts results into the batch."""
    return tuple(torch._add_batch_dim(tensor, 0, level) for tensor in tensors)
