# SPDX-License-Identifier: MIT
"""Checks the table of mutants, which tests/mutants/run.py runs."""

import re
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent / "mutants"))
from table import MUTANTS

ROOT = Path(__file__).parents[1]
SOURCES = "".join(
    path.read_text("utf-8") for path in sorted(ROOT.glob("tests/**/*_test.cpp"))
)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda m: m.promise)
def test_row_can_be_run(mutant):
    text = (ROOT / mutant.file).read_text("utf-8")
    assert text.count(mutant.old) == 1
    assert mutant.new != mutant.old
    if ".py::" in mutant.test:
        path, name = mutant.test.split("[")[0].split("::")
        assert f"\ndef {name}(" in (ROOT / path).read_text("utf-8")
    else:
        suite, name = re.fullmatch(r"\W*(\w+)\.(\w+)\W*", mutant.test).groups()
        assert re.search(rf"\nTEST\w*\({suite}, {name}\)", SOURCES)


def test_promises_differ():
    assert len({mutant.promise for mutant in MUTANTS}) == len(MUTANTS)
