# SPDX-License-Identifier: MIT
"""What names and own formulas have in common on the backend "pytorch"."""

from __future__ import annotations

from torch import Tensor

from gramless.torch.dense_scaled import Arithmetic, Scaled


class TreeEvaluator:
    """Evaluates trees of operators; `leaf` evaluates the others."""

    def __init__(self, arithmetic: Arithmetic) -> None:
        self.arithmetic = arithmetic

    def number(self, number: float) -> Tensor:
        raise NotImplementedError

    def leaf(self, tree: tuple) -> Scaled:
        raise NotImplementedError

    def plain(self, tree: tuple) -> tuple:
        """Returns a tree without synonyms at its top."""
        return tree

    def key(self, tree: tuple) -> object:
        """Returns what a radicand is known by."""
        return tree

    def scaled(self, tree: tuple) -> Scaled:
        """Returns the values of a tree."""
        tree = self.plain(tree)
        if tree[0] == "number":
            return self.arithmetic.leaf(self.number(tree[1]))
        if tree[0] == "negate":
            return self.arithmetic.negate(self.scaled(tree[1]))
        if tree[0] == "power":
            base = self.plain(tree[1])
            return self.arithmetic.power(
                self.scaled(base), tree[2], self.key(base)
            )
        rest = []
        while tree[0] in ("add", "subtract", "multiply", "divide"):
            # Chains are as long as names, which are longer than the stack.
            rest.append((tree[0], tree[2]))
            tree = tree[1]
        result = self.scaled(tree) if rest else self.leaf(tree)
        for kind, operand in reversed(rest):
            operation = getattr(self.arithmetic, kind)
            result = operation(result, self.scaled(operand))
        return result
