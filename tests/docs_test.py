# SPDX-License-Identifier: MIT
"""Compares the tables of docs/ with the library that is installed."""

import importlib.util
import math
import re
from pathlib import Path

import pytest
import torch

from gramless import _core
from gramless.torch import Kernel, kernel_product

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


tables = load(DOCS / "make_tables.py")
OPERATORS = tables.operators()


@pytest.mark.parametrize("page", tables.TABLES)
def test_table_is_what_the_script_writes(page):
    """Write it anew with `python docs/make_tables.py`."""
    name, make = tables.TABLES[page]
    text = (DOCS / page).read_text("utf-8")
    assert tables.with_table(text, name, make()) == text


# x, y and G, by what gamma takes: q = 2 * 0.25 = 0.5, s = 0.5, g = 2.
POINT_X, POINT_Y, G, H = 1.0, 0.5, 2.0, 1.5
Q, S = G * (POINT_X - POINT_Y) ** 2, POINT_X * POINT_Y


@pytest.mark.parametrize(("name", "value", "log", "gamma"), tables.atoms())
def test_atom_has_the_value_of_its_row(name, value, log, gamma):
    names = {"exp": math.exp, "sqrt": math.sqrt, "log": math.log}
    sine = math.sin(math.pi * H * (POINT_X - POINT_Y))
    names |= {"q": Q, "s": S, "g": G, "h": H, "p": G * sine**2}
    want = eval(value, names)
    x, y, one = (
        torch.tensor([[number]], dtype=torch.float64)
        for number in (POINT_X, POINT_Y, 1.0)
    )
    params = {
        "id": Kernel(f"{name}(x,y)"),
        "gamma": tuple(
            None if kind == "None" else number
            for kind, number in zip(gamma.split("; "), (G, H), strict=False)
        ),
    }
    # Some roundings on either side, of numbers below 4.
    assert kernel_product(params, x, y, one).item() == pytest.approx(
        want, 1e-14
    )
    assert math.exp(eval(log, names)) == pytest.approx(want, 1e-14)


@pytest.mark.parametrize(("name", "value", "log", "gamma"), tables.atoms())
def test_atom_takes_the_gamma_of_its_row(name, value, log, gamma):
    x, y, b = torch.ones(2, 3), torch.ones(4, 3), torch.ones(4, 1)
    forms = {"scalar": 1, "diagonal": 3, "matrix": 9}
    gamma, *others = gamma.split("; ")
    for form, columns in forms.items():
        slots = (torch.ones(columns), *(1.0 for _ in others))
        params = {"id": Kernel(f"{name}(x,y)"), "gamma": slots}
        if form in gamma:
            assert kernel_product(params, x, y, b).shape == (2, 1)
        else:
            with pytest.raises(ValueError, match=r"gamma\[0\]"):
                kernel_product(params, x, y, b)


# Operands that each operator takes: X_0 has 3 components, X_1 one.
OPERANDS = {"f": "X_0", "s": "X_1", "n": "1", "r": "2", "v": "X_0"}
SPECIAL = {"place": "X_1, 1, 0", "insert": "X_1, 0, 1"}
WIDTHS = {"of operands": 3, "1": 1, "n": 1, "f + g": 6, "of v": 3}
WIDTHS |= {"f / g": 1, "g / f": 1, "f g": 9}


@pytest.mark.parametrize("row", OPERATORS, ids=lambda row: row["name"])
def test_operator_takes_its_operands_and_has_its_width(row):
    operands = ", ".join(OPERANDS[kind] for kind in row["operands"])
    call = f"{row['name']}({SPECIAL.get(row['kind'], operands)})"
    # Twice a result is too wide to be repeated.
    params = {
        "id": Kernel(formula_sum=f"(Concat({call}, {call}) | Y_0) + Sum(X_1)")
    }
    width = 2 * WIDTHS[tables.width_of(row)]
    x, b = (torch.ones(2, 3), torch.ones(2, 1)), torch.ones(1, 1)
    options = {"backend": "reference"}
    a = kernel_product(params, x, torch.ones(1, width), b, **options)
    assert a.shape == (2, 1)
    wrong = f"one width, got {width} and {width + 1}"
    with pytest.raises(ValueError, match=wrong):
        kernel_product(params, x, torch.ones(1, width + 1), b, **options)


def table_of_modes():
    text = (DOCS / "modes.md").read_text("utf-8")
    rows = re.findall(r"^\| `(\w+)` \|(.*?)\| (.*?) \|", text, re.M)
    return {name: (older.strip(" `"), names) for name, older, names in rows}


def test_lists_the_modes():
    want = {
        name: (
            "" if older == name else older,
            ", ".join(argument for argument, _ in arguments),
        )
        for name, older, arguments, _ in _core.modes()
    }
    assert table_of_modes() == want


def test_shapes_of_arguments_are_those_of_the_modes():
    text = (DOCS / "modes.md").read_text("utf-8")
    by_axis = {"i": set(), "j": set()}
    for shape, names in re.findall(r"^\| \((\w), .*? \| (.*?) \|$", text, re.M):
        axis = {"M": "i", "N": "j"}[shape]
        by_axis[axis] |= {name for name in names.split(", ") if len(name) == 1}
    want = {"i": set(), "j": set()}
    for _, _, arguments, _ in _core.modes():
        for argument, axis in arguments:
            want[axis].add(argument)
    assert by_axis == want


@pytest.mark.parametrize(
    "page",
    [ROOT / "README.md", *sorted(DOCS.glob("*.md"))],
    ids=lambda p: p.name,
)
def test_links_lead_somewhere(page):
    text = page.read_text("utf-8")
    for target in re.findall(r"\]\(([^)#\s]*)(?:#[\w-]+)?\)", text):
        if "://" not in target:
            assert not target or (page.parent / target).is_file(), target


def test_readme_lists_all_pages():
    readme = (ROOT / "README.md").read_text("utf-8")
    listed = set(re.findall(r"\(docs/(\w+\.md)\)", readme))
    assert listed == {path.name for path in DOCS.glob("*.md")}
