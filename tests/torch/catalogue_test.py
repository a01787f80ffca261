# SPDX-License-Identifier: MIT
"""kernel_formulas as a mapping, and its entries as formulas."""

import copy
import dataclasses
import pickle
from collections.abc import MutableMapping
from unittest import mock

import pytest
import torch
from torch.nn.functional import normalize

import oracle
from gramless.torch import Formula, Kernel, kernel_formulas, kernel_product
from oracle import Data, assert_near, derivatives

BACKENDS = ("auto", "reference", "pytorch")
BUILT_IN = dict(kernel_formulas)
MINE = Formula(formula_sum="({X}|{Y})**2 * {G}")


@pytest.fixture(autouse=True)
def restored():
    """Puts all entries back, in their order."""
    yield
    kernel_formulas.clear()
    kernel_formulas.update(BUILT_IN)


def points(name):
    """Returns x, y and b; some x are equal to a y, some orthogonal to one."""
    data = Data(1)
    x, y, b = data.normal(6, 3), data.normal(7, 3), data.normal(7, 2)
    y[2], y[5] = x[1], x[3]
    x[0] = torch.linalg.cross(y[0], y[1])
    if name in oracle.ATOMS_OF_S_AND_G:
        x, y = normalize(x), normalize(y)
    return x, y, b


def gamma_of(name):
    if name in oracle.ATOMS_OF_S:
        return None
    return Data(2).gamma(
        "(1,)" if name in oracle.ATOMS_OF_S_AND_G else "(DD,)", 6, 7, 3
    )


def product(name, mode="sum", backend="auto", gamma_name=None):
    """Returns a function of the tensors of a call, and these tensors."""
    gamma = gamma_of(gamma_name or name)
    tensors = [*points(gamma_name or name), *([] if gamma is None else [gamma])]
    kernel = Kernel(f"{name}(x,y)")

    def function(x, y, b, gamma=None):
        params = {"id": kernel, "gamma": gamma}
        return kernel_product(params, x, y, b, mode=mode, backend=backend)

    return function, [t.clone().requires_grad_() for t in tensors]


def assert_same(function, expected, tensors, order, tolerance):
    """Compares derivatives of all orders up to one, relative to the largest."""
    for one, other in zip(
        derivatives(function, tensors, order),
        derivatives(expected, tensors, order),
        strict=True,
    ):
        for part, wanted in zip(one, other, strict=True):
            largest = wanted.abs().nan_to_num().max().item() + 1
            torch.testing.assert_close(
                part, wanted, rtol=0, atol=tolerance * largest, equal_nan=True
            )


def test_has_the_atoms():
    assert isinstance(kernel_formulas, MutableMapping)
    assert sorted(kernel_formulas) == sorted(oracle.ATOMS + oracle.ATOMS_OF_TWO)
    assert "rbf" not in kernel_formulas
    assert kernel_formulas.get("rbf") is None
    for formula in kernel_formulas.values():
        assert isinstance(formula, Formula)
        assert formula.formula_sum
        assert formula.formula_log
        assert formula.description.endswith(".")


@pytest.mark.parametrize("name", oracle.ATOMS)
@pytest.mark.parametrize("text", ["formula_sum", "formula_log"])
def test_texts_of_entries_can_be_used(name, text):
    """An entry's formula alone, as an atom of one's own, has its numbers."""
    kernel_formulas["mine"] = Formula(
        **{text: getattr(kernel_formulas[name], text)}
    )
    expected, tensors = product(name)
    if name == "linear" and text == "formula_log":  # Of what is not negative.
        tensors = [t.detach().abs().requires_grad_() for t in tensors]
    apart = [t.detach().clone().requires_grad_() for t in tensors]
    with torch.no_grad():
        apart[0] += 0.01
    for backend in BACKENDS:
        function, _ = product("mine", "sum", backend, name)
        assert_near(function(*tensors), expected(*tensors))
        assert_same(function, expected, apart, 2, 1e-9)
        if text == "formula_sum":
            assert_same(function, expected, tensors, 1, 1e-10)


@pytest.mark.parametrize("mode", ["sum", "lse"])
@pytest.mark.parametrize("name", oracle.ATOMS)
def test_atom_under_another_name_is_the_atom(name, mode):
    """Also at equal points, where only the atom itself is smooth."""
    kernel_formulas["other"] = kernel_formulas[name]
    assert Kernel("other(x,y)") == Kernel(f"{name}(p,q)")
    assert hash(Kernel("other(x,y)")) == hash(Kernel(f"{name}(p,q)"))
    for backend in BACKENDS:
        function, tensors = product("other", mode, backend, name)
        expected, _ = product(name, mode, backend)
        torch.testing.assert_close(
            function(*tensors),
            expected(*tensors),
            rtol=0,
            atol=0,
            equal_nan=True,
        )
        assert_same(function, expected, tensors, 2, 0)


def test_smooth_atom_under_another_name_has_its_second_derivative():
    kernel_formulas["smooth"] = kernel_formulas["matern32"]
    x = torch.zeros(1, 1, dtype=torch.float64, requires_grad=True)
    params = {"id": Kernel("smooth(x,y)"), "gamma": 3.0}
    a = kernel_product(params, x, torch.zeros_like(x), torch.ones_like(x))
    (first,) = torch.autograd.grad(a, x, create_graph=True)
    (second,) = torch.autograd.grad(first, x)
    assert second.item() == -3.0


def test_atom_under_another_name_in_messages():
    kernel_formulas["rbf"] = kernel_formulas["gaussian"]
    kernel_formulas["dot"] = kernel_formulas["linear"]
    x, b = torch.zeros(2, 3), torch.zeros(2, 1)
    with pytest.raises(ValueError, match="columns for 'rbf', got"):
        kernel_product(
            {"id": Kernel("rbf(x,y)"), "gamma": torch.ones(2)}, x, x, b
        )
    with pytest.raises(ValueError, match="because 'dot' takes no parameter"):
        kernel_product({"id": Kernel("dot(x,y)"), "gamma": 1.0}, x, x, b)
    params = {"id": Kernel("rbf(x,y) + dot(x,y)"), "gamma": 1.0}
    with pytest.raises(ValueError, match=r"kernel's atoms \(rbf, dot"):
        kernel_product(params, x, x, b)


def test_another_description_is_the_same_atom():
    entry = kernel_formulas["gaussian"]
    kernel_formulas["rbf"] = dataclasses.replace(entry, description="Mine.")
    assert Kernel("rbf(x,y)") == Kernel("gaussian(x,y)")


def test_atom_with_a_routine_is_no_longer_the_atom():
    entry = kernel_formulas["gaussian"]
    kernel_formulas["rbf"] = dataclasses.replace(
        entry, routine_sum=lambda gxmy2: torch.full_like(gxmy2, 5.0)
    )
    assert Kernel("rbf(x,y)") != Kernel("gaussian(x,y)")
    x = torch.zeros(1, 1)
    params = {"id": Kernel("rbf(x,y)"), "gamma": 1.0}
    results = [
        kernel_product(params, x, x, x + 1, backend=backend).item()
        for backend in ("auto", "pytorch")
    ]
    assert results == [1.0, 5.0]


@pytest.mark.parametrize("name", oracle.ATOMS)
def test_entry_can_be_put_back(name):
    before = Kernel(f"{name}(x,y)")
    entry = kernel_formulas[name]
    kernel_formulas[name] = MINE
    assert Kernel(f"{name}(x,y)") != before
    kernel_formulas[name] = entry
    assert kernel_formulas == BUILT_IN
    assert Kernel(f"{name}(x,y)") == before
    assert kernel_formulas.pop(name) is entry
    assert name not in kernel_formulas
    kernel_formulas.setdefault(name, entry)
    assert Kernel(f"{name}(x,y)") == before


def test_names_can_be_swapped():
    entries = kernel_formulas["gaussian"], kernel_formulas["cauchy"]
    old = Kernel("gaussian(x,y) * cauchy(x,y)")
    kernel_formulas["cauchy"], kernel_formulas["gaussian"] = entries
    assert Kernel("cauchy(x,y) * gaussian(x,y)") == old
    assert Kernel("gaussian(x,y) * cauchy(x,y)") != old


def test_deleted_atom_is_unknown():
    kernel_formulas["own"] = MINE
    before = Kernel("gaussian(x,y)")
    del kernel_formulas["gaussian"]
    with pytest.raises(ValueError, match="name of an atom") as caught:
        Kernel("1 + gaussian(x,y)")
    assert str(caught.value) == (
        "Kernel(): expected the name of an atom, got 'gaussian' at column 5. "
        "Did you mean 'gaussian_oriented' or 'gaussian_unoriented'?\n"
        "  1 + gaussian(x,y)\n      ^^^^^^^^"
    )
    kernel_formulas.clear()
    kernel_formulas["own"] = MINE
    with pytest.raises(ValueError, match=r"Known: own\.") as caught:
        Kernel("gaussian(x,y)")
    x = torch.zeros(1, 1)
    params = {"id": before, "gamma": 1.0}
    assert kernel_product(params, x, x, x + 1).item() == 1
    for twin in (copy.copy(before), pickle.loads(pickle.dumps(before))):
        assert twin == before
    with pytest.raises(KeyError):
        del kernel_formulas["gaussian"]


@pytest.mark.parametrize("clear", [False, True])
def test_mock_patches_it(clear):
    with mock.patch.dict(
        kernel_formulas, {"gaussian": MINE, "mine": MINE}, clear=clear
    ):
        kernel = Kernel("gaussian(x,y)")
        assert ("cauchy" in kernel_formulas) is not clear
        assert Kernel("mine(x,y)") == kernel
    assert list(kernel_formulas.items()) == list(BUILT_IN.items())
    assert "mine" not in kernel_formulas
    assert Kernel("gaussian(x,y)") != kernel
    x = torch.full((1, 1), 2.0)
    params = {"id": kernel, "gamma": 3.0}
    assert kernel_product(params, x, x, x).item() == 96  # As it was built.


def test_kernels_of_renamed_atoms_are_pickled():
    kernel_formulas["rbf"] = kernel_formulas["gaussian"]
    kernel_formulas["gaussian"] = MINE
    kernel = Kernel("rbf(x,y) + gaussian(x,y)")
    kernel_formulas.clear()
    for twin in (
        pickle.loads(pickle.dumps(kernel)),
        copy.copy(kernel),
        copy.deepcopy(kernel),
    ):
        assert twin == kernel
        assert twin.name == kernel.name
        x = torch.full((1, 1), 2.0)
        params = {"id": twin, "gamma": (1.0, 3.0)}
        assert kernel_product(params, x, x, x).item() == 2 * (1 + 48)


def test_shows_its_names():
    assert repr(kernel_formulas.keys()) == repr(BUILT_IN.keys())
    for name, formula in BUILT_IN.items():
        assert f"{name!r}: {formula!r}" in str(kernel_formulas)
    assert "object at 0x" not in f"{kernel_formulas} {kernel_formulas.items()}"
    assert repr(kernel_formulas["cauchy"]) == (
        "Formula(formula_sum='1/(1 + WeightedSqDist({G},{X},{Y}))', "
        "formula_log='-Log(1 + WeightedSqDist({G},{X},{Y}))', "
        "description='The Cauchy kernel, with heavy tails.')"
    )


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda m: m.copy()]
)
def test_copies_are_apart(copied):
    twin = copied(kernel_formulas)
    assert twin == kernel_formulas
    twin["mine"] = MINE
    del twin["gaussian"]
    assert kernel_formulas == BUILT_IN


def test_all_ways_to_add_are_checked():
    for add in (
        lambda value: kernel_formulas.__setitem__("bad", value),
        lambda value: kernel_formulas.update(bad=value),
        lambda value: kernel_formulas.setdefault("bad", value),
        lambda value: kernel_formulas.__ior__({"bad": value}),
        lambda value: kernel_formulas | {"bad": value},
    ):
        with pytest.raises(TypeError, match="expected a Formula, got str"):
            add("Exp({X})")
        with pytest.raises(ValueError, match="expected a variable, got 'X_0'"):
            add(Formula("X_0"))
    assert kernel_formulas == BUILT_IN
    kernel_formulas.update({"mine": MINE})
    assert Kernel("mine(x,y)").own == {"mine": MINE}


def test_kernels_of_own_atoms_go_by_what_these_say():
    """Names of atoms do not matter, their places and routines do."""

    def one(xsy):
        return xsy

    def two(xsy):
        return 2 * xsy

    kernel_formulas["f"] = kernel_formulas["g"] = MINE
    assert Kernel("f(x,y)") == Kernel("g(x,y)")
    for name, routine in (("p", one), ("q", two), ("r", one)):
        kernel_formulas[name] = Formula(routine_sum=routine)
    assert Kernel("p(x,y) - q(x,y)") == Kernel("r(x,y) - q(x,y)")
    assert Kernel("p(x,y) - q(x,y)") != Kernel("q(x,y) - p(x,y)")
