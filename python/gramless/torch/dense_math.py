# SPDX-License-Identifier: MIT
"""Functions of plain torch operations that the dense backends share."""

from __future__ import annotations

import math

import torch

GammaSlot = tuple[torch.Tensor, str] | None
"""A gamma slot: the tensor, and the axis of its rows: "i", "j" or ""."""


def root(q: torch.Tensor, at_zero: torch.Tensor | float = 0.0):
    """Returns sqrt(q) with derivative 0 at 0, at every order."""
    is_zero = q == 0
    return torch.where(is_zero, at_zero, torch.where(is_zero, 1.0, q).sqrt())


def per_pair(gamma: GammaSlot) -> torch.Tensor | None:
    """Returns gamma in a shape that broadcasts to (M, N, K)."""
    if gamma is None:
        return None
    tensor, rows = gamma
    if rows == "i":
        return tensor[:, None, :]
    if rows == "j":
        return tensor[None, :, :]
    return tensor.reshape(1, 1, -1)


def quadratic_form(
    x: torch.Tensor, y: torch.Tensor, gamma: torch.Tensor
) -> torch.Tensor:
    """Returns q = <x - y, G (x - y)> for all pairs."""
    difference = x[:, None, :] - y[None, :, :]
    dimension = x.shape[1]
    if gamma.shape[2] in (1, dimension):
        return (gamma * difference * difference).sum(2)
    matrix = gamma.reshape(*gamma.shape[:2], dimension, dimension)
    rotated = (matrix * difference[:, :, None, :]).sum(3)
    return (difference * rotated).sum(2)


def integer_power(base, exponent: int):
    """Multiplies, so that signs are kept and derivatives at 0 are right."""
    if exponent < 0:
        return 1 / integer_power(base, -exponent)
    result = base
    for bit in bin(exponent)[3:]:
        result = result * result
        if bit == "1":
            result = result * base
    return result


def real_power(value, exponent: float):
    """Returns a power with derivative 0 at 0."""
    if not isinstance(value, torch.Tensor):
        return value**exponent
    is_zero = value == 0
    power = torch.where(is_zero, 1.0, value) ** exponent
    return torch.where(is_zero, 0.0 if exponent > 0 else math.inf, power)
