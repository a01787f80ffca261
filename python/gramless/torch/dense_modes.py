# SPDX-License-Identifier: MIT
"""The modes of the backend "pytorch", and the log domain that they need.

Like `dense`, this holds whole matrices, leaves derivatives to autograd, and
shares no formula with the engine.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from gramless import _core
from gramless.torch.dense import Evaluator, kernel_matrix, unchained
from gramless.torch.dense_math import (
    GammaSlot,
    integer_power,
    real_power,
    root,
)
from gramless.torch.dense_own import OwnFormulas
from gramless.torch.kernel import Kernel

Scaled = tuple[torch.Tensor, torch.Tensor]
"""A kernel as factor * exp(exponent)."""


# The pair axis of each argument of a mode.
_PAIRS = {
    name: [pair for _, pair in arguments]
    for name, _, arguments, _ in _core.modes()
}


def _log_matern32(q: torch.Tensor) -> torch.Tensor:
    is_zero = q == 0
    r = torch.where(is_zero, 1.0, q).sqrt()
    return torch.where(is_zero, -q / 2, torch.log1p(r) - r)


def _log_matern52(q: torch.Tensor) -> torch.Tensor:
    is_zero = q == 0
    r = torch.where(is_zero, 1.0, q).sqrt()
    near = q * q / 36 - q / 6
    return torch.where(is_zero, near, torch.log1p(r + r * r / 3) - r)


_LOG_OF_Q = {
    "gaussian": torch.neg,
    "laplacian": lambda q: -root(q),
    "matern32": _log_matern32,
    "matern52": _log_matern52,
}
_LOG_OF_S = {
    "gaussian_oriented": lambda s, g: 2 * g * (s - 1),
    "gaussian_unoriented": lambda s, g: 2 * g * (s * s - 1),
}


def _log_size(factor: torch.Tensor) -> torch.Tensor:
    """Returns log|factor|, -inf and without a derivative at 0."""
    is_zero = factor == 0
    return torch.where(
        is_zero, -math.inf, torch.where(is_zero, 1.0, factor).abs().log()
    )


def _size(factor: torch.Tensor) -> torch.Tensor:
    """Returns a power of two near |factor|, without a derivative."""
    size = factor.detach().abs()
    return torch.where(size == 0, 1.0, size).log2().floor().exp2()


def _product(m: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    """Returns m exp(t), which is 0 where m = 0, however large t is."""
    return m * torch.exp(torch.where(m == 0, t.clamp(max=80.0), t))


def _finite(shift: torch.Tensor) -> torch.Tensor:
    """Returns a shift without derivative that differences can be taken to."""
    return shift.detach().nan_to_num(0.0, posinf=0.0, neginf=0.0)


class _LogEvaluator(Evaluator):
    """Evaluates kernels as a factor and an exponent."""

    def scaled(self, tree: tuple) -> Scaled:
        kind = tree[0]
        if kind == "number":
            return self._constant(tree[1]), self._constant(0.0)
        if kind == "atom":
            return self._scaled_atom(*tree[1:])
        if kind in ("own", "formula"):
            return self._scaled_formula(tree)
        if kind == "part":
            return self._scaled_part(*tree[1:])
        if kind == "power":
            return self._scaled_power(tree)
        if kind == "negate":
            m, e = self.scaled(tree[1])
            return -m, e
        first, rest = unchained(tree)
        result = self.scaled(first)
        for kind, operand in rest:
            result = self._combined(kind, result, self.scaled(operand))
        return result

    def _combined(self, kind: str, a: Scaled, b: Scaled) -> Scaled:
        (m, e), (n, f) = a, b
        if kind == "multiply":
            return m * n, e + f
        if kind == "divide":
            return m / n, e - f
        return self._sum((m, e), (-n if kind == "subtract" else n, f))

    def _constant(self, value: float) -> torch.Tensor:
        return self._like.new_tensor(value)

    def _scaled_atom(self, name: str, slot: int, pair: int) -> Scaled:
        if name in _LOG_OF_Q:
            exponent = _LOG_OF_Q[name](self._q(slot, pair))
        elif name in _LOG_OF_S:
            exponent = _LOG_OF_S[name](*self._s_and_g(slot, pair))
        else:
            return self._atom(name, slot, pair), self._constant(0.0)
        return self._constant(1.0), exponent

    def _scaled_formula(self, node: tuple) -> Scaled:
        logarithm = self._own.logarithm(node)
        if logarithm is None:
            return self.scaled(self._own.parts(node))
        return self._constant(1.0), logarithm

    def _scaled_part(self, tree: tuple, node: tuple) -> Scaled:
        if tree[:2] == ("call", "Exp"):
            return self._constant(1.0), self._own.part(tree[2], node)
        return self._own.part(tree, node), self._constant(0.0)

    def _scaled_power(self, tree: tuple) -> Scaled:
        _, base, n = tree
        if n == 0:
            return self._constant(1.0), self._constant(0.0)
        is_whole = n == math.trunc(n)
        if is_whole and base[0] in ("multiply", "divide"):
            powers = (("power", operand, n) for operand in base[1:])
            return self.scaled((base[0], *powers))
        if is_whole and base[0] == "negate":
            power = ("power", base[1], n)
            return self.scaled(("negate", power) if n % 2 else power)
        if is_whole and base[0] == "power":
            return self.scaled(("power", base[1], base[2] * n))
        if base[:2] == ("atom", "distance") and abs(n) <= 4:
            return self._power(base, n), self._constant(0.0)
        factor, exponent = self.scaled(base)
        if is_whole and abs(n) <= 4:
            size = _size(factor)
            power = integer_power(factor / size, int(n))
            return power, n * (exponent + size.log())
        if abs(n) <= 4:
            return real_power(factor, n), exponent * n
        sign = torch.sign(factor.detach()) if n % 2 == 1 else 1.0
        size = exponent + _log_size(factor)
        return torch.ones_like(factor) * sign, n * size

    def _sum(self, a: Scaled, b: Scaled) -> Scaled:
        terms = torch.broadcast_tensors(*a, *b)
        sizes = [e + _log_size(m) for m, e in (terms[:2], terms[2:])]
        scale = _finite(torch.maximum(*sizes))
        parts = [_product(m, e - scale) for m, e in (terms[:2], terms[2:])]
        return parts[0] + parts[1], scale


def _log_sum_exp(m: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    """Returns log Σ_j m exp(t) of (M, N, E) tensors."""
    if t.shape[1] == 0:
        return t.sum(1) - math.inf
    shift = _finite((t + _log_size(m)).amax(1, keepdim=True))
    total = _product(m, t - shift).sum(1)
    is_zero = total == 0
    log = torch.where(is_zero, 1.0, total).log()
    return torch.where(is_zero, -math.inf, log + shift[:, 0])


class _Modes:
    """The value of each mode, with k = m exp(e) for all pairs."""

    def __init__(self, m: torch.Tensor, e: torch.Tensor) -> None:
        self.m, self.e = m, e

    @property
    def log(self) -> torch.Tensor:
        """Returns c = log k, NaN where k is negative."""
        log = torch.where(self.m < 0, math.nan, _log_size(self.m))
        return log + self.e

    def scaled(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return _product(self.m, self.e + a + b.T)

    def lse(self, b, a=0.0, c=None):
        c = 0.0 if c is None else c.T
        t = (self.e + a + c)[:, :, None] + b
        return _log_sum_exp(self.m[:, :, None].expand_as(t), t)

    def log_scaled(self, b, a, c):
        return self.scaled(a, c) @ b

    def log_scaled_barycenter(self, b, a, c, center):
        weights = self.scaled(a, c)
        difference = b[None, :, :] - center[:, None, :]
        return (weights[:, :, None] * difference).sum(1)

    def times_log(self, h: torch.Tensor | float) -> torch.Tensor:
        """Returns h * log k, which is 0 where h is 0."""
        h = torch.as_tensor(h, dtype=self.m.dtype)
        is_zero = self.m == 0
        finite = torch.where(is_zero, 0.0, self.log)
        lost = torch.where(h == 0, 0.0, -math.inf * torch.sign(h.detach()))
        return torch.where(is_zero, lost, h * finite)

    def lse_mult_i(self, b, h):
        t = (self.times_log(h) + b.T)[:, :, None]
        return _log_sum_exp(torch.ones_like(t), t)

    def sinkhorn_cost(self, a, b):
        finite = torch.where(self.m == 0, 0.0, self.log)
        return (-finite * self.scaled(a, b)).sum(1, keepdim=True)

    def sinkhorn_primal(self, a, b, u, v):
        return ((u + v.T - 1) * self.scaled(a, b)).sum(1, keepdim=True)


def dense_product(
    kernel: Kernel,
    x: Sequence[torch.Tensor],
    y: Sequence[torch.Tensor],
    gamma: Sequence[GammaSlot],
    bs: Sequence[torch.Tensor],
    mode: str,
) -> torch.Tensor:
    """Returns the kernel product in a mode."""
    if mode == "sum":
        shape = _shape_of(x, y, bs, mode)
        return kernel_matrix(kernel, x, y, gamma, shape, bs[0]) @ bs[0]
    modes = _modes_of(kernel, x, y, gamma, bs, mode)
    if mode == "log_scaled_lse":
        return modes.lse(*bs)
    return getattr(modes, mode)(*bs)


def dense_matrix(
    kernel: Kernel,
    x: Sequence[torch.Tensor],
    y: Sequence[torch.Tensor],
    gamma: Sequence[GammaSlot],
    bs: Sequence[torch.Tensor],
    mode: str,
) -> torch.Tensor:
    """Returns the (M, N) matrix k, or in other modes the logit without b."""
    if mode == "sum":
        shape = _shape_of(x, y, bs, mode)
        return kernel_matrix(kernel, x, y, gamma, shape, bs[0])
    modes = _modes_of(kernel, x, y, gamma, bs, mode)
    if mode == "lse":
        return modes.log
    if mode == "lse_mult_i":
        return modes.times_log(bs[1])
    potentials = bs[:2] if mode.startswith("sinkhorn") else bs[1:3]
    return modes.log + potentials[0] + potentials[1].T


def _modes_of(kernel, x, y, gamma, bs, mode) -> _Modes:
    shape = _shape_of(x, y, bs, mode)
    own = OwnFormulas(kernel, x, y, gamma, shape)
    evaluator = _LogEvaluator(x, y, gamma, bs[0], own)
    m, e = evaluator.scaled(kernel.tree)
    return _Modes(m.expand(shape), e.expand(shape))


def _shape_of(x, y, bs, mode) -> tuple[int, int]:
    """Returns (M, N), which without variables the mode's arguments tell."""
    rows = dict(zip(_PAIRS[mode], bs, strict=True))
    i, j = (x[0] if x else rows["i"]), (y[0] if y else rows["j"])
    return i.shape[0], j.shape[0]
