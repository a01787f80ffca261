# SPDX-License-Identifier: MIT
"""Kernels as values, their names' errors, and the catalogue."""

import copy
import pickle
from collections.abc import MutableMapping

import pytest

import oracle
from gramless.torch import Formula, Kernel, kernel_formulas

PLAIN = Kernel("gaussian(x,y)")

KERNELS = [
    (ValueError, {}, "expected a name or a formula, got neither."),
    (TypeError, {"name": 3}, "expected name to be a str, got int."),
    (TypeError, {"name": PLAIN}, "expected name to be a str, got Kernel."),
]
NAMES = [
    (
        "gausian(x,y)",
        "expected the name of an atom, got 'gausian' at column 1. Did you mean "
        "'gaussian'?\n  gausian(x,y)\n  ^^^^^^^",
    ),
    (
        "1 + gaussian(x,y) ** 2 ** 3",
        "expected one '**', got a second one at column 24. Use parentheses: "
        "'(a**b)**c'.\n  1 + gaussian(x,y) ** 2 ** 3\n  "
        "                       ^^",
    ),
    (
        "gaussian(x,y) + cauchy(y,z)",
        "expected each variable in one pair only, got 'y' in two at column 24. "
        "A second pair needs names of its own, such as '(u,v)'.\n"
        "  gaussian(x,y) + cauchy(y,z)\n"
        "                         ^",
    ),
    (
        "linear(x,y)**0.5",
        "expected an integer exponent of a kernel that may be negative, got "
        "0.5 at column 1.\n  linear(x,y)**0.5\n  ^^^^^^^^^^^^^^^^",
    ),
]


@pytest.mark.parametrize(
    ("kind", "arguments", "message"),
    KERNELS + [(ValueError, {"name": name}, text) for name, text in NAMES],
)
def test_kernels(kind, arguments, message):
    with pytest.raises(kind) as caught:
        Kernel(**arguments)
    assert str(caught.value) == f"Kernel(): {message}"


def test_formula_is_a_value():
    formula = Formula("Exp(-{X})")
    assert formula == Formula(formula_sum="Exp(-{X})")
    assert formula.description == ""
    with pytest.raises(AttributeError):
        formula.formula_sum = "Exp({X})"


SAME = [
    ("gaussian(x,y)", " gaussian( p_0 ,\tq ) "),
    ("2*gaussian(x,y)", "(2.0 * (gaussian(x,y)))"),
    ("cauchy(x,y)**2", "cauchy(x,y)**2.0"),
    ("gaussian(x,y)*linear(u,v)", "gaussian(u,v)*linear(x,y)"),
]
DIFFERENT = [
    ("gaussian(x,y)", "laplacian(x,y)"),
    ("cauchy(x,y)", "cauchy(x,y)**2"),
    ("cauchy(x,y) * 2", "cauchy(x,y) * 3"),
    ("cauchy(x,y)*cauchy(x,y)", "cauchy(x,y)*cauchy(u,v)"),
    ("1 - 2 - cauchy(x,y)", "1 - (2 - cauchy(x,y))"),
    ("-cauchy(x,y)**2", "(-cauchy(x,y))**2"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_equal(one, other):
    one, other = Kernel(one), Kernel(other)
    assert one == other
    assert hash(one) == hash(other)
    assert len({one, other}) == 1


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_unequal(one, other):
    assert Kernel(one) != Kernel(other)


@pytest.mark.parametrize("other", [None, "gaussian(x,y)", 3])
def test_unequal_to_other_types(other):
    assert Kernel("gaussian(x,y)") != other


@pytest.mark.parametrize("name", ["gaussian(x,y)", "2 *\n cauchy(x,y)"])
def test_repr(name):
    kernel = Kernel(name)
    assert kernel.name == name
    assert repr(kernel) == f"Kernel({name!r})"
    assert eval(repr(kernel)) == kernel


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickle(protocol):
    kernel = Kernel(" cauchy( p,q )*2")
    read = pickle.loads(pickle.dumps(kernel, protocol))
    assert read == kernel
    assert read.name == kernel.name


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_copies(copied):
    params = {"id": Kernel(" cauchy( p,q )*2"), "nits": 3}
    copies = copied(params)
    assert copies == params
    assert repr(copies["id"]) == repr(params["id"])


def test_catalogue():
    assert isinstance(kernel_formulas, MutableMapping)
    assert sorted(kernel_formulas) == sorted(oracle.ATOMS)
    assert "rbf" not in kernel_formulas
    assert kernel_formulas.get("rbf") is None
    for formula in kernel_formulas.values():
        assert isinstance(formula, Formula)
        assert formula.formula_sum
        assert formula.formula_log
        assert formula.description.endswith(".")
