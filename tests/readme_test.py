# SPDX-License-Identifier: MIT
"""Runs the Python of the README and of docs/, and compares their tables."""

import doctest
import re
from pathlib import Path

import pytest

from gramless.torch import Kernel, kernel_formulas

ROOT = Path(__file__).parents[1]


def python_blocks(path):
    return re.findall(
        r"```python\n(.*?)```", path.read_text("utf-8"), re.DOTALL
    )


README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = python_blocks(ROOT / "README.md")
DOCS = [
    pytest.param(block, id=f"{path.name}-{position}")
    for path in sorted((ROOT / "docs").glob("*.md"))
    for position, block in enumerate(python_blocks(path))
]


def examples(block):
    """Returns the examples of a block with prompts, each with its output."""
    return doctest.DocTestParser().get_doctest(block, {}, "block", None, 0)


@pytest.mark.parametrize("block", BLOCKS)
def test_code_runs(block):
    names = {}
    exec(compile(block, "README.md", "exec"), names)
    assert names["a"].shape == (1000, names["b"].shape[1])
    for name in ("x", "y", "b", "sigma"):
        if name in names and names[name].requires_grad:
            assert names[name].grad.abs().max() > 0


@pytest.mark.parametrize("block", DOCS)
def test_code_of_docs_prints_what_it_says(block):
    """Each block stands alone; without prompts it asserts, or just runs."""
    if ">>> " not in block:
        exec(compile(block, "docs", "exec"), {})
        return
    report = []
    result = doctest.DocTestRunner().run(examples(block), out=report.append)
    assert result.attempted > 0
    assert result.failed == 0, "".join(report)


def test_there_is_code():
    assert len(BLOCKS) == 2
    assert "migrating.md" in {block.id.split("-")[0] for block in DOCS}


def test_table_of_numbers_is_what_its_code_prints():
    path = ROOT / "docs" / "migrating.md"
    table = re.findall(
        r"^\| \d+\. .* \| (\S+) \| (\S+) \|$", path.read_text("utf-8"), re.M
    )
    (block,) = (b for b in python_blocks(path) if "def show(" in b)
    printed = [example.want.split() for example in examples(block).examples]
    assert [list(row) for row in table] == [p for p in printed if p]
    assert len(table) == 9


def test_lists_the_atoms():
    table = README[README.index("the atoms are") : README.index("Each use of")]
    assert sorted(re.findall(r"`(\w+)`", table)) == sorted(kernel_formulas)


def test_shows_the_message():
    with pytest.raises(ValueError, match="gausian") as caught:
        Kernel("gausian(x,y)")
    lines = "".join(f"    {line}\n" for line in str(caught.value).splitlines())
    assert lines in README
