# SPDX-License-Identifier: MIT
"""The modes of the backend "pytorch".

Like `dense`, this holds whole matrices, leaves derivatives to autograd, and
shares no formula with the engine.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from gramless import _core
from gramless.torch.dense import kernel_matrix, scaled_matrix
from gramless.torch.dense_math import GammaSlot, log_size, product
from gramless.torch.dense_scaled import (
    LogArithmetic,
    Scaled,
    collapsed,
    finite,
    logarithm,
    terms,
)
from gramless.torch.kernel import Kernel

# The pair axis of each argument of a mode.
_PAIRS = {
    name: [pair for _, pair in arguments]
    for name, _, arguments, _ in _core.modes()
}
_NEED_LOGARITHM = ("lse_mult_i", "sinkhorn_cost")


def _bounded(t: Tensor) -> Tensor:
    """Returns t, of which finite numbers beyond a quarter of the range are
    that quarter, with derivative 1: four of them have a finite sum."""
    most = torch.finfo(t.dtype).max / 4
    is_beyond = t.isfinite() & (t.abs() > most)
    moved = t - t.detach() + t.detach().clamp(-most, most)
    return torch.where(is_beyond, moved, t)


def _log_sum_exp(m: Tensor, t: Tensor) -> Tensor:
    """Returns log Σ_j m exp(t) of (M, N, E) tensors."""
    if t.shape[1] == 0:
        return t.sum(1) - math.inf
    shift = (t.detach() + log_size(m.detach())).amax(1, keepdim=True)
    shift = finite(shift)
    total = product(m, t - shift).sum(1)
    is_zero = total == 0
    log = torch.where(is_zero, 1.0, total).log()
    return torch.where(is_zero, -math.inf, log + shift[:, 0])


def _whole_power(m: Tensor, h: Tensor) -> Tensor:
    """Returns m**h of 0 or 1, by products: autograd's own power has no third
    derivative at 0. The seventh power stands for all higher ones, whose first
    six derivatives are 0 as well."""
    result = torch.ones_like(m)
    for bit in (1, 2, 4):
        is_set = torch.floor(h.clamp(1, 7) / bit) % 2 == 1
        result = result * torch.where(is_set, m, 1.0)
        m = m * m
    return result


class _Modes:
    """The value of each mode, of the kernel of all pairs."""

    def __init__(self, k: Scaled, shape: tuple[int, int]) -> None:
        self._k = k
        self._shape = shape

    @property
    def log(self) -> Tensor:
        """Returns c = log k, NaN where k is negative."""
        is_negative = collapsed(self._k).m < 0
        log = torch.where(is_negative, math.nan, logarithm(self._k))
        return log.expand(self._shape)

    def _terms(self, *potentials: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Returns terms (m, e), each of which is 0 where e would be -inf."""
        at_pair = sum(_bounded(p) for p in potentials)
        results = []
        for m, e in terms(self._k):
            e = torch.zeros_like(m) if e is None else e
            is_nothing = (e == -math.inf) & ~m.isnan()
            m = torch.where(is_nothing, 0.0, m).expand(self._shape)
            e = _bounded(torch.where(is_nothing, 0.0, e)) + at_pair
            results.append((m, e.expand(self._shape)))
        return results

    def _weights(self, a: Tensor, b: Tensor) -> Tensor:
        """Returns k exp(a_i + b_j)."""
        return sum(product(*term) for term in self._terms(a, b.T))

    def lse(self, b: Tensor) -> Tensor:
        return self._lse(self._terms(), b)

    def log_scaled_lse(self, b: Tensor, i: Tensor, j: Tensor) -> Tensor:
        return self._lse(self._terms(i, j.T), b)

    def _lse(self, given: list[tuple[Tensor, Tensor]], b: Tensor) -> Tensor:
        b = _bounded(b)
        logits = [e[:, :, None] + b for _, e in given]
        factors = [m[:, :, None].expand_as(logits[0]) for m, _ in given]
        return _log_sum_exp(torch.cat(factors, 1), torch.cat(logits, 1))

    def log_scaled(self, b: Tensor, i: Tensor, j: Tensor) -> Tensor:
        return self._weights(i, j) @ b

    def log_scaled_barycenter(
        self, b: Tensor, i: Tensor, j: Tensor, center: Tensor
    ) -> Tensor:
        difference = b[None, :, :] - center[:, None, :]
        return (self._weights(i, j)[:, :, None] * difference).sum(1)

    def times_log(self, h: Tensor) -> Tensor:
        """Returns h * log k, which is 0 where h is 0."""
        m, t = self._power(h)
        return torch.where(m == 0, -math.inf, t)

    def _power(self, h: Tensor) -> tuple[Tensor, Tensor]:
        """Returns k**h: exp(h log k), but where k = 0 what a product has."""
        log = self.log
        is_zero = log == -math.inf
        t = _bounded(h * torch.where(is_zero, 0.0, log))
        [(m, e), *_] = self._terms_of_one()
        h = h.detach()
        is_whole = is_zero & (h > 0) & (h == h.round())
        power = _whole_power(torch.where(is_whole, m, 1.0), h)
        # A power that is no product is 0 without a derivative, as a root is.
        power = torch.where(is_zero & (h > 0) & ~is_whole, 0.0, power)
        at_zero = torch.where(h < 0, math.inf, torch.where(h > 0, h * e, 0.0))
        return power, torch.where(is_zero, at_zero, t)

    def _terms_of_one(self) -> list[tuple[Tensor, Tensor]]:
        k = collapsed(self._k)
        return _Modes(k, self._shape)._terms()

    def lse_mult_i(self, b: Tensor, h: Tensor) -> Tensor:
        return self._lse([self._power(h)], b)

    def sinkhorn_cost(self, i: Tensor, j: Tensor) -> Tensor:
        log = self.log
        cost = -torch.where(log == -math.inf, 0.0, log)
        return (cost * self._weights(i, j)).sum(1, keepdim=True)

    def sinkhorn_primal(
        self, i: Tensor, j: Tensor, u: Tensor, v: Tensor
    ) -> Tensor:
        return ((u + v.T - 1) * self._weights(i, j)).sum(1, keepdim=True)


def dense_product(
    kernel: Kernel,
    x: Sequence[Tensor],
    y: Sequence[Tensor],
    gamma: Sequence[GammaSlot],
    bs: Sequence[Tensor],
    mode: str,
) -> Tensor:
    """Returns the kernel product in a mode."""
    given = (kernel, x, y, gamma, bs)
    if mode == "sum":
        return dense_matrix(*given, mode) @ bs[0]
    return getattr(_modes_of(*given, mode), mode)(*bs)


def dense_matrix(
    kernel: Kernel,
    x: Sequence[Tensor],
    y: Sequence[Tensor],
    gamma: Sequence[GammaSlot],
    bs: Sequence[Tensor],
    mode: str,
) -> Tensor:
    """Returns the (M, N) matrix k, or in other modes the logit without b."""
    if mode == "sum":
        shape = _shape_of(x, y, bs, mode)
        return kernel_matrix(kernel, x, y, gamma, bs[0], shape)
    modes = _modes_of(kernel, x, y, gamma, bs, mode)
    if mode == "lse":
        return modes.log
    if mode == "lse_mult_i":
        return modes.times_log(bs[1])
    potentials = bs[:2] if mode.startswith("sinkhorn") else bs[1:3]
    return modes.log + potentials[0] + potentials[1].T


def _modes_of(kernel, x, y, gamma, bs, mode) -> _Modes:
    shape = _shape_of(x, y, bs, mode)
    arithmetic = LogArithmetic(bs[0].dtype, mode in _NEED_LOGARITHM)
    k = scaled_matrix(kernel, x, y, gamma, bs[0], shape, arithmetic)
    return _Modes(k, shape)


def _shape_of(x, y, bs, mode) -> tuple[int, int]:
    """Returns (M, N), which without variables the mode's arguments tell."""
    rows = dict(zip(_PAIRS[mode], bs, strict=True))
    i, j = (x[0] if x else rows["i"]), (y[0] if y else rows["j"])
    return i.shape[0], j.shape[0]
