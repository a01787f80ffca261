# SPDX-License-Identifier: MIT
"""How far results are from what they should be."""

from __future__ import annotations

import numpy as np

from cases import Case

ROUNDINGS = 1000
"""A result may be off by so many roundings of its largest number.

A plain sum of N = 10^4 terms is off by about √N = 100 roundings of the sum of
their absolute values. Where squares are expanded, that is up to 10 times as
large as a gradient in x. Mistakes are larger, and the table shows all errors.
"""


def deviation(case: Case, expected: dict, results: dict) -> float:
    """Returns the largest error of all results, in roundings.

    What is expected has some "rows" of a, or of a batch some problems of all.
    """
    worst = 0.0
    for name, wanted in expected.items():
        if name == "rows":
            continue
        found = np.asarray(results[name], np.float64)
        if name == "a" or case.problems > 1:
            found = found[expected["rows"]]
        if name == "gamma" and case.has_metrics:
            found, wanted = symmetric(case, found), symmetric(case, wanted)
        if found.shape != wanted.shape or not np.isfinite(found).all():
            return float("inf")
        error = np.abs(found - wanted).max() / np.abs(wanted).max()
        worst = max(worst, float(error))
    return worst / float(np.finfo(case.dtype).eps / 2)


def symmetric(case: Case, gradient: np.ndarray) -> np.ndarray:
    """Returns what a gradient of metrics says of symmetric ones.

    Engines that know of the symmetry read one half, or use it.
    """
    matrices = gradient.reshape(case.N, case.D, case.D)
    return matrices + matrices.swapaxes(1, 2)
