# SPDX-License-Identifier: MIT
"""The atoms of the backend "pytorch".

They share no formula with the engine, so that each can check the other.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from gramless.torch.dense_math import (
    quadratic_form,
    root,
    weighted_square,
)
from gramless.torch.dense_scaled import Arithmetic, Scaled


class _Atom(NamedTuple):
    """A kernel base**power exp(exponent), of functions of its arguments.

    `excess` in place of `base` is base - 1, which log k keeps the digits of.
    """

    excess: Callable[..., Tensor] | None = None
    base: Callable[..., Tensor] | None = None
    power: float = 1.0
    exponent: Callable[..., Tensor] | None = None


def _smooth(q: Tensor, at_zero: Tensor, of_r: Callable) -> Tensor:
    """Returns a function of r = sqrt(q), but at q = 0 another one of q.

    That one has the derivatives of the whole kernel as a function of q. Far
    away the exponent alone counts, and r may be anything finite.
    """
    is_zero = q == 0
    r = torch.where(is_zero, 1.0, q).sqrt()
    r = torch.where(r == math.inf, 1.0, r)
    return torch.where(is_zero, at_zero, of_r(r))


def _excess_of_matern32(q: Tensor) -> Tensor:
    return _smooth(q, -q / 2, lambda r: r)


def _excess_of_matern52(q: Tensor) -> Tensor:
    return _smooth(q, q * q / 24 - q / 6, lambda r: r + r * (r / 3))


def _minus_root(q: Tensor) -> Tensor:
    return -root(q)


# Functions of q and of the second parameter.
_OF_Q = {
    "gaussian": _Atom(exponent=torch.neg),
    "laplacian": _Atom(exponent=_minus_root),
    "cauchy": _Atom(excess=lambda q: q, power=-1),
    "inverse_multiquadric": _Atom(excess=lambda q: q, power=-0.5),
    "distance": _Atom(base=lambda q: q, power=0.5),
    "matern32": _Atom(excess=_excess_of_matern32, exponent=_minus_root),
    "matern52": _Atom(excess=_excess_of_matern52, exponent=_minus_root),
    "multiquadric": _Atom(excess=lambda q: q, power=0.5),
    "rational_quadratic": _Atom(
        exponent=lambda q, alpha: -alpha * torch.log1p(q / alpha)
    ),
}

# Functions of s and g.
_OF_S = {
    "linear": _Atom(base=lambda s, _: s),
    "binet": _Atom(base=lambda s, _: s, power=2),
    "gaussian_oriented": _Atom(exponent=lambda s, g: 2 * g * (s - 1)),
    "gaussian_unoriented": _Atom(exponent=lambda s, g: 2 * g * (s * s - 1)),
}


# Functions of x - y, of the metric and of the second parameter.
_OF_DIFFERENCES = {
    "periodic": _Atom(
        exponent=lambda d, g, f: (
            -weighted_square(g, torch.sin(math.pi * f[..., None] * d))
        )
    ),
}


def _arguments(name: str, x: Tensor, y: Tensor, gammas: list) -> tuple:
    """Returns what an atom is a function of, for all pairs."""
    metric, *rest = gammas
    numbers = [gamma[:, :, 0] for gamma in rest]
    if name in _OF_Q:
        return quadratic_form(x, y, metric), *numbers
    if name in _OF_DIFFERENCES:
        return x[:, None, :] - y[None, :, :], metric, *numbers
    s = (x[:, None, :] * y[None, :, :]).sum(2)
    return s, None if metric is None else metric[:, :, 0]


def atom(
    name: str,
    key: object,
    arithmetic: Arithmetic,
    x: Tensor,
    y: Tensor,
    gammas: list[Tensor | None],
) -> Scaled:
    """Returns an atom for all pairs. The key says which one it is.

    There is a gamma for each parameter, in a shape that broadcasts to
    (M, N, K).
    """
    row = {**_OF_Q, **_OF_S, **_OF_DIFFERENCES}[name]
    given = _arguments(name, x, y, gammas)
    e = row.exponent(*given) if row.exponent else None
    if row.excess:
        excess = row.excess(*given)
        k = arithmetic.leaf(1 + excess)
    elif row.base:
        k = arithmetic.leaf(row.base(*given))
    else:
        k = arithmetic.leaf(torch.ones_like(e))
    if row.power != 1:
        k = arithmetic.power(k, row.power, key)
    if row.excess and arithmetic.has_log:
        k = k._replace(log=row.power * torch.log1p(excess))
    return k.with_exponent(e)
