# SPDX-License-Identifier: MIT
"""Kernels by name, and the catalogue of atoms that names are made of."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass
from typing import Any

from gramless import _core


@dataclass(frozen=True)
class Formula:
    """The formulas of an atom, and what it is.

    The formulas of the catalogue are written in q = <x - y, G (x - y)>,
    s = <x, y> and g, the value of the gamma slot.
    """

    formula_sum: str | None = None
    routine_sum: Any = None
    formula_log: str | None = None
    routine_log: Any = None
    description: str = ""


class _Catalogue(MutableMapping[str, Formula]):
    """The atoms by name. It will take formulas of users; it does not yet."""

    def __init__(self) -> None:
        self._rows = {
            name: Formula(
                formula_sum=value, formula_log=log, description=description
            )
            for name, value, log, description in _core.catalogue()
        }

    def __getitem__(self, name: str) -> Formula:
        return self._rows[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def __setitem__(self, name: str, formula: Formula) -> None:
        raise NotImplementedError(
            "kernel_formulas: expected a look-up, got a new formula "
            f"{name!r}. Formulas of your own are not supported yet."
        )

    def __delitem__(self, name: str) -> None:
        raise NotImplementedError(
            "kernel_formulas: expected a look-up, got a deletion of "
            f"{name!r}. Changes to the catalogue are not supported yet."
        )


kernel_formulas = _Catalogue()
"""The atoms: a mapping from names to `Formula`."""


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
        formula_sum, routine_sum, formula_log, routine_log: a kernel by a
            formula of your own; not supported yet.

    Raises:
        ValueError: the name is wrong: the message shows where.
        TypeError: the name is not a string.
        NotImplementedError: a formula or a routine was given.

    Kernels are values: they are equal if they say the same, with any names of
    variables, and can be hashed, copied and pickled.

    Example:
        >>> Kernel("gaussian(x,y) * linear(u,v)**2")
        Kernel('gaussian(x,y) * linear(u,v)**2')
        >>> Kernel("cauchy(x,y)") == Kernel(" cauchy( p, q ) ")
        True
    """

    def __init__(
        self,
        name: str | None = None,
        formula_sum: str | None = None,
        routine_sum: Any = None,
        formula_log: str | None = None,
        routine_log: Any = None,
    ) -> None:
        own = (formula_sum, routine_sum, formula_log, routine_log)
        if any(part is not None for part in own):
            raise NotImplementedError(
                "Kernel(): expected a name, got a formula or a routine, "
                "which are not supported yet."
            )
        if name is None:
            raise ValueError(
                "Kernel(): expected a name or a formula, got neither."
            )
        if not isinstance(name, str):
            raise TypeError(
                "Kernel(): expected name to be a str, got "
                f"{type(name).__name__}."
            )
        self._core = _core.Kernel(name)

    @property
    def name(self) -> str:
        """The name as it was given."""
        return self._core.name

    def __repr__(self) -> str:
        return f"Kernel({self.name!r})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Kernel):
            return NotImplemented
        return self._core == other._core

    def __hash__(self) -> int:
        return hash(self._core)

    def __reduce__(self) -> tuple[type[Kernel], tuple[str]]:
        return (Kernel, (self.name,))
