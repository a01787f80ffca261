# SPDX-License-Identifier: MIT
"""Own formulas whose variables differ in their widths, by torch's float64.

Few of them are 16, up to which the engine unrolls loops over components.
"""

import itertools

import pytest
import torch

from gramless.torch import Formula, Kernel, kernel_formulas, kernel_product
from oracle import Data, assert_near, derivatives

M, N = 5, 9
WIDTHS = (0, 1, 2, 3, 16, 17, 20, 65, 300)
PAIRS = list(itertools.product(WIDTHS, WIDTHS))

# Each formula with what it means for x (M, 1, D), y (1, N, D') and g (1, 1, K):
# lists, one for each number of a variable. Sums keep their dimension.
FORMULAS = {
    "Sum(X_0)*Sum(Y_0)": lambda x, y, g: total(x[0]) * total(y[0]),
    "Sum(Sin(X_0)*Sum(Cos(Y_0)*Sum(X_0)))": lambda x, y, g: total(
        x[0].sin() * total(y[0].cos() * total(x[0]))
    ),
    "Exp(-SqNorm2(X_0)*Sum(G_0)/50)*Sin(Sum(Y_0)) + Sum(G_0*G_0)*Sum(X_1)": (
        lambda x, y, g: (
            torch.exp(-total(x[0] ** 2) * total(g[0]) / 50) * total(y[0]).sin()
            + total(g[0] * g[0]) * total(x[1])
        )
    ),
    "Sum(X_0*Y_1)*Sum(X_1)*Sum(Y_0 - 1) + Sum(Tanh(Y_1))": lambda x, y, g: (
        total(x[0] * y[1]) * total(x[1]) * total(y[0] - 1) + total(y[1].tanh())
    ),
}


def total(vector):
    return vector.sum(-1, keepdim=True)


def widths_of(text, first, second):
    """Returns the widths of x, y and gamma, for those of X_0 and Y_0."""
    one = WIDTHS[(WIDTHS.index(first) + 5) % len(WIDTHS)]
    other = WIDTHS[(WIDTHS.index(second) + 3) % len(WIDTHS)]
    x = [first, one][: 2 if "X_1" in text else 1]
    y = [second, first][: 2 if "Y_1" in text else 1]
    return x, y, [other or 1] if "G_0" in text else []


class Call:
    def __init__(self, text, x, y, gamma, columns=2, rows=""):
        self.text = text
        self.kernel = Kernel(formula_sum=text)
        self.counts = (len(x), len(y), len(gamma))
        self.rows = rows
        data = Data(3)
        scale = {"": None, "i": M, "j": N}[rows]
        self.tensors = [data.normal(M, width) for width in x]
        self.tensors += [data.normal(N, width) for width in y]
        self.tensors += [
            data.positive(width)
            if scale is None
            else data.positive(scale, width)
            for width in gamma
        ]
        # The mode tells M and N, also where there is no x.
        self.tensors += [data.normal(N, columns)]

    def split(self, tensors):
        tensors = list(tensors)
        groups = [[tensors.pop(0) for _ in range(k)] for k in self.counts]
        return (*groups, tensors[0])

    def product(self, *tensors, backend="auto"):
        x, y, gamma, b = self.split(tensors)
        gamma = [(self.rows, g) if self.rows else g for g in gamma]
        params = {"id": self.kernel, "gamma": tuple(gamma)}
        return kernel_product(params, x, y, b, backend=backend)

    def expected(self, *tensors):
        x, y, gamma, b = self.split(tensors)
        matrix = FORMULAS[self.text](
            [t[:, None] for t in x],
            [t[None] for t in y],
            [t[:, None] if self.rows == "i" else t[None] for t in gamma],
        )
        return matrix[..., 0].expand(M, N) @ b


def check(call, order, backend="auto", tolerance=1e-11):
    given = call.tensors
    actual = call.product(*given, backend=backend)
    assert_near(actual, call.expected(*given), tolerance)
    leaves = [t.clone().requires_grad_() for t in given]
    of_engine = derivatives(
        lambda *t: call.product(*t, backend=backend), leaves, order
    )
    of_torch = derivatives(call.expected, leaves, order)
    for each, each_expected in zip(of_engine, of_torch, strict=True):
        for part, part_expected in zip(each, each_expected, strict=True):
            assert_near(part, part_expected, tolerance)


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_two_widths(first, second):
    text = next(iter(FORMULAS))
    check(Call(text, *widths_of(text, first, second)), order=1)


@pytest.mark.parametrize(("first", "second"), PAIRS[::7])
def test_two_widths_of_an_atom(first, second, monkeypatch):
    """In a name the points keep their axes, which other atoms read as well."""
    formula = Formula(formula_sum="Sum({X})*Sum({Y})")
    monkeypatch.setitem(kernel_formulas, "sums", formula)
    params = {"id": Kernel("sums(x,y)*(1 + sums(x,y))")}
    data = Data(7)
    points = [data.positive(M, first), data.positive(N, second)]
    leaves = [t.requires_grad_() for t in (*points, data.positive(N, 1))]

    def expected(x, y, b):
        k = total(x) @ total(y).T
        return (k * (1 + k)) @ b

    of_engine = derivatives(
        lambda *t: kernel_product(params, *t), leaves, order=1
    )
    of_torch = derivatives(expected, leaves, order=1)
    for each, each_expected in zip(of_engine, of_torch, strict=True):
        for part, part_expected in zip(each, each_expected, strict=True):
            assert_near(part, part_expected, 1e-12)


@pytest.mark.parametrize("backend", ["auto", "reference", "pytorch"])
@pytest.mark.parametrize(("first", "second"), PAIRS[::7])
def test_second_derivatives(first, second, backend):
    """A second derivative sums over the columns of both, side by side."""
    text = next(iter(FORMULAS))
    check(Call(text, *widths_of(text, first, second)), 2, backend)


@pytest.mark.parametrize("text", list(FORMULAS)[1:])
@pytest.mark.parametrize(("first", "second"), PAIRS[::5])
def test_more_widths(text, first, second):
    call = Call(text, *widths_of(text, first, second), columns=3)
    check(call, order=1, tolerance=1e-10)


@pytest.mark.parametrize("rows", ["", "i", "j"])
@pytest.mark.parametrize("columns", [1, 3, 17, 65])
@pytest.mark.parametrize("widths", [(3, 20, 65), (65, 2, 17), (20, 300, 3)])
def test_widths_of_gamma_and_b(widths, columns, rows):
    text = list(FORMULAS)[2]
    first, second, gamma = widths
    call = Call(text, [first, 3], [second], [gamma], columns, rows)
    check(call, order=1, tolerance=1e-10)


def test_one_process_takes_turns():
    """What was compiled for some widths serves no others."""
    text = next(iter(FORMULAS))
    for widths in [(3, 20), (20, 3), (20, 20), (17, 20), (20, 17), (3, 300)]:
        check(Call(text, *widths_of(text, *widths)), order=1)
