# SPDX-License-Identifier: MIT
"""What a case should give, in float64, by torch, in blocks, on any device."""

from __future__ import annotations

import numpy as np
import torch

from autograd import Tensors, leaves, weighted
from cases import Case
from reference import CHECKED_ROWS, values_of

_CHECKED_PROBLEMS = 4
_BLOCK = 2**26  # Numbers.


def expected(case: Case, data: Tensors) -> dict[str, np.ndarray]:
    """Returns some "rows", "a" there, and the gradients of a case.

    Gradients are whole, as each takes all rows; those of a batch are of some
    problems.
    """
    exact = {name: tensor.double() for name, tensor in data.items()}
    compute = _of_problems if case.problems > 1 else _of_rows
    results = compute(case, exact)
    return {name: np.asarray(each.cpu()) for name, each in results.items()}


def _sample(case: Case, count: int) -> torch.Tensor:
    random = np.random.default_rng(1)
    return torch.from_numpy(random.choice(case.parts, count, replace=False))


def _of_rows(case: Case, exact: Tensors) -> Tensors:
    rows = _sample(case, min(CHECKED_ROWS, case.rows))
    step = max(1, _BLOCK // (case.N * case.D))
    names = [name for name in case.cut_arguments if name in exact]

    def part_of(tensors: Tensors, part: torch.Tensor | slice) -> Tensors:
        return tensors | {name: tensors[name][part] for name in names}

    values = [
        values_of(case, part_of(exact, each)) for each in rows.split(step)
    ]
    tensors = leaves(case, exact)
    for start in range(0, case.rows if case.order else 0, step):
        part = part_of(tensors, slice(start, start + step))
        a = values_of(case, part)
        torch.autograd.backward(*weighted(case, a, part))
    gradients = {name: tensors[name].grad for name in case.wrt}
    return {"rows": rows, "a": torch.cat(values), **gradients}


def _of_problems(case: Case, exact: Tensors) -> Tensors:
    problems = _sample(case, _CHECKED_PROBLEMS)
    results: dict[str, list] = {name: [] for name in ("a", *case.wrt)}
    for problem in problems:
        part = {
            name: tensor[problem] if name in case.cut_arguments else tensor
            for name, tensor in exact.items()
        }
        part = leaves(case, part)
        a = values_of(case, part)
        results["a"].append(a.detach())
        if case.wrt:
            torch.autograd.backward(*weighted(case, a, part))
        for name in case.wrt:
            results[name].append(part[name].grad)
    stacked = {name: torch.stack(each) for name, each in results.items()}
    return {"rows": problems, **stacked}
