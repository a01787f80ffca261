# SPDX-License-Identifier: MIT
"""Batches of the backends "pytorch" and "matrix": one problem at a time."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import torch
from torch import Tensor

from gramless.torch.arguments import Call

Index = tuple[int, ...] | None
"""A problem of a batch; None for one of zeros, of a batch without any."""


def _part(tensor: Tensor, leading: torch.Size, index: Index) -> Tensor:
    """Returns a problem's part of a tensor (..., rows, columns)."""
    if index is None:
        return tensor.new_zeros(tensor.shape[-2:])
    return tensor.expand(*leading, *tensor.shape[-2:])[index]


def _gamma_part(
    slot: tuple[Tensor, str] | None, leading: torch.Size, index: Index
) -> tuple[Tensor, str] | None:
    if slot is None or slot[0].dim() < 3:
        return slot
    tensor, rows = slot
    part = _part(tensor, leading, index)
    # One row behind leading dimensions is a constant of the problem.
    return (part[0], "") if len(part) == 1 else (part, rows)


def over_batch(function: Callable, call: Call, mode: str) -> Tensor:
    """Returns what a function of one problem gives for each, stacked."""
    leading = torch.broadcast_shapes(*(t.shape[:-2] for t in call.tensors))
    if not leading:
        given = (call.x, call.y, call.gamma, call.bs)
        return function(call.kernel, *given, mode)

    def value(index: Index) -> Tensor:
        x, y, bs = (
            [_part(tensor, leading, index) for tensor in tensors]
            for tensors in (call.x, call.y, call.bs)
        )
        gamma = [_gamma_part(slot, leading, index) for slot in call.gamma]
        return function(call.kernel, x, y, gamma, bs, mode)

    if 0 in leading:
        zero = value(None)
        return zero.new_empty(*leading, *zero.shape)
    values = [value(i) for i in itertools.product(*map(range, leading))]
    return torch.stack(values).view(*leading, *values[0].shape)
