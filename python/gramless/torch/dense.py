# SPDX-License-Identifier: MIT
"""The backend "pytorch": a kernel as it was parsed, by plain torch operations.

It holds the whole M-by-N matrix and leaves derivatives to torch's autograd. It
shares no formula with the engine, so that each can check the other.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence

import torch

from gramless.torch.dense_math import (
    GammaSlot,
    integer_power,
    per_pair,
    quadratic_form,
    real_power,
    root,
)
from gramless.torch.dense_own import OwnFormulas
from gramless.torch.kernel import Kernel


def _matern32(q: torch.Tensor) -> torch.Tensor:
    # As a function of q it is smooth up to its first derivative: near 0 it is
    # 1 - q/2, where the formula in r would lose the derivative.
    is_zero = q == 0
    r = torch.where(is_zero, 1.0, q).sqrt()
    return torch.where(is_zero, 1 - q / 2, (1 + r) * torch.exp(-r))


def _matern52(q: torch.Tensor) -> torch.Tensor:
    is_zero = q == 0
    r = torch.where(is_zero, 1.0, q).sqrt()
    near = 1 - q / 6 + q * q / 24
    return torch.where(is_zero, near, (1 + r + r * r / 3) * torch.exp(-r))


_OF_Q: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "gaussian": lambda q: torch.exp(-q),
    "laplacian": lambda q: torch.exp(-root(q)),
    "cauchy": lambda q: 1 / (1 + q),
    "inverse_multiquadric": lambda q: 1 / torch.sqrt(1 + q),
    "distance": root,
    "matern32": _matern32,
    "matern52": _matern52,
    "multiquadric": lambda q: root(1 + q),
}

_OF_S: dict[str, Callable[..., torch.Tensor]] = {
    "linear": lambda s, _: s,
    "binet": lambda s, _: s * s,
    "gaussian_oriented": lambda s, g: torch.exp(2 * g * (s - 1)),
    "gaussian_unoriented": lambda s, g: torch.exp(2 * g * (s * s - 1)),
}

_OPERATORS = {
    "negate": operator.neg,
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": operator.truediv,
}


def unchained(tree: tuple) -> tuple[tuple, list[tuple[str, tuple]]]:
    """Returns the first operand of a chain of operators, and the rest.

    Chains are as long as names, which are longer than Python's stack.
    """
    rest = []
    while tree[0] in ("add", "subtract", "multiply", "divide"):
        rest.append((tree[0], tree[2]))
        tree = tree[1]
    return tree, rest[::-1]


class Evaluator:
    """Evaluates kernels for all pairs."""

    def __init__(
        self,
        x: Sequence[torch.Tensor],
        y: Sequence[torch.Tensor],
        gamma: Sequence[GammaSlot],
        like: torch.Tensor,
        own: OwnFormulas,
    ) -> None:
        self._own = own
        self._x = x
        self._y = y
        self._gamma = gamma
        self._like = like

    def evaluate(self, tree: tuple):
        kind = tree[0]
        if kind == "number":
            return tree[1]
        if kind == "atom":
            return self._atom(*tree[1:])
        if kind in ("own", "formula"):
            return self._own.value(tree)
        if kind == "power":
            return self._power(tree[1], tree[2])
        if kind == "negate":
            return -self.evaluate(tree[1])
        first, rest = unchained(tree)
        value = self.evaluate(first)
        for kind, operand in rest:
            value = _OPERATORS[kind](value, self.evaluate(operand))
        return value

    def _q(self, slot: int, pair: int) -> torch.Tensor:
        gamma = per_pair(self._gamma[slot])
        return quadratic_form(self._x[pair], self._y[pair], gamma)

    def _atom(self, name: str, slot: int, pair: int) -> torch.Tensor:
        if name in _OF_Q:
            return _OF_Q[name](self._q(slot, pair))
        return _OF_S[name](*self._s_and_g(slot, pair))

    def _s_and_g(self, slot: int, pair: int) -> tuple:
        x, y = self._x[pair], self._y[pair]
        s = (x[:, None, :] * y[None, :, :]).sum(2)
        gamma = per_pair(self._gamma[slot])
        return s, None if gamma is None else gamma[:, :, 0]

    def _power(self, base: tuple, exponent: float):
        if exponent == 0:
            return 1.0
        is_whole = exponent == math.trunc(exponent)
        if is_whole and base[0] in ("multiply", "divide"):
            powers = (self._power(part, exponent) for part in base[1:])
            return _OPERATORS[base[0]](*powers)
        if is_whole and base[0] == "negate":
            power = self._power(base[1], exponent)
            return -power if exponent % 2 else power
        if is_whole and base[0] == "power":
            return self._power(base[1], base[2] * exponent)
        if base[:2] == ("atom", "distance"):
            return self._distance_power(base, exponent)
        value = self.evaluate(base)
        if is_whole:
            return integer_power(value, int(exponent))
        return real_power(value, exponent)

    def _distance_power(self, atom: tuple, exponent: float) -> torch.Tensor:
        """Returns q**(exponent/2): whole powers of q stay smooth at 0."""
        q = self._q(*atom[2:])
        whole, half = divmod(exponent, 2)
        if exponent > 0 and half in (0, 1):
            smooth = integer_power(q, int(whole)) if whole else 1.0
            return smooth * root(q) if half else smooth
        if half == 0:
            return integer_power(q, int(whole))
        return real_power(q, exponent / 2)


def kernel_matrix(
    kernel: Kernel,
    x: Sequence[torch.Tensor],
    y: Sequence[torch.Tensor],
    gamma: Sequence[GammaSlot],
    shape: tuple[int, int],
    like: torch.Tensor,
) -> torch.Tensor:
    """Returns the (M, N) matrix k(x_i, y_j)."""
    own = OwnFormulas(kernel, x, y, gamma, shape)
    matrix = Evaluator(x, y, gamma, like, own).evaluate(kernel.tree)
    if not isinstance(matrix, torch.Tensor):
        matrix = like.new_tensor(matrix)
    return matrix.to(like.dtype).expand(shape)
