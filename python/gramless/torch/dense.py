# SPDX-License-Identifier: MIT
"""The backend "pytorch": a kernel as it was parsed, by plain torch operations.

It holds the whole M-by-N matrix and leaves derivatives to torch's autograd. It
shares no formula with the engine, so that each can check the other.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from gramless import _core
from gramless.torch.dense_atoms import atom
from gramless.torch.dense_math import GammaSlot, per_pair
from gramless.torch.dense_own import OwnFormulas
from gramless.torch.dense_scaled import (
    ARITHMETIC,
    Arithmetic,
    Scaled,
    value,
)
from gramless.torch.dense_tree import TreeEvaluator
from gramless.torch.kernel import Kernel

# The gamma slots of each atom.
_SLOTS = {name: len(parameters) for name, parameters, *_ in _core.catalogue()}


class _Evaluator(TreeEvaluator):
    """Evaluates the tree of a name for all pairs."""

    def __init__(
        self,
        x: Sequence[torch.Tensor],
        y: Sequence[torch.Tensor],
        gamma: Sequence[GammaSlot],
        own: OwnFormulas,
        arithmetic: Arithmetic,
    ) -> None:
        super().__init__(arithmetic)
        self._x, self._y, self._gamma = x, y, gamma
        self._own = own

    def number(self, number: float) -> torch.Tensor:
        # Without dimensions, it takes the format of what it meets.
        return torch.tensor(
            number, dtype=torch.float64, device=self._own.device
        )

    def leaf(self, tree: tuple) -> Scaled:
        if tree[0] != "atom":
            return self._own.scaled(tree, self.arithmetic)
        _, name, slot, pair = tree
        slots = self._gamma[slot : slot + _SLOTS[name]]
        return atom(
            name,
            ("radicand of", tree),
            self.arithmetic,
            self._x[pair],
            self._y[pair],
            [per_pair(gamma) for gamma in slots],
        )


def scaled_matrix(
    kernel: Kernel,
    x: Sequence[torch.Tensor],
    y: Sequence[torch.Tensor],
    gamma: Sequence[GammaSlot],
    like: torch.Tensor,
    shape: tuple[int, int],
    arithmetic: Arithmetic,
) -> Scaled:
    """Returns k(x_i, y_j) for all pairs, of shapes that broadcast to (M, N)."""
    own = OwnFormulas(kernel, x, y, gamma, shape, like.device)
    evaluator = _Evaluator(x, y, gamma, own, arithmetic)
    return evaluator.scaled(kernel.tree).map(lambda t: t.to(like.dtype))


def kernel_matrix(
    kernel: Kernel,
    x: Sequence[torch.Tensor],
    y: Sequence[torch.Tensor],
    gamma: Sequence[GammaSlot],
    like: torch.Tensor,
    shape: tuple[int, int],
) -> torch.Tensor:
    """Returns the (M, N) matrix k(x_i, y_j)."""
    k = scaled_matrix(kernel, x, y, gamma, like, shape, ARITHMETIC)
    return value(k).expand(shape)
