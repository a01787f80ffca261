# SPDX-License-Identifier: MIT
"""Functions of plain torch operations that the dense backends share.

Where a branch of a `torch.where` could have an infinite derivative, what goes
into the branch is replaced first: autograd would multiply it by 0.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

GammaSlot = tuple[Tensor, str] | None
"""A gamma slot: the tensor, and the axis of its rows: "i", "j" or ""."""


def root(q: Tensor) -> Tensor:
    """Returns sqrt(q) with derivative 0 at 0, at every order."""
    is_zero = q == 0
    return torch.where(is_zero, 0.0, torch.where(is_zero, 1.0, q).sqrt())


def per_pair(gamma: GammaSlot) -> Tensor | None:
    """Returns gamma in a shape that broadcasts to (M, N, K)."""
    if gamma is None:
        return None
    tensor, rows = gamma
    if rows == "i":
        return tensor[:, None, :]
    if rows == "j":
        return tensor[None, :, :]
    return tensor.reshape(1, 1, -1)


def weighted_square(gamma: Tensor, difference: Tensor) -> Tensor:
    """Returns <d, G d> for all pairs."""
    dimension = difference.shape[2]
    if gamma.shape[2] in (1, dimension):
        return (gamma * difference * difference).sum(2)
    matrix = gamma.reshape(*gamma.shape[:2], dimension, dimension)
    rotated = (matrix * difference[:, :, None, :]).sum(3)
    return (difference * rotated).sum(2)


def quadratic_form(x: Tensor, y: Tensor, gamma: Tensor) -> Tensor:
    """Returns q = <x - y, G (x - y)> for all pairs.

    An overflow is +inf, without a derivative.
    """
    difference = x[:, None, :] - y[None, :, :]
    with torch.no_grad():
        is_far = weighted_square(gamma, difference) == math.inf
    near = torch.where(is_far[:, :, None], 0.0, difference)
    return torch.where(is_far, math.inf, weighted_square(gamma, near))


def integer_power(base: Tensor, exponent: int) -> Tensor:
    """Multiplies, so that signs are kept and derivatives at 0 are right."""
    if exponent < 0:
        return 1 / integer_power(base, -exponent)
    result = base
    for bit in bin(exponent)[3:]:
        result = result * result
        if bit == "1":
            result = result * base
    return result


def log_size(factor: Tensor) -> Tensor:
    """Returns log|factor|, -inf and without a derivative at 0."""
    is_zero = factor == 0
    return torch.where(
        is_zero, -math.inf, torch.where(is_zero, 1.0, factor).abs().log()
    )


def together(*tensors: Tensor) -> tuple[Tensor, ...]:
    """Returns tensors of one shape and format: numbers take that of others."""
    dtype = next((t.dtype for t in tensors if t.dim()), tensors[0].dtype)
    return torch.broadcast_tensors(*(t.to(dtype) for t in tensors))


def product(m: Tensor, t: Tensor | None) -> Tensor:
    """Returns m exp(t), which is 0 where m = 0 or t = -inf.

    Where m = 0, a derivative of m is multiplied by exp(t). It may be 0 as well,
    and so the root of exp(t) is kept a number, with room for autograd.
    """
    if t is None:
        return m
    m, t = together(m, t)
    is_nothing = (t == -math.inf) & ~m.isnan()
    m = torch.where(is_nothing, 0.0, m)
    t = torch.where(is_nothing, 0.0, t)
    largest = 1.5 * math.log(torch.finfo(m.dtype).max)
    t = torch.where(m == 0, t.clamp(max=largest), t)
    # Twice its root: m exp(t) may be normal where exp(t) is not.
    half = torch.exp(t / 2)
    return m * half * half
