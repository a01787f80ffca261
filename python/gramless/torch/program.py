# SPDX-License-Identifier: MIT
"""Functions of the engine, with texts that other processes make them of."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import torch

from gramless import _core
from gramless.torch.kernel import Kernel

Steps = tuple[tuple[Sequence[int], Sequence[int]], ...]


class Program:
    """A kernel product, or a derivative of one, and how it is made.

    The text holds the kernel, the mode, the forms of the arguments and the
    steps of differentiation, which make the same function in any process.
    """

    __slots__ = ("core", "kernel", "mode", "product", "steps")

    core: _core.ArrayFunction
    """What the engine runs."""
    product: _core.ArrayFunction
    """The kernel product that it is a derivative of."""

    def __init__(
        self, product: _core.ArrayFunction, kernel: Kernel, mode: str
    ) -> None:
        self.core = self.product = product
        self.kernel = kernel
        self.mode = mode
        self.steps: Steps = ()

    def vjp(self, wrt: Sequence[int], cotangents: Sequence[int]) -> Program:
        """Returns the vector-Jacobian product, as the engine has it."""
        derivative = Program(self.product, self.kernel, self.mode)
        derivative.core = self.core.vjp(wrt, cotangents)
        derivative.steps = (*self.steps, (wrt, cotangents))
        return derivative

    @property
    def text(self) -> str:
        """What it is made of, as JSON."""
        forms: dict[str, list] = {"x": [], "y": [], "bs": []}
        gamma: list[str | None] = [None] * len(self.kernel._core.atoms)
        for name, pair, columns, _ in self.product.arguments:
            if name[0] == "g":
                gamma[int(name[1:])] = f"{pair}{columns}"
            else:
                forms[name[0] if name[0] in "xy" else "bs"].append(columns)
        rest = {"mode": self.mode, **forms, "gamma": gamma, "vjp": self.steps}
        return json.dumps(self.kernel.definition | rest)

    def result_forms(
        self, tensors: Sequence[torch.Tensor], backend: str
    ) -> list[tuple[list[int], torch.dtype]]:
        """Returns shape and dtype of each result, of sizes that may be symbols.

        For numbers it is `_core.ArrayFunction.result_forms`.
        """
        rows = {}
        for tensor, (_, pair, _, _) in zip(
            tensors, self.core.arguments, strict=True
        ):
            if pair:
                rows.setdefault(pair, tensor.shape[-2])
        batch = torch.broadcast_shapes(*(t.shape[:-2] for t in tensors))
        forms = []
        for k, ((_, pair, columns, is_wide), like) in enumerate(
            zip(self.core.results, self.core.results_like, strict=True)
        ):
            leading = batch if like is None else tensors[like].shape[:-2]
            between = [rows[pair]] if pair else [1] if leading else []
            is_state = self.core.is_logarithm and k > 0
            is_wide |= is_state and backend == "reference"
            dtype = torch.float64 if is_wide else tensors[0].dtype
            forms.append(([*leading, *between, columns], dtype))
        return forms


def _view(*shape: int) -> _core.Array:
    """Returns a view of an array that is not read."""
    return _core.Array(1, shape, (1,) * len(shape), "float64")


def _gamma(form: str | None) -> _core.Gamma:
    if form is None:
        return _core.Gamma(None)
    columns = int(form.lstrip("ij"))
    if form[0] in "ij":
        return _core.Gamma(_view(0, columns), form[0])
    return _core.Gamma(_view(columns))


def _read(text: str) -> Program:
    given: dict[str, Any] = json.loads(text)
    kernel = Kernel.of_definition(given)
    product = _core.ArrayFunction.of(
        kernel._core,
        *([_view(0, columns) for columns in given[name]] for name in "xy"),
        [_gamma(form) for form in given["gamma"]],
        [_view(0, columns) for columns in given["bs"]],
        given["mode"],
    )
    program = Program(product, kernel, given["mode"])
    for wrt, cotangents in given["vjp"]:
        program = program.vjp(wrt, cotangents)
    return program


@lru_cache(maxsize=512)
def program_of(text: str) -> Program:
    """Returns the program of a text."""
    try:
        return _read(text)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            "gramless::map_reduce(): expected the text of a program, as this "
            f"version writes it, got {text!r}. Make the graph anew."
        ) from error
