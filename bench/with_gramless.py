# SPDX-License-Identifier: MIT
"""The cases, computed by Gramless."""

from __future__ import annotations

import re
from collections.abc import Callable
from unittest import mock

import numpy as np
import torch

from autograd import leaves, results_of
from cases import Case, gammas
from gramless.torch import Kernel, kernel_product, map_reduce


def prepare(
    case: Case, data: dict[str, np.ndarray], entries: int
) -> Callable[[], dict]:
    """Returns what computes the results of a case; nothing is to be tuned."""
    tensors = leaves(case, data)
    x, y, b = ([tensors["x"]], [tensors["y"]], tensors["b"])
    kernel = Kernel(case.kernel)
    if case.is_oriented:
        x.append(tensors["u"])
        y.append(tensors["v"])

    def product() -> torch.Tensor:
        params = {"id": kernel, "gamma": gammas(case, tensors["gamma"])}
        return kernel_product(params, x, y, b, mode=case.mode)

    return results_of(case, tensors, product)


def prepare_avx2(
    case: Case, data: dict[str, np.ndarray], entries: int
) -> Callable[[], dict]:
    """Does what prepare() does, with AVX2 where there is AVX-512."""
    map_reduce.FORCED_OPTIONS["most"] = 1
    return prepare(case, data, entries)


def instructions(compute: Callable[[], dict]) -> int:
    """Returns what arithmetic takes for a vector of pairs, in all sweeps."""
    counts = []
    evaluate = map_reduce._evaluate

    def counted(program, backend, tensors, views):
        views = [map_reduce.view_of(tensor) for tensor in tensors]
        text = program.core.explain(views, forced=map_reduce.FORCED_OPTIONS)
        # What it would do with points that are far apart comes first.
        *_, text = text.split("\nwhere all points are near")
        found = re.findall(r"arithmetic takes (\d+)", text)
        counts.extend(map(int, found))
        return evaluate(program, backend, tensors, views)

    with mock.patch.object(map_reduce, "_evaluate", counted):
        compute()
    return sum(counts)
