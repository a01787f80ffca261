# SPDX-License-Identifier: MIT
"""Own formulas and routines on the backend "pytorch"."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import torch

from gramless import _core
from gramless.torch.dense_formulas import scaled_formula
from gramless.torch.dense_math import GammaSlot, per_pair, quadratic_form
from gramless.torch.dense_scaled import (
    ARITHMETIC,
    Arithmetic,
    Scaled,
    value,
)
from gramless.torch.formulas import Formula
from gramless.torch.kernel import Kernel


@lru_cache(maxsize=256)
def _parsed(text: str, is_atom: bool) -> tuple:
    return _core.formula_tree(text, "kernel_product()", is_atom)


class OwnFormulas:
    """The values of a kernel's own formulas, for all pairs.

    A node is ("own", name, slot, pair) for an atom, ("formula",) for a kernel
    that is a formula.
    """

    def __init__(
        self,
        kernel: Kernel,
        x: Sequence[torch.Tensor],
        y: Sequence[torch.Tensor],
        gamma: Sequence[GammaSlot],
        shape: tuple[int, int],
        device: torch.device,
    ) -> None:
        self._kernel = kernel
        self.device = device
        self._x, self._y, self._gamma = x, y, gamma
        self._shape = shape

    def scaled(self, node: tuple, arithmetic: Arithmetic) -> Scaled:
        """Returns k, in the log domain of what the user gives for log k."""
        formula = self._formula(node)
        if arithmetic.is_log:
            order = ("routine_log", "formula_log", "formula_sum")
        else:
            order = ("routine_sum", "formula_sum", "formula_log")
        given = next((name for name in order if getattr(formula, name)), None)
        if given is None:
            raise _missing(order[0])
        is_log = given.endswith("log")
        text = getattr(formula, given)
        if callable(text):
            values = Scaled(self._routine(given, text, node))
        else:
            used = ARITHMETIC if is_log else arithmetic
            tree = _parsed(text, node[0] == "own")
            values = scaled_formula(tree, self._variables(node), used, node)
            values = values.map(lambda tensor: tensor[..., 0])
        if not is_log:
            return values
        e = value(values)
        return Scaled(torch.ones_like(e), e)

    def _formula(self, node: tuple) -> Formula:
        if node[0] == "formula":
            return self._kernel.formula
        return self._kernel.own[node[1]]

    def _has_two(self, node: tuple) -> bool:
        """Whether an atom has a second parameter."""
        return any("{H}" in text for text in self._formula(node).texts)

    def _variables(self, node: tuple) -> dict[str, torch.Tensor]:
        if node[0] == "own":
            _, _, slot, pair = node
            named = {"{X}": self._x[pair][:, None], "{Y}": self._y[pair][None]}
            names = ("{G}", "{H}") if self._has_two(node) else ("{G}",)
            gammas = {n: self._gamma[slot + k] for k, n in enumerate(names)}
        else:
            named = {f"X_{k}": x[:, None] for k, x in enumerate(self._x)}
            named |= {f"Y_{k}": y[None] for k, y in enumerate(self._y)}
            gammas = {f"G_{k}": slot for k, slot in enumerate(self._gamma)}
        for name, slot in gammas.items():
            if slot is not None:
                named[name] = per_pair(slot)
        return named

    def _routine(self, name: str, routine: Callable, node: tuple):
        """Calls a routine with what it names."""
        given = self._of_atom if node[0] == "own" else self._of_kernel
        parameters = inspect.signature(routine).parameters.values()
        wanted = [
            each.name
            for each in parameters
            if each.kind not in (each.VAR_KEYWORD, each.VAR_POSITIONAL)
        ]
        known = ("x", "y", "g", "gxmy2", "xsy")
        result = routine(
            **{key: given(key, node) for key in wanted if key in known}
        )
        if not isinstance(result, torch.Tensor) or result.shape != self._shape:
            got = getattr(result, "shape", type(result).__name__)
            got = tuple(got) if isinstance(got, torch.Size) else got
            raise ValueError(
                f"kernel_product(): expected {name} to return a tensor "
                f"(M, N) = {self._shape}, got {got}."
            )
        return result

    def _of_atom(self, name: str, node: tuple) -> Any:
        _, _, slot, pair = node
        x, y, gamma = self._x[pair], self._y[pair], self._gamma[slot]
        return _argument(name, x, y, gamma)

    def _of_kernel(self, name: str, node: tuple) -> list:
        count = {
            "x": len(self._x),
            "y": len(self._y),
            "g": len(self._gamma),
            "gxmy2": min(len(self._x), len(self._y), len(self._gamma)),
            "xsy": min(len(self._x), len(self._y)),
        }[name]

        def at(values: Sequence, k: int) -> Any:
            return values[k] if k < len(values) else None

        return [
            _argument(name, at(self._x, k), at(self._y, k), at(self._gamma, k))
            for k in range(count)
        ]


def _argument(name: str, x, y, gamma: GammaSlot) -> Any:
    """Returns what a routine is given under a name."""
    if name == "x":
        return x
    if name == "y":
        return y
    if name == "g":
        return None if gamma is None else gamma[0]
    if name == "xsy":
        return x @ y.T
    return None if gamma is None else quadratic_form(x, y, per_pair(gamma))


def _missing(name: str) -> NotImplementedError:
    return NotImplementedError(
        f"kernel_product(): expected {name} or a formula in this mode, got "
        "neither."
    )
