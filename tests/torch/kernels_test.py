# SPDX-License-Identifier: MIT
"""Kernels as values, and the errors of their names."""

import copy
import io
import pickle
import weakref
from unittest import mock

import pytest
import torch

from gramless.torch import Formula, Kernel, kernel_formulas, kernel_product

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


NAMED = Kernel("gaussian(x,y)")
BY_FORMULA = Kernel(formula_sum="(X_0|Y_0)")


@pytest.mark.parametrize("kernel", [NAMED, BY_FORMULA])
@pytest.mark.parametrize(
    "attribute",
    [
        "formula_sum",
        "routine_log",
        "vars_needed",
        "name",
        "own",
        "formula",
        "tree",
        "_core",
        "__class__",
        "__dict__",
    ],
)
def test_no_attribute_changes(kernel, attribute):
    message = (
        "Kernel: expected attributes to stay as they are, got a change of "
        f"'{attribute}'. A kernel of another formula is another Kernel: "
        "Kernel(formula_sum=...)."
    )
    before = repr(kernel), hash(kernel), kernel.tree
    for change in (
        lambda: setattr(kernel, attribute, "Exp(-SqDist(X_0, Y_0))"),
        lambda: delattr(kernel, attribute),
    ):
        with pytest.raises(AttributeError) as caught:
            change()
        assert str(caught.value) == message
        assert (caught.value.name, caught.value.obj) == (attribute, kernel)
    with pytest.raises(TypeError):
        kernel.own["gaussian"] = None
    assert (repr(kernel), hash(kernel), kernel.tree) == before


def test_attributes_that_are_not_there():
    with pytest.raises(AttributeError, match="no attribute 'formula_sum'"):
        _ = NAMED.formula_sum


@pytest.mark.parametrize("kernel", [NAMED, BY_FORMULA])
def test_weak_references(kernel):
    twin = copy.copy(kernel)
    reference = weakref.ref(twin)
    assert reference() == kernel
    assert weakref.WeakKeyDictionary({twin: 1})[kernel] == 1
    del twin
    assert reference() is None


@pytest.fixture
def own_atoms():
    kernel_formulas["mine"] = Formula(formula_sum="({X}|{Y})**2")
    kernel_formulas["rbf"] = kernel_formulas["gaussian"]
    yield
    del kernel_formulas["mine"], kernel_formulas["rbf"]


@pytest.fixture
def kernels(own_atoms):
    return [
        NAMED,
        BY_FORMULA,
        Kernel(formula_sum="Exp(X_0-Y_0)", formula_log="X_0-Y_0"),
        Kernel("3"),
        Kernel("mine(x,y) * rbf(u,v)"),
    ]


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_pickles_name_public_classes_alone(kernels, protocol):
    for kernel in kernels:
        names = set()

        class Unpickler(pickle.Unpickler):
            def find_class(self, module, name, names=names):
                names.add(name)
                return super().find_class(module, name)

        twin = Unpickler(io.BytesIO(pickle.dumps(kernel, protocol))).load()
        assert twin == kernel
        assert repr(twin) == repr(kernel)
        assert names <= {"Kernel", "Formula"}


@pytest.fixture
def safe_classes():
    torch.serialization.add_safe_globals([Kernel, Formula])
    yield
    torch.serialization.clear_safe_globals()


def saved(kernel):
    file = io.BytesIO()
    torch.save({"id": kernel, "gamma": torch.ones(1)}, file)
    file.seek(0)
    return file


def test_checkpoints_load_with_weights_only(kernels, safe_classes):
    for kernel in kernels:
        params = torch.load(saved(kernel), weights_only=True)
        assert params["id"] == kernel
        assert repr(params["id"]) == repr(kernel)


def test_checkpoints_do_not_load_unasked():
    with pytest.raises(pickle.UnpicklingError, match=r"gramless\.torch"):
        torch.load(saved(NAMED), weights_only=True)


def test_values_of_old_pickles_do_not_depend_on_the_atoms(kernels):
    kernel = kernels[-1]
    pickled = pickle.dumps(kernel)
    with mock.patch.dict(kernel_formulas, clear=True):
        twin = pickle.loads(pickled)
    x = torch.full((1, 1), 2.0)
    params = {"id": twin, "gamma": (None, 1.0)}
    assert kernel_product(params, (x, x), (x, x), x).item() == 32
