# SPDX-License-Identifier: MIT
"""A gamma of an own formula that is a metric here and a plain vector there.

The engine indexes vectors by two axes where one of them is a matrix: whichever
use comes first, values and derivatives are those of torch's float64.
"""

import pytest
import torch

from gramless.torch import Formula, Kernel, kernel_formulas, kernel_product
from oracle import Data, assert_near, derivatives

M, N = 4, 7


def quadratic_form(g, v):
    """Returns <v, G v> of vectors in the last dimension."""
    dimension = v.shape[-1]
    if g.shape[-1] in (1, dimension):
        return (g * v * v).sum(-1)
    matrix = g.unflatten(-1, (dimension, dimension))
    return (matrix * v[..., :, None] * v[..., None, :]).sum((-2, -1))


# Each text with its meaning, for g, x, y and a second, wider vector x1.
USES = {
    "Sum(G_0)*Exp(-WeightedSqNorm(G_0, X_0 - Y_0)/9)": lambda g, x, y, x1: (
        g.sum(-1) * torch.exp(-quadratic_form(g, x - y) / 9)
    ),
    "Exp(-WeightedSqNorm(G_0, X_0 - Y_0)/9)*Sum(G_0)": lambda g, x, y, x1: (
        g.sum(-1) * torch.exp(-quadratic_form(g, x - y) / 9)
    ),
    "Elem(G_0, 0)*Sum(X_0) + WeightedSqDist(G_0, X_0, Y_0)**2": (
        lambda g, x, y, x1: (
            g[..., 0] * x.sum(-1) + quadratic_form(g, x - y) ** 2
        )
    ),
    "WeightedSqDist(G_0, X_0, Y_0)**2 + Elem(G_0, 0)*Sum(X_0)": (
        lambda g, x, y, x1: (
            g[..., 0] * x.sum(-1) + quadratic_form(g, x - y) ** 2
        )
    ),
    "WeightedSqNorm(G_0, X_0)*SqNorm2(G_0)*WeightedSqNorm(G_0*G_0, Y_0)": (
        lambda g, x, y, x1: (
            quadratic_form(g, x) * (g * g).sum(-1) * quadratic_form(g * g, y)
        )
    ),
    # Of a wider vector, a matrix is the diagonal of a larger one.
    "WeightedSqNorm(G_0, X_1)*Sum(Y_0) + WeightedSqNorm(G_0, X_0)": (
        lambda g, x, y, x1: (
            quadratic_form(g, x1) * y.sum(-1) + quadratic_form(g, x)
        )
    ),
    "WeightedSqNorm(G_0, X_0) + WeightedSqNorm(G_0, X_1)*Sum(Y_0)": (
        lambda g, x, y, x1: (
            quadratic_form(g, x1) * y.sum(-1) + quadratic_form(g, x)
        )
    ),
    "Sum(Grad(WeightedSqNorm(G_0, X_0), G_0, Sum(Y_0)))*Sum(G_0)": (
        lambda g, x, y, x1: (
            (
                torch.func.grad(lambda h: quadratic_form(h, x).sum())(g)
                * y.sum(-1, keepdim=True)
            ).sum(-1)
            * g.sum(-1)
        )
    ),
    "Sum(X_0)*Sum(G_0*Grad(SqNorm2(G_0) + WeightedSqNorm(G_0, Y_0), G_0, 1))": (
        lambda g, x, y, x1: (
            x.sum(-1) * (2 * (g * g).sum(-1) + quadratic_form(g, y))
        )
    ),
}


class Call:
    def __init__(self, text, dimension, columns, rows):
        self.text = text
        self.rows = rows
        self.kernel = Kernel(formula_sum=text)
        data = Data(7)
        shape = {"": [], "i": [M], "j": [N]}[rows]
        self.tensors = [
            data.positive(*shape, columns),
            data.normal(M, dimension),
            data.normal(N, dimension),
            data.normal(N, 2),
        ]
        if "X_1" in text:
            self.tensors.append(data.normal(M, columns))

    def product(self, gamma, x, y, b, *wide, mode="sum", backend="auto"):
        gamma = (self.rows, gamma) if self.rows else gamma
        params = {"id": self.kernel, "gamma": (gamma,)}
        return kernel_product(
            params, [x, *wide], y, b, mode=mode, backend=backend
        )

    def matrix(self, gamma, x, y, *wide):
        g = gamma[:, None] if self.rows == "i" else gamma[None]
        if not self.rows:
            g = gamma[None, None]
        shape = (M, N, -1)
        vectors = [x[:, None], y[None], *(w[:, None] for w in wide)]
        g, x, y, *wide = (v.expand(*shape) for v in (g, *vectors))
        return USES[self.text](g, x, y, *(wide or [None]))

    def expected(self, gamma, x, y, b, *wide):
        return self.matrix(gamma, x, y, *wide) @ b


def check(call, order, backend="auto", tolerance=1e-11):
    assert_near(
        call.product(*call.tensors, backend=backend),
        call.expected(*call.tensors),
        tolerance,
    )
    leaves = [t.clone().requires_grad_() for t in call.tensors]
    actual = derivatives(
        lambda *t: call.product(*t, backend=backend), leaves, order
    )
    expected = derivatives(call.expected, leaves, order)
    for each, each_expected in zip(actual, expected, strict=True):
        for part, part_expected in zip(each, each_expected, strict=True):
            assert_near(part, part_expected, tolerance)


@pytest.mark.parametrize("rows", ["", "i", "j"])
@pytest.mark.parametrize("form", ["scalar", "diagonal", "matrix"])
@pytest.mark.parametrize("text", USES)
def test_uses(text, form, rows):
    dimension = 3
    columns = {"scalar": 1, "diagonal": 3, "matrix": 9}[form]
    check(Call(text, dimension, columns, rows), order=2)


@pytest.mark.parametrize("backend", ["reference", "pytorch"])
@pytest.mark.parametrize("text", USES)
def test_backends(text, backend):
    check(Call(text, 3, 9, "j"), order=2, backend=backend)


@pytest.mark.parametrize("dimension", [1, 2, 4, 9])
@pytest.mark.parametrize("text", list(USES)[:4])
def test_dimensions(text, dimension):
    """Also one whose matrix has more entries than a list of components."""
    call = Call(text, dimension, dimension**2, "")
    check(call, order=1, tolerance=1e-10)


@pytest.mark.parametrize("text", list(USES)[:2])
def test_matrix_of_many_entries_alone(text):
    """One that is not written out, as it is nothing but a metric."""
    alone = "Exp(-WeightedSqNorm(G_0, X_0 - Y_0)/900)"
    call = Call(text, 20, 400, "")
    call.kernel = Kernel(formula_sum=alone)
    gamma, x, y, b = call.tensors
    matrix = torch.exp(
        -quadratic_form(gamma[None, None], x[:, None] - y[None]) / 900
    )
    assert_near(call.product(gamma, x, y, b), matrix @ b)


@pytest.mark.parametrize("mode", ["sum", "lse"])
@pytest.mark.parametrize("is_first", [True, False])
def test_parts_of_a_formula(mode, is_first):
    """In the log domain a product is taken apart: its parts share G_0."""
    factors = ["SqNorm2(G_0)", "Exp(-WeightedSqNorm(G_0, X_0 - Y_0))"]
    text = "*".join(factors if is_first else factors[::-1])
    call = Call(next(iter(USES)), 3, 9, "j")
    call.kernel = Kernel(formula_sum=text)

    def expected(gamma, x, y, b):
        difference = x[:, None] - y[None]
        weight = (gamma * gamma).sum(-1)
        kernel = weight * torch.exp(-quadratic_form(gamma[None], difference))
        if mode == "sum":
            return kernel @ b
        return torch.logsumexp(kernel.log()[..., None] + b[None], 1)

    leaves = [t.clone().requires_grad_() for t in call.tensors]
    actual = derivatives(lambda *t: call.product(*t, mode=mode), leaves, 2)
    wanted = derivatives(expected, leaves, 2)
    for each, each_expected in zip(actual, wanted, strict=True):
        for part, part_expected in zip(each, each_expected, strict=True):
            assert_near(part, part_expected, 1e-10)


@pytest.mark.parametrize("is_first", [True, False])
def test_atoms(monkeypatch, is_first):
    """A Formula's {G} is the same argument in both of its formulas."""
    factors = ["Sum({G})", "Exp(-WeightedSqNorm({G}, {X} - {Y}))"]
    text = "*".join(factors if is_first else factors[::-1])
    monkeypatch.setitem(kernel_formulas, "weighty", Formula(formula_sum=text))
    call = Call(next(iter(USES)), 3, 9, "")
    call.kernel = Kernel("weighty(x,y) + gaussian(x,y)")
    gamma, x, y, b = call.tensors
    params = {"id": call.kernel, "gamma": (gamma, gamma)}
    form = torch.exp(-quadratic_form(gamma[None, None], x[:, None] - y[None]))
    expected = ((gamma.sum() + 1) * form) @ b
    assert_near(kernel_product(params, x, y, b), expected)
