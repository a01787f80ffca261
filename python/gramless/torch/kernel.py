# SPDX-License-Identifier: MIT
"""Kernels, by name or by formulas."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NoReturn

import torch

from gramless import _core
from gramless.torch.formulas import (
    CATALOGUE,
    Formula,
    catalogue_name,
    is_text,
    kernel_formulas,
)


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

    __slots__ = ("__weakref__", "_core", "formula", "own", "text")

    own: Mapping[str, Formula]
    """The formulas of its atoms, but for those of the catalogue."""
    formula: Formula | None
    """What it is, if it has no name."""
    text: str
    """All that it is, as JSON; '' if routines are a part of it."""

    def __init__(
        self,
        name: str | None = None,
        formula_sum: str | None = None,
        routine_sum: Any = None,
        formula_log: str | None = None,
        routine_log: Any = None,
    ) -> None:
        given = (formula_sum, routine_sum, formula_log, routine_log)
        if torch.compiler.is_dynamo_compiling():
            # Here and not above, because it takes a second.
            from gramless.torch.compiled import text_of

            text = text_of(name, given, kernel_formulas.own)
            if text:
                object.__setattr__(self, "text", text)
                return
        if any(part is not None for part in given):
            if name is not None:
                raise ValueError(
                    "Kernel(): expected a name or a formula, got both."
                )
            self._set_formula(Formula(*given))
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
        self._set_name(name, kernel_formulas)

    def _set_formula(self, formula: Formula) -> None:
        core = (
            _core.Kernel.of_formula(*formula.texts)
            if formula.has_text
            else None
        )
        self._set(core, {}, formula)

    def _set_name(self, name: str, formulas: Mapping[str, Formula]) -> None:
        atoms = [
            (key, *formula.texts, catalogue_name(formula))
            for key, formula in formulas.items()
        ]
        core = _core.Kernel.of_atoms(name, atoms)
        used = {key: formulas[key] for key in core.atoms}
        own = {k: f for k, f in used.items() if catalogue_name(f) != k}
        self._set(core, own, None)

    def _set(
        self,
        core: _core.Kernel | None,
        own: dict[str, Formula],
        formula: Formula | None,
    ) -> None:
        values = {"_core": core, "own": MappingProxyType(own)}
        for name, value in (values | {"formula": formula}).items():
            object.__setattr__(self, name, value)
        has_routines = any(any(f.routines) for f in self._formulas)
        text = "" if has_routines else json.dumps(self.definition)
        object.__setattr__(self, "text", text)

    def __getattr__(self, name: str) -> Any:
        """Completes what a compiled function left behind: a text alone."""
        if name not in self.__slots__ or name == "text":
            raise AttributeError(
                f"'Kernel' object has no attribute {name!r}",
                name=name,
                obj=self,
            )
        self.__setstate__(Kernel.of_text(self.text).__getstate__())
        return getattr(self, name)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        self._refuse_to_change(name)

    def __delattr__(self, name: str) -> NoReturn:
        self._refuse_to_change(name)

    def _refuse_to_change(self, name: str) -> NoReturn:
        raise AttributeError(
            "Kernel: expected attributes to stay as they are, got a change of "
            f"{name!r}. A kernel of another formula is another Kernel: "
            "Kernel(formula_sum=...).",
            name=name,
            obj=self,
        )

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
        return not all(formula.has_text for formula in self._formulas)

    @property
    def _formulas(self) -> list[Formula]:
        """The formulas that are not those of the catalogue."""
        return [self.formula] if self.formula else list(self.own.values())

    @property
    def definition(self) -> dict[str, Any]:
        """What the engine makes it of, in the types of JSON."""
        if self.formula is not None:
            return {"formula": self.formula.texts}
        own = {name: formula.texts for name, formula in self.own.items()}
        return {"kernel": self.name, "own": own}

    @classmethod
    def of_definition(cls, definition: Mapping[str, Any]) -> Kernel:
        """Returns the kernel of a definition."""

        def formula(texts: Sequence[str]) -> Formula:
            value, log = texts
            return Formula(formula_sum=value, formula_log=log)

        kernel = cls.__new__(cls)
        if "formula" in definition:
            kernel._set_formula(formula(definition["formula"]))
            return kernel
        own = {name: formula(t) for name, t in definition["own"].items()}
        kernel._set_name(definition["kernel"], CATALOGUE | own)
        return kernel

    @classmethod
    def of_text(cls, text: str) -> Kernel:
        return cls.of_definition(json.loads(text))

    def _key(self) -> tuple:
        names = self._core.atoms if self.formula is None else []
        formulas = [self.own.get(name) for name in names] or [self.formula]
        routines = [f.routines if f else (None, None) for f in formulas]
        return self._core and self._core.digest, tuple(routines)

    def __repr__(self) -> str:
        if self.formula is None:
            return f"Kernel({self.name!r})"
        return f"Kernel({self.formula.arguments_text})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Kernel):
            return NotImplemented
        return self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    # A pickle names no other classes than Kernel and Formula.
    def __getstate__(self) -> tuple:
        return self.name, dict(self.own), self.formula

    def __setstate__(self, state: tuple) -> None:
        name, own, formula = state
        if formula is not None:
            self._set_formula(formula)
        else:
            self._set_name(name, CATALOGUE | own)
