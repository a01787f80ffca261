# SPDX-License-Identifier: MIT
"""What a case should give, in float64, from whole rows of the matrix.

Values come from NumPy, for some rows; gradients from torch's autograd, in
full. Both use the dense matrices of the tests.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch

from autograd import leaves, weighted
from cases import ROW_ARGUMENTS, Case, gammas

sys.path.append(str(Path(__file__).parents[1] / "tests" / "torch"))
from oracle import kernel_matrix

CHECKED_ROWS = 128
_BLOCK = 1_500_000  # Numbers.


def prepare(
    case: Case, data: dict[str, np.ndarray], entries: int
) -> Callable[[], dict]:
    """Returns what computes some "rows", "a" there, and all gradients."""
    exact = {name: array.astype(np.float64) for name, array in data.items()}
    random = np.random.default_rng(1)
    rows = random.choice(case.rows, CHECKED_ROWS, replace=False)
    step = max(1, _BLOCK // (case.N * case.D))

    def run() -> dict:
        values = [
            values_of(case, rows_of(exact, rows[start : start + step]))
            for start in range(0, len(rows), step)
        ]
        tensors = leaves(case, exact)
        for start in range(0, case.rows if case.order else 0, step):
            part = rows_of(tensors, slice(start, start + step))
            a = values_of(case, part)
            torch.autograd.backward(*weighted(case, a, part))
        gradients = {name: tensors[name].grad for name in case.wrt}
        return {"rows": rows, "a": np.concatenate(values), **gradients}

    return run


def rows_of(arrays: Mapping, rows: slice | np.ndarray) -> dict:
    """Returns the arguments, with some rows of those that i indexes."""
    return {
        name: array[rows] if name in ROW_ARGUMENTS else array
        for name, array in arrays.items()
    }


def values_of(case: Case, arrays: Mapping) -> np.ndarray | torch.Tensor:
    """Returns a, by the library of the arrays."""
    xs = [arrays[name] for name in ("x", "u") if name in case.names]
    ys = [arrays[name] for name in ("y", "v") if name in case.names]
    slots = gammas(case, arrays["gamma"])
    matrix = kernel_matrix(case.kernel, xs, ys, slots)
    if case.mode == "sum":
        return matrix @ arrays["b"]
    library = torch if isinstance(matrix, torch.Tensor) else np
    return library.log(matrix @ library.exp(arrays["b"]))
