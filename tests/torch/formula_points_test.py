# SPDX-License-Identifier: MIT
"""Own formulas by torch operations: at 0, at ties, at steps."""

import math

import mpmath
import numpy as np
import pytest
import torch

from formula_oracle import tree_of
from gramless.torch.dense_formulas import formula_values


def at(text, *components):
    """Returns value, derivatives of the sum and the sum of second ones.

    The variable `x` has the components given; results are lists of numbers.
    """
    x = torch.tensor([[components]], dtype=torch.float64, requires_grad=True)
    value = formula_values(tree_of(text), {"x": x})
    results = [value]
    for _ in range(2):
        gradient = torch.zeros_like(x)
        if results[-1].requires_grad:
            (gradient,) = torch.autograd.grad(
                results[-1].sum(), x, create_graph=True, materialize_grads=True
            )
        results.append(gradient)
    return [result.flatten().tolist() for result in results]


ROOTS_AT_0 = [
    ("Sqrt(x)", 0, 0),
    ("x ** 0.5", 0, 0),
    ("x ** 1.5", 0, 0),
    ("x ** 0.3", 0, 0),
    ("Norm2(x)", 0, 0),
    ("Sqrt(x) * Sqrt(x)", 1, 0),
    ("Sqrt(x) ** 2", 1, 0),
    ("Pow(Sqrt(x), 4)", 0, 2),
    ("Square(Sqrt(x))", 1, 0),
    ("Sqrt(x) * x * Sqrt(x)", 0, 2),
    ("-(3 * Sqrt(x)) ** 2 / 9", -1, 0),
    ("(Sqrt(x) | Sqrt(x))", 1, 0),
    ("SqNorm2(Sqrt(x))", 1, 0),
    ("Norm2(x) * Norm2(x)", 0, 2),
    ("Norm2(x) ** 3", 0, 0),
    ("Normalize(x)", 0, 0),
    ("Abs(x)", 0, 0),
    ("x ** 2", 0, 2),
    ("x ** 3", 0, 0),
    ("Sqrt(WeightedSqNorm(2, x)) ** 2", 0, 4),
]


@pytest.mark.parametrize(("text", "first", "second"), ROOTS_AT_0)
def test_at_0(text, first, second):
    assert at(text, 0.0) == [[0.0], [first], [second]]


VALUES = [
    ("Rsqrt(x)", 0, math.inf),
    ("x ** -1", 0, math.inf),
    ("XLogX(x)", 0, 0),
    ("SinXDivX(x)", 0, 1),
    ("Sign(x)", 0, 0),
    ("Sign(x)", math.nan, math.nan),
    ("Step(x)", 0, 1),
    ("Step(x)", -0.0, 1),
    ("Step(x)", -1e-300, 0),
    ("IfElse(x, 2, 3)", 0, 2),
    ("IfElse(x, 2, 3)", -1, 3),
    ("ReLU(x)", -1, 0),
    ("ReLU(x)", math.nan, math.nan),
    ("Clamp(x, -1, 2)", 5, 2),
    ("Clamp(x, -1, 2)", -5, -1),
    ("Clamp(x, -1, 2)", math.nan, math.nan),
    ("Floor(x)", -0.5, -1),
    ("Floor(x)", 2, 2),
    ("Round(x, 0)", 0.5, 0),
    ("Round(x, 0)", 1.5, 2),
    ("Round(x, 0)", 2.5, 2),
    ("Round(x, 2)", 0.125, 0.12),
    ("Round(x, -2)", 250, 200),
    ("Mod(x, 3, 0)", -1, 2),
    ("Mod(x, 3, 0)", 3, 0),
    ("Mod(x, 3, 1)", 0, 3),
    ("Mod(x, 3, 1)", 4, 1),
    ("LessThan(x, 1)", 1, 0),
    ("LessOrEqual(x, 1)", 1, 1),
    ("Elem(OneHot(x, 3), 2)", 1.5, 1),
    ("Elem(OneHot(x, 3), 2)", 2.5, 1),
    ("x / x", 0, math.nan),
    ("Sqrt(x) / Sqrt(x)", 0, math.nan),
    ("x * 0", math.inf, math.nan),
    ("(-8 * x) ** 3", 1, -512),
    ("x - x - x", 1, -1),
    ("x / 2 / 2", 1, 0.25),
    ("x / (2 / 4)", 1, 2),
]


@pytest.mark.parametrize(("text", "x", "value"), VALUES)
def test_value_at_special_points(text, x, value):
    np.testing.assert_equal(at(text, float(x))[0], [float(value)])


@pytest.mark.parametrize(
    "text",
    [
        *("Step(x)", "Sign(x)", "Floor(x)", "Round(x, 1)", "OneHot(x, 3)"),
        *("Equal(x, 1)", "NotEqual(x, 1)", "x ** 0", "Pow(x, 0)"),
        *("LessThan(x, 1)", "LessOrEqual(x, 1)"),
    ],
)
@pytest.mark.parametrize("x", [0.0, 1.0, 0.3, math.nan, math.inf])
def test_steps_have_derivative_0(text, x):
    assert at(text, x)[1:] == [[0], [0]]


def test_ties_give_the_derivative_of_the_first():
    assert at("Max(x)", 1.0, 3.0, 3.0, 2.0)[:2] == [[3], [0, 1, 0, 0]]
    assert at("Min(x)", 1.0, 1.0, 1.0)[:2] == [[1], [1, 0, 0]]
    assert at("Clamp(x, 1, 2)", 1.0)[1] == [1]
    assert at("Clamp(x, 1, 2)", 2.0)[1] == [1]


def test_power_0_keeps_the_width():
    assert at("Sum(x ** 0)", math.nan, 0.0, 2.0) == [[3], [0] * 3, [0] * 3]


@pytest.mark.parametrize(
    "x", [0.0, 1e-200, 1e-8, 1e-3, -0.5, 0.999, 1.0, 1.001, -3.0, 20.0]
)
def test_sin_x_div_x(x):
    with mpmath.workdps(60):
        s, c, t = mpmath.sin(x), mpmath.cos(x), mpmath.mpf(x)
        if abs(t) < 1e-6:
            expected = [
                1 - t**2 / 6,
                t**3 / 30 - t / 3,
                t**2 / 10 - mpmath.mpf(1) / 3,
            ]
        else:
            expected = [
                s / t,
                c / t - s / t**2,
                2 * s / t**3 - 2 * c / t**2 - s / t,
            ]
    for (result,), value in zip(at("SinXDivX(x)", x), expected, strict=True):
        assert abs(result - value) <= 8 * 2.0**-53


@pytest.mark.parametrize(
    ("kind", "value"),
    [("add", 1001), ("subtract", -997), ("multiply", 2), ("divide", 2)],
)
def test_chains_can_be_long(kind, value):
    tree = ("name", "x")
    for _ in range(999):
        tree = (kind, tree, ("number", 1.0))
    x = torch.full((1, 1, 1), 2.0, requires_grad=True)
    result = formula_values(tree, {"x": x})
    assert result.item() == value
    assert torch.autograd.grad(result, x)[0].item() == 1


def test_results_have_the_format_and_the_rows_of_the_variables():
    x, y = torch.ones(4, 1, 2), torch.ones(1, 5, 2)
    variables = {"X_0": x, "Y_0": y}
    for text, shape in [
        ("2", (1, 1, 1)),
        ("X_0", (4, 1, 2)),
        ("Norm2(Y_0)", (1, 5, 1)),
        ("(X_0 | Y_0)", (4, 5, 1)),
        ("Concat(X_0, Y_0)", (4, 5, 4)),
        ("TensorProd(X_0, Y_0)", (4, 5, 4)),
        ("Zero(3)", (1, 1, 3)),
    ]:
        values = formula_values(tree_of(text), variables)
        assert values.shape == shape
        assert values.dtype == torch.float32
    assert formula_values(tree_of("IntCst(2)"), {}).item() == 2
