# SPDX-License-Identifier: MIT
"""Runs the README's Python, and compares its table of atoms."""

import re
from pathlib import Path

import pytest

from gramless.torch import Kernel, kernel_formulas

README = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize("block", BLOCKS)
def test_code_runs(block):
    names = {}
    exec(compile(block, "README.md", "exec"), names)
    assert names["a"].shape == (1000, names["b"].shape[1])
    for name in ("x", "y", "b", "sigma"):
        if name in names and names[name].requires_grad:
            assert names[name].grad.abs().max() > 0


def test_there_is_code():
    assert len(BLOCKS) == 2


def test_lists_the_atoms():
    table = README[README.index("the atoms are") : README.index("Each use of")]
    assert sorted(re.findall(r"`(\w+)`", table)) == sorted(kernel_formulas)


def test_shows_the_message():
    with pytest.raises(ValueError, match="gausian") as caught:
        Kernel("gausian(x,y)")
    lines = "".join(f"    {line}\n" for line in str(caught.value).splitlines())
    assert lines in README
