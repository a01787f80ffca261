# SPDX-License-Identifier: MIT
"""Own formulas in the engine: values, derivatives, kernels, messages."""

import copy
import pickle
import re

import numpy as np
import pytest
import torch

from formula_oracle import numpy_values
from formula_values_test import FORMULAS, GRADIENTS
from gramless.torch import Formula, Kernel, kernel_formulas, kernel_product
from oracle import Data, assert_near, derivatives

M, N = 5, 9
FORMULAS = [text for text in FORMULAS if "_" in text]  # Of variables.
ALL = [*FORMULAS, *(text for text, _ in GRADIENTS)]


def arguments(dtype=torch.float64):
    """Returns x, y and gamma for all variables that the formulas have."""
    data = Data(4, dtype)
    x = [data.normal(M, 3), data.normal(M, 1), data.positive(M, 2)]
    y = [data.normal(N, 3), data.normal(N, 1), data.positive(N, 2)]
    gamma = [
        data.positive(1),
        ("i", data.positive(M, 3)),
        ("j", data.metrics(N, 3)),
        data.normal(6),
    ]
    return x, y, gamma


def used(text, letter):
    """Returns how many variables of a kind a formula counts."""
    numbers = re.findall(letter + r"_(\d)", text)
    return max(map(int, numbers), default=-1) + 1


class Call:
    """The kernel Σ f cos(f), or another one, of a formula f of any width."""

    def __init__(self, text, dtype=torch.float64, form="Sum(({0}) * Cos({0}))"):
        self.text = form.format(text)
        self.kernel = Kernel(formula_sum=self.text)
        x, y, gamma = arguments(dtype)
        self.x, self.y = x[: used(text, "X")], y[: used(text, "Y")]
        self.gamma = gamma[: used(text, "G")]
        data = Data(5, dtype)
        self.b = data.normal(N, 2)
        self.rest = (data.normal(M, 1), data.normal(N, 1))

    def tensors(self):
        gammas = [g[1] if isinstance(g, tuple) else g for g in self.gamma]
        return [*self.x, *self.y, *gammas, self.b, *self.rest]

    def product(self, *tensors, backend="auto"):
        tensors = list(tensors or self.tensors())
        x, y, gamma = (
            [tensors.pop(0) for _ in group]
            for group in (self.x, self.y, self.gamma)
        )
        gamma = tuple(
            (old[0], new) if isinstance(old, tuple) else new
            for old, new in zip(self.gamma, gamma, strict=True)
        )
        b, *rest = tensors
        params = {"id": self.kernel, "gamma": gamma}
        # With log_scaled, M and N are told by A and B.
        return kernel_product(
            params, x, y, b, *rest, mode="log_scaled", backend=backend
        )

    def expected(self):
        """Returns the product by NumPy."""
        named = {f"X_{k}": x[:, None] for k, x in enumerate(self.x)}
        named |= {f"Y_{k}": y[None] for k, y in enumerate(self.y)}
        for k, g in enumerate(self.gamma):
            rows = g[0] if isinstance(g, tuple) else ""
            g = g[1] if isinstance(g, tuple) else g
            shape = {"i": (M, 1, -1), "j": (1, N, -1), "": (1, 1, -1)}[rows]
            named[f"G_{k}"] = g.reshape(shape)
        arrays = {name: value.numpy() for name, value in named.items()}
        values = numpy_values(compile(self.text, "", "eval"), arrays)
        matrix = np.broadcast_to(np.asarray(values)[..., 0], (M, N))
        rows, columns = (t.numpy() for t in self.rest)
        weights = matrix * np.exp(rows + columns.T)
        return torch.as_tensor(weights @ self.b.numpy())


@pytest.mark.parametrize("text", FORMULAS)
def test_values(text):
    call = Call(text)
    expected = call.expected()
    for backend in ("auto", "reference", "pytorch"):
        assert_near(call.product(backend=backend), expected, 1e-12)


def gradients(call, backend, order):
    tensors = [t.clone().requires_grad_() for t in call.tensors()]
    return derivatives(
        lambda *given: call.product(*given, backend=backend), tensors, order
    )


@pytest.mark.parametrize("text", ALL)
def test_derivatives(text):
    call = Call(text)
    expected = gradients(call, "pytorch", 2)
    engine_order = 2 if ALL.index(text) % 5 == 0 else 1
    for backend, order in (("reference", 2), ("auto", engine_order)):
        actual = gradients(call, backend, order)
        for one, one_expected in zip(actual, expected, strict=False):
            for part, part_expected in zip(one, one_expected, strict=True):
                assert_near(part, part_expected, 1e-10)


@pytest.mark.parametrize("text", FORMULAS)
def test_float32(text):
    call = Call(text, torch.float32, "Sum({0})")
    expected = Call(text, form="Sum({0})")
    for name in ("x", "y", "gamma", "b", "rest"):
        setattr(expected, name, [to_double(t) for t in getattr(call, name)])
    expected.b = call.b.double()
    assert_near(call.product().double(), expected.expected(), 1e-4)


def to_double(value):
    if isinstance(value, tuple):
        return value[0], value[1].double()
    return value.double()


@pytest.fixture
def own_formula():
    name = "dotted"
    kernel_formulas[name] = Formula(
        formula_sum="Exp(({X}|{Y}) - WeightedSqDist({G},{X},{Y}))",
        formula_log="({X}|{Y}) - WeightedSqDist({G},{X},{Y})",
        routine_sum=lambda gxmy2, xsy, **_: torch.exp(xsy - gxmy2),
        routine_log=lambda gxmy2, xsy, **_: xsy - gxmy2,
    )
    yield name
    del kernel_formulas[name]


@pytest.mark.parametrize("mode", ["sum", "lse"])
@pytest.mark.parametrize("form", ["(1,)", "(D,)", "(DD,)", "j(N,DD)"])
def test_atom_of_your_own(own_formula, mode, form):
    data = Data(3)
    x, y, b = data.normal(M, 2), data.normal(N, 2), data.normal(N, 1)
    gamma = (data.gamma(form, M, N, 2), 0.5)
    kernel = Kernel(f"{own_formula}(x,y) * 2 + gaussian(x,y)")
    given = {"id": kernel, "gamma": gamma}
    results = []
    for backend in ("auto", "reference", "pytorch"):
        leaf = x.clone().requires_grad_()
        a = kernel_product(given, leaf, y, b, mode=mode, backend=backend)
        (gradient,) = torch.autograd.grad(a.sum(), leaf)
        results.append((a.detach(), gradient))
    for a, gradient in results[:2]:
        assert_near(a, results[2][0])
        assert_near(gradient, results[2][1])


def test_kernels_keep_the_formulas_they_were_built_with(own_formula):
    kernel = Kernel(f"{own_formula}(x,y)")
    kernel_formulas[own_formula] = Formula(formula_sum="({X}|{Y})*{G}")
    x = torch.ones(1, 1)
    given = ({"gamma": 1.0}, x, x, x)
    old = kernel_product({**given[0], "id": kernel}, *given[1:])
    new_kernel = Kernel(f"{own_formula}(x,y)")
    new = kernel_product({**given[0], "id": new_kernel}, *given[1:])
    assert old.item() == pytest.approx(np.e)
    assert new.item() == 1
    assert kernel != new_kernel


def test_kernels_of_formulas_are_values():
    kernel = Kernel(formula_log="-WeightedSqDist(G_0, X_0, Y_0)")
    for twin in (pickle.loads(pickle.dumps(kernel)), copy.deepcopy(kernel)):
        assert twin == kernel
        assert hash(twin) == hash(kernel)
    assert repr(kernel) == (
        "Kernel(formula_log='-WeightedSqDist(G_0, X_0, Y_0)')"
    )
    assert kernel != Kernel(formula_sum="-WeightedSqDist(G_0, X_0, Y_0)")
    kernel_formulas["pickled"] = Formula(formula_sum="({X}|{Y})**2")
    named = pickle.dumps(Kernel("pickled(x,y)"))
    del kernel_formulas["pickled"]
    x = torch.full((1, 1), 3.0)
    a = kernel_product({"id": pickle.loads(named), "gamma": None}, x, x, x)
    assert a.item() == 243


def test_either_formula_is_derived_from_the_other():
    x, y = torch.zeros(1, 1).double(), torch.full((2, 1), 30.0).double()
    b = torch.zeros(2, 1).double()
    exact = np.log(2) - 900
    for own in (
        {"formula_sum": "Exp(-SqDist(X_0, Y_0))"},
        {"formula_log": "-SqDist(X_0, Y_0)"},
        {"formula_sum": "2*Exp(-SqDist(X_0, Y_0))/(1 + IntCst(1))"},
    ):
        params = {"id": Kernel(**own), "gamma": ()}
        for backend in ("auto", "reference", "pytorch"):
            a = kernel_product(params, x, y, b, mode="lse", backend=backend)
            assert a.item() == pytest.approx(exact, abs=1e-12)
            a = kernel_product(params, x, x, b[:1] + 1, backend=backend)
            assert a.item() == 1


def test_routines_get_what_they_name():
    x, y, b = torch.rand(M, 2), torch.rand(N, 2), torch.ones(N, 1)
    seen = {}

    def routine(x, y, g, gxmy2, xsy):
        seen.update(x=x, y=y, g=g, gxmy2=gxmy2, xsy=xsy)
        return gxmy2[0] + xsy[1]

    kernel = Kernel(routine_sum=routine)
    gamma = (torch.tensor([2.0]), None)
    params = {"id": kernel, "gamma": gamma}
    a = kernel_product(params, (x, x), (y, y), b, backend="pytorch")
    d = x[:, None] - y[None]
    expected = 2 * (d * d).sum(2) + x @ y.T
    assert_near(a, expected.sum(1, keepdim=True), 1e-5)
    assert seen["g"][0] is gamma[0]
    assert seen["g"][1] is None
    assert [t.shape for t in seen["x"]] == [(M, 2), (M, 2)]
    message = (
        "kernel_product(): expected backend 'pytorch' for a kernel of "
        "routines without formulas, got 'auto'."
    )
    with pytest.raises(NotImplementedError) as caught:
        kernel_product(params, (x, x), (y, y), b)
    assert str(caught.value) == message
    with pytest.raises(NotImplementedError, match="expected routine_log"):
        kernel_product(params, (x, x), (y, y), b, mode="lse", backend="pytorch")


WRONG = [
    (
        "Exq(X_0)",
        "Kernel(): expected the name of an operator, got 'Exq' at column 1. "
        "Did you mean 'Exp'?\n  Exq(X_0)\n  ^^^",
    ),
    (
        "Exp(X_0, Y_0)",
        "Kernel(): expected 1 operand of 'Exp', got 2 at column 1.\n"
        "  Exp(X_0, Y_0)\n  ^^^^^^^^^^^^^",
    ),
    (
        "Exp(X)",
        "Kernel(): expected a variable, got 'X' at column 5. The variables "
        "are 'X_0', 'X_1', ..., 'Y_0', ..., 'G_0', ..., up to 99.\n"
        "  Exp(X)\n      ^",
    ),
    (
        "Elem(X_0, Y_0)",
        "Kernel(): expected an integer as an operand of 'Elem' at column 11.\n"
        "  Elem(X_0, Y_0)\n            ^^^",
    ),
    (
        "Exp(-(X_0, 2*Y_0))",
        "Kernel(): expected ')' or an operator, got ',' at column 10. Write "
        "'(X_0|2*Y_0)' for a scalar product.\n"
        "  Exp(-(X_0, 2*Y_0))\n           ^",
    ),
    (
        f"({'X_0 + ' * 9}X_0, Y_0)",
        "Kernel(): expected ')' or an operator, got ',' at column 59. Write "
        "'(f|g)' for a scalar product.\n"
        f"  ({'X_0 + ' * 9}X_0, Y_0)\n  {58 * ' '}^",
    ),
    (
        "(X_0, )",
        "Kernel(): expected a number, a name or '(', got ')' at column 7.\n"
        "  (X_0, )\n        ^",
    ),
    (
        "X_0 + Y_0",
        "kernel_product(): expected a value of width 1, got one of width 3 at "
        "column 1.\n  X_0 + Y_0\n  ^^^^^^^^^",
    ),
    (
        "Sum(X_0 + Concat(Y_0, 1))",
        "kernel_product(): expected operands of one width, got 3 and 4 at "
        "column 5.\n  Sum(X_0 + Concat(Y_0, 1))\n      "
        "^^^^^^^^^^^^^^^^^^^^",
    ),
    (
        "Elem(X_0, 3) * Elem(Y_0, 0)",
        "kernel_product(): expected a number between 0 and 2 in 'Elem', got 3 "
        "at column 11.\n  Elem(X_0, 3) * Elem(Y_0, 0)\n            ^",
    ),
    (
        "WeightedSqNorm(Concat(X_0, X_0), Y_0)",
        "kernel_product(): expected a metric of width 1, 3 or 9, got 6 at "
        "column 1.\n  WeightedSqNorm(Concat(X_0, X_0), Y_0)\n  "
        "^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^",
    ),
]


def test_old_scalar_product_in_an_atom():
    with pytest.raises(ValueError, match="scalar product") as caught:
        kernel_formulas["old"] = Formula(formula_sum="({X},{Y})**2")
    assert str(caught.value) == (
        "Formula 'old': expected ')' or an operator, got ',' at column 5. "
        "Write '({X}|{Y})' for a scalar product.\n  ({X},{Y})**2\n      ^"
    )


@pytest.mark.parametrize(("text", "message"), WRONG)
def test_messages(text, message):
    x, y, b = torch.zeros(2, 3), torch.zeros(2, 3), torch.zeros(2, 1)

    def call(backend):
        kernel = Kernel(formula_sum=text)
        kernel_product({"id": kernel}, x, y, b, backend=backend)

    for backend in ("auto", "pytorch"):
        with pytest.raises(ValueError, match=r"\(\)") as caught:
            call(backend)
        assert str(caught.value) == message


def test_counts_of_arguments():
    x, b = torch.zeros(2, 3), torch.zeros(2, 1)
    kernel = Kernel(formula_sum="(X_1|Y_0)*G_0")
    with pytest.raises(ValueError, match="2 tensors in x, one for each of its"):
        kernel_product({"id": kernel, "gamma": 1.0}, x, x, b)
    with pytest.raises(ValueError, match="1 gamma, one for each of its"):
        kernel_product({"id": kernel, "gamma": ()}, (x, x), x, b)


def test_long_lists_are_not_supported():
    x, b = torch.zeros(2, 65), torch.zeros(2, 1)
    kernel = Kernel(formula_sum="Max(X_0 * Y_0)")
    with pytest.raises(NotImplementedError, match="between 1 and 64") as caught:
        kernel_product({"id": kernel}, x, x, b)
    assert "\n  Max(X_0 * Y_0)\n  ^" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value", "kind", "message"),
    [
        ("a b", Formula("{X}"), ValueError, "a name of letters, digits"),
        ("good", "{X}", TypeError, "expected a Formula, got str"),
        ("good", Formula("X_0"), ValueError, "expected a variable, got 'X_0'"),
        (
            "good",
            Formula("Exp({Z})"),
            ValueError,
            "'{X}', '{Y}', '{G}' and '{H}'",
        ),
    ],
)
def test_wrong_formulas_are_not_taken(name, value, kind, message):
    with pytest.raises(kind) as caught:
        kernel_formulas[name] = value
    assert message in str(caught.value)
    assert name not in kernel_formulas


def test_formula_says_something():
    with pytest.raises(ValueError, match="a formula or a routine, got neither"):
        Formula()
    with pytest.raises(TypeError, match="formula_sum to be a str, got int"):
        Formula(formula_sum=3)
    with pytest.raises(TypeError, match="routine_log as a function, got str"):
        Formula(routine_log="x")
    with pytest.raises(ValueError, match="a name or a formula, got both"):
        Kernel("gaussian(x,y)", formula_sum="(X_0|Y_0)")
