# SPDX-License-Identifier: MIT
"""Atoms by formulas, and the mapping of all atoms that names can use."""

from __future__ import annotations

import re
from collections import UserDict
from collections.abc import Callable, KeysView, Mapping
from dataclasses import dataclass, fields
from typing import Any

from gramless import _core


def is_text(value: str) -> bool:
    """Returns whether a str has no half characters, which no text has."""
    return not any("\ud800" <= c <= "\udfff" for c in value)


def _check_text(name: str, value: Any) -> None:
    if isinstance(value, str) and not is_text(value):
        raise ValueError(
            f"Formula(): expected {name} of characters, got {value!r}."
        )
    if value is not None and not isinstance(value, str):
        got = type(value).__name__
        raise TypeError(f"Formula(): expected {name} to be a str, got {got}.")


def _check_routine(name: str, value: Any) -> None:
    if value is not None and not callable(value):
        got = type(value).__name__
        raise TypeError(f"Formula(): expected {name} as a function, got {got}.")


@dataclass(frozen=True, repr=False)
class Formula:
    """An atom, or a kernel, by formulas of your own, and what it is.

    Args:
        formula_sum: the value k, in the operators of `docs/formulas.md`. An
            atom has the variables {X}, {Y} and, for each gamma that it takes,
            {G} and {H}.
        formula_log: log k. Of the two, one can be derived from the other.
        routine_sum, routine_log: the same as functions of torch tensors, for
            the backend "pytorch". They are called with those of x (M, D),
            y (N, D), g (as given), gxmy2 = <x - y, G (x - y)> and
            xsy = <x, y> (M, N) that they name, and return (M, N).

    Raises:
        TypeError: a formula that is not a str, a routine that is no function.
        ValueError: none of the four was given.

    Example:
        >>> Formula(formula_log="-WeightedSqDist({G}, {X}, {Y})")
        Formula(formula_log='-WeightedSqDist({G}, {X}, {Y})')
    """

    formula_sum: str | None = None
    routine_sum: Callable | None = None
    formula_log: str | None = None
    routine_log: Callable | None = None
    description: str = ""

    def __post_init__(self) -> None:
        _check_text("formula_sum", self.formula_sum)
        _check_text("formula_log", self.formula_log)
        _check_routine("routine_sum", self.routine_sum)
        _check_routine("routine_log", self.routine_log)
        if not any((*self.texts, *self.routines)):
            raise ValueError(
                "Formula(): expected a formula or a routine, got neither."
            )

    def __repr__(self) -> str:
        return f"Formula({self.arguments_text})"

    @property
    def arguments_text(self) -> str:
        """The arguments that were given, as they are written in a call."""
        names = [each.name for each in fields(self)]
        given = [name for name in names if getattr(self, name)]
        return ", ".join(f"{name}={getattr(self, name)!r}" for name in given)

    @property
    def texts(self) -> tuple[str, str]:
        """The formulas, '' where there is none."""
        return self.formula_sum or "", self.formula_log or ""

    @property
    def routines(self) -> tuple[Callable | None, Callable | None]:
        """The routines, None where there is none."""
        return self.routine_sum, self.routine_log

    @property
    def has_text(self) -> bool:
        """Whether there is a formula, and not routines alone."""
        return any(self.texts)


CATALOGUE = {
    name: Formula(formula_sum=value, formula_log=log, description=description)
    for name, _, value, log, description in _core.catalogue()
}
"""The atoms of the engine's catalogue, by name."""

_NAMES = {formula.texts: name for name, formula in CATALOGUE.items()}


def catalogue_name(formula: Formula) -> str:
    """Returns the name of a formula in the catalogue, '' if it has none."""
    return "" if any(formula.routines) else _NAMES.get(formula.texts, "")


class _Formulas(UserDict[str, Formula]):
    """The atoms by name: those of the catalogue, and what is added."""

    own = ""
    """What differs from the catalogue, for graphs of torch to go by."""

    def __setitem__(self, name: str, formula: Formula) -> None:
        if not isinstance(name, str) or not re.fullmatch(
            r"[A-Za-z_][A-Za-z0-9_]*", name
        ):
            raise ValueError(
                "kernel_formulas: expected a name of letters, digits and '_', "
                f"got {name!r}."
            )
        if not isinstance(formula, Formula):
            raise TypeError(
                "kernel_formulas: expected a Formula, got "
                f"{type(formula).__name__}."
            )
        for text in formula.texts:
            if text:
                _core.formula_tree(text, f"Formula '{name}'", True)
        super().__setitem__(name, formula)
        self._describe()

    def __delitem__(self, name: str) -> None:
        super().__delitem__(name)
        self._describe()

    def _describe(self) -> None:
        given = {name: self.data.get(name) for name in {*CATALOGUE, *self}}
        changed = [
            (name, formula)
            for name, formula in sorted(given.items())
            if formula is not CATALOGUE.get(name)
        ]
        self.own = repr(changed) if changed else ""

    def __ior__(self, other: Mapping[str, Formula]) -> _Formulas:
        self.update(other)
        return self

    def keys(self) -> KeysView[str]:
        """Returns the names, as a view that shows them when it is printed."""
        return self.data.keys()


kernel_formulas = _Formulas(CATALOGUE)
"""The atoms: a mapping from names to `Formula`, to which you can add."""
