# SPDX-License-Identifier: MIT
"""Kernels by name, and the catalogue of atoms that names are made of."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, MutableMapping
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Formula:
    """An atom, or a kernel, by formulas of your own, and what it is.

    Args:
        formula_sum: the value k, in the operators of `docs/formulas.md`. An
            atom has the variables {X}, {Y} and, if it takes a gamma, {G}.
        formula_log: log k. Of the two, one can be derived from the other.
        routine_sum, routine_log: the same as functions of torch tensors, for
            the backend "pytorch". They are called with those of x (M, D),
            y (N, D), g (as given), gxmy2 = <x - y, G (x - y)> and
            xsy = <x, y> (M, N) that they name, and return (M, N).

    The formulas of the catalogue are written in q = <x - y, G (x - y)>,
    s = <x, y> and g, the value of the gamma slot.

    Raises:
        TypeError: a formula that is not a str, a routine that is no function.
        ValueError: none of the four was given.
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
        if not any((*self._texts, self.routine_sum, self.routine_log)):
            raise ValueError(
                "Formula(): expected a formula or a routine, got neither."
            )

    @property
    def _texts(self) -> tuple[str, str]:
        return self.formula_sum or "", self.formula_log or ""

    @property
    def has_text(self) -> bool:
        """Whether there is a formula, and not routines alone."""
        return any(self._texts)


class _Catalogue(MutableMapping[str, Formula]):
    """The atoms by name: those of the catalogue, and what is added."""

    def __init__(self) -> None:
        self._rows = {
            name: Formula(
                formula_sum=value, formula_log=log, description=description
            )
            for name, value, log, description in _core.catalogue()
        }
        self._own: dict[str, Formula] = {}

    def __getitem__(self, name: str) -> Formula:
        return self._own[name] if name in self._own else self._rows[name]

    def __iter__(self) -> Iterator[str]:
        return iter({**self._rows, **self._own})

    def __len__(self) -> int:
        return len({**self._rows, **self._own})

    def __setitem__(self, name: str, formula: Formula) -> None:
        if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z_]\w*", name):
            raise ValueError(
                "kernel_formulas: expected a name of letters, digits and '_', "
                f"got {name!r}."
            )
        if not isinstance(formula, Formula):
            raise TypeError(
                "kernel_formulas: expected a Formula, got "
                f"{type(formula).__name__}."
            )
        for text in formula._texts:
            if text:
                _core.formula_tree(text, f"Formula '{name}'", True)
        self._own[name] = formula

    def __delitem__(self, name: str) -> None:
        if name in self._rows and name not in self._own:
            raise ValueError(
                "kernel_formulas: expected the name of a formula of your own, "
                f"got {name!r}, which is in the catalogue."
            )
        del self._own[name]

    @property
    def own(self) -> dict[str, Formula]:
        """A copy of what was added."""
        return dict(self._own)


kernel_formulas = _Catalogue()
"""The atoms: a mapping from names to `Formula`, to which you can add."""


class Kernel:
    """A kernel k(x_i, y_j), by its name.

    A name combines atoms, numbers, ``+ - * /``, ``**`` with a number, and
    parentheses. An atom is applied to a pair of variables, the first indexed
    by i, the second by j: ``"gaussian(x,y) * linear(u,v)**2"``. Each use of
    an atom has a slot in ``gamma``, in reading order; each distinct pair of
    variables has a slot in ``x`` and in ``y``. ``kernel_formulas`` lists the
    atoms.

    Args:
        name: the name, of at most 20000 characters, 1000 numbers and names,
            and 100 nested brackets and signs.
        formula_sum, routine_sum, formula_log, routine_log: in place of a name,
            what a `Formula` takes, with the variables X_0, X_1, ..., Y_0, ...
            and G_0, ..., each of any width: the tensors in x, y and gamma, in
            this order. Routines get lists of them.

    Raises:
        ValueError: the name or a formula is wrong: the message shows where.
        TypeError: a name that is not a string.

    Kernels are values: they are equal if they say the same, with any names of
    variables, and can be hashed, copied and pickled.

    Example:
        >>> Kernel("gaussian(x,y) * linear(u,v)**2")
        Kernel('gaussian(x,y) * linear(u,v)**2')
        >>> Kernel("cauchy(x,y)") == Kernel(" cauchy( p, q ) ")
        True
        >>> Kernel(formula_log="-WeightedSqDist(G_0, X_0, Y_0)")
        Kernel(formula_log='-WeightedSqDist(G_0, X_0, Y_0)')
    """

    def __init__(
        self,
        name: str | None = None,
        formula_sum: str | None = None,
        routine_sum: Any = None,
        formula_log: str | None = None,
        routine_log: Any = None,
    ) -> None:
        given = (formula_sum, routine_sum, formula_log, routine_log)
        self.own: dict[str, Formula] = {}
        self.formula: Formula | None = None
        if any(part is not None for part in given):
            if name is not None:
                raise ValueError(
                    "Kernel(): expected a name or a formula, got both."
                )
            self.formula = Formula(*given)
            self._core = (
                _core.Kernel.of_formula(*self.formula._texts)
                if self.formula.has_text
                else None
            )
            return
        if name is None:
            raise ValueError(
                "Kernel(): expected a name or a formula, got neither."
            )
        if not isinstance(name, str):
            raise TypeError(
                "Kernel(): expected name to be a str, got "
                f"{type(name).__name__}."
            )
        if not is_text(name):
            raise ValueError(
                f"Kernel(): expected a name of characters, got {name!r}."
            )
        self._set_name(name, kernel_formulas.own)

    def _set_name(self, name: str, own: dict[str, Formula]) -> None:
        texts = [(key, *formula._texts) for key, formula in own.items()]
        self._core = _core.Kernel(name, texts)
        used = set(self._core.atoms)
        self.own = {key: own[key] for key in own if key in used}

    @property
    def name(self) -> str | None:
        """The name as it was given, or None of a kernel by formulas."""
        return None if self.formula else self._core.name

    @property
    def tree(self) -> tuple:
        """The name as it was parsed."""
        return self._core.tree if self._core else ("formula",)

    @property
    def needs_routines(self) -> bool:
        """Whether it is, or has an atom, of routines alone."""
        formulas = [self.formula] if self.formula else self.own.values()
        return not all(formula.has_text for formula in formulas)

    def _key(self) -> tuple:
        routines = tuple(
            (name, formula.routine_sum, formula.routine_log)
            for name, formula in (*self.own.items(), ("", self.formula))
            if formula
        )
        return self._core and self._core.structure, routines

    def __repr__(self) -> str:
        if self.formula is None:
            return f"Kernel({self.name!r})"
        names = ("formula_sum", "routine_sum", "formula_log", "routine_log")
        parts = [(name, getattr(self.formula, name)) for name in names]
        shown = ", ".join(f"{n}={v!r}" for n, v in parts if v is not None)
        return f"Kernel({shown})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Kernel):
            return NotImplemented
        return self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def __reduce__(self) -> tuple:
        return _rebuild, (self.name, self.own, self.formula)


def _rebuild(
    name: str | None, own: dict[str, Formula], formula: Formula | None
) -> Kernel:
    """Returns a kernel with the formulas that it was built with."""
    if formula is not None:
        return Kernel(
            formula_sum=formula.formula_sum,
            routine_sum=formula.routine_sum,
            formula_log=formula.formula_log,
            routine_log=formula.routine_log,
        )
    kernel = Kernel.__new__(Kernel)
    kernel.formula = None
    kernel._set_name(name, own)
    return kernel
