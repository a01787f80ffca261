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

    def text_of(core, tensors):
        views = [map_reduce.view_of(tensor) for tensor in tensors]
        text = core.explain(views, forced=map_reduce.FORCED_OPTIONS)
        # What it would do with points that are far apart comes first.
        return text.split("\nwhere all points are near")[-1]

    found = re.findall(r"arithmetic takes (\d+)", _explained(compute, text_of))
    return sum(map(int, found))


def slots(compute: Callable[[], dict], arch: str) -> tuple[int, int]:
    """Returns the issue slots of a pair on a GPU, in all sweeps.

    The second number says how many of them are special functions.
    """

    def text_of(core, tensors):
        # Of one problem of a batch.
        views = [
            map_reduce.view_of(tensor[(0,) * max(0, tensor.dim() - 2)])
            for tensor in tensors
        ]
        return core.explain(views, code="ptx", arch=arch)

    found = re.findall(
        r"arithmetic takes (\d+) for a pair, (\d+)",
        _explained(compute, text_of),
    )
    both = [(int(all_), int(special)) for all_, special in found]
    return sum(each[0] for each in both), sum(each[1] for each in both)


def _explained(compute: Callable[[], dict], text_of: Callable) -> str:
    """Returns the texts of all functions that a computation runs."""
    texts = []
    evaluate = map_reduce._evaluate

    def explained(program, backend, tensors, views):
        texts.append(text_of(program.core, tensors))
        return evaluate(program, backend, tensors, views)

    with mock.patch.object(map_reduce, "_evaluate", explained):
        compute()
    return "\n".join(texts)
