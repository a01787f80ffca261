# SPDX-License-Identifier: MIT
"""Runs a small case of the benchmark, which uses the library from inside."""

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "bench"))
from cases import Case, data
from with_gramless import instructions, prepare


@pytest.mark.parametrize("order", [0, 1, 2])
def test_counts_the_instructions_of_all_sweeps(order):
    case = Case("small", 40, order=order)
    compute = prepare(case, data(case), 0)
    counts = instructions(compute)
    assert set(compute()) == {"a", *case.wrt}
    # An exponential takes seven instructions or more, wherever it is computed.
    assert counts > 7 * (1 + order)
