# SPDX-License-Identifier: MIT
"""The cases, computed by Gramless."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from autograd import leaves, results_of
from cases import Case
from gramless.torch import Kernel, kernel_product


def prepare(
    case: Case, data: dict[str, np.ndarray], entries: int
) -> Callable[[], dict]:
    """Returns what computes the results of a case; nothing is to be tuned."""
    tensors = leaves(case, data)
    x, y, b = ([tensors["x"]], [tensors["y"]], tensors["b"])
    params = {"id": Kernel(case.kernel), "gamma": (tensors["gamma"],)}
    if case.is_oriented:
        x.append(tensors["u"])
        y.append(tensors["v"])
        params["gamma"] += (None,)
    return results_of(
        case, tensors, lambda: kernel_product(params, x, y, b, mode=case.mode)
    )
