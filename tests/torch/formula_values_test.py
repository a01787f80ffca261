# SPDX-License-Identifier: MIT
"""Own formulas by torch operations: values and two derivatives.

Values are compared with NumPy's, derivatives with its finite differences.
"""

import ast

import pytest
import torch

from formula_oracle import FUNCTIONS, numpy_values, tree_of
from gramless.torch.dense_formulas import formula_values
from oracle import Data, assert_near

M, N = 2, 2
SEED = 4  # One with which no difference straddles a step.

# X_0, Y_0 have 3 components, X_1, Y_1 have one, X_2, Y_2 have 2 in (0.4, 1.4);
# G_0 is a scalar, G_1 diagonals for i, G_2 metrics for j, G_3 six numbers.
FORMULAS = """
X_0 + Y_0 - X_1 * Y_0 / 3
-X_0 ** 2 + (-X_0) ** 3 - 2 * -Y_1
(X_1 * (Y_2 + 1) ** -2 + Y_2 ** 0.5 | X_2 ** 4 * X_1)
X_2 ** 1.5 + Y_2 ** -0.5 + X_2 ** 0.3 + Y_2 ** -1.7 + X_2 ** 0
(X_2 / Y_2 / (X_2 + 1)) ** 2 - (X_2 * Y_2 + 1) ** -1
1 / (X_2 * Y_2 + 1) / X_2 + 2 * X_2 * 3 * X_2
(X_0 | Y_0) * X_0
Exp(-WeightedSqDist(G_0, X_0, Y_0)) * (X_2 | Y_2)
Add(X_0, Y_1) * Subtract(X_0, Y_0)
Mult(X_0, Y_0) + Scal(Y_1, X_0)
Divide(X_0, 1 + Square(Y_0)) + Minus(X_0) * Inv(Y_2 | X_2)
Scalprod(X_0, Y_0) * IntCst(3) + IntInv(7) * X_1 + IntCst(-2)
Zero(3) + X_0
Zero(2)
Exp(X_0) * Exp(X_0) - Exp(Y_0)
Log(X_2 * Y_2)
Sin(X_0) * Cos(Y_0)
Tan(X_0 / 8 + Y_0 / 8)
Asin(X_0 / 8) + Acos(Y_0 / 8)
Atan(X_0 * Y_1)
Sinh(X_0) + Cosh(Y_0) * Tanh(X_0 - Y_0)
Abs(X_0) * Y_1 ** 2
Sign(X_0) * Exp(Y_0)
Sqrt(X_2) * Rsqrt(Y_2)
Square(X_0 + Square(Y_1))
Floor(3 * X_0) * Y_0
Atan2(X_0, Y_0)
Pow(X_0, 3) + Pow(Y_0 + 4, -2) + Y_1
Pow(X_2, 0.5) * Pow(Y_2, 2.5)
Powf(X_2, Y_1)
XLogX(X_2 + Y_2)
SinXDivX(X_0 * Y_1) + SinXDivX(4 * Y_0)
Round(X_0, 0) * Y_0 + Round(Y_1, 1) * X_1
Mod(X_0, Y_2 | Y_2, X_1)
Step(X_0) * Exp(Y_0)
ReLU(X_0 * Y_1) ** 2
Clamp(X_0 * Y_1, Elem(Y_2, 0) - 1, Elem(X_2, 1)) ** 2
IfElse(X_1 - Y_1, X_0 ** 2, Y_0 * X_1)
(Equal(X_0, X_0) + Equal(X_0, Y_0)) * Y_0
(NotEqual(X_0, X_0) + NotEqual(X_0, Y_0)) * Y_0
(LessThan(X_0, Y_0) + LessThan(X_0, X_0)) * Y_0
(LessOrEqual(X_0, Y_0) + LessOrEqual(X_0, X_0)) * Y_0
SqNorm2(X_0 - Y_0) * SqNorm2(Y_2)
Norm2(X_0 - Y_0) ** 3 * Norm2(X_0)
Normalize(X_0 * Y_1)
SqDist(X_0, Y_0) / (1 + SqDist(X_2, Y_2))
WeightedSqNorm(G_0, X_0) + WeightedSqNorm(G_1, Y_0)
WeightedSqNorm(G_2, X_0) * WeightedSqNorm(G_2, Y_0)
WeightedSqDist(G_1, X_0, Y_0) ** 2
WeightedSqDist(G_2, X_0, Y_0) ** 2
Sum(X_0 * Y_0 ** 2) + Sum(X_1)
SumT(X_1 * Y_1, 4)
Max(X_0 * Y_0) * Min(X_0 + Y_0)
Elem(X_0, 2) * Elem(Y_0, 0) + Elem(X_1, 0)
ElemT(X_1 * Y_1, 4, 1)
Extract(X_0 * Y_0, 1, 2) + Extract(Y_0, 0, 2)
ExtractT(X_2 * Y_2, 1, 5) * 2
Concat(X_0 ** 2, Y_2) * X_1
OneHot(X_1, 3) * Y_0
MatVecMult(G_3, X_0 * Y_0)
MatVecMult(G_3, X_2 * Y_2)
VecMatMult(X_0 * Y_0, G_3)
VecMatMult(X_2 * Y_2, G_3)
TensorProd(X_0, Y_2) ** 2
Sqrt(X_2) * X_1 * Sqrt(X_2) * Norm2(Y_0) / Norm2(Y_0)
""".strip().split("\n")

GRADIENTS = [
    ("Grad(X_0 ** 3, X_0, Y_0)", "3 * X_0 ** 2 * Y_0"),
    (
        "Grad(Exp(-SqDist(X_0, Y_0)), Y_0, X_1 * Y_1)",
        "2 * Exp(-SqDist(X_0, Y_0)) * (X_0 - Y_0) * X_1 * Y_1",
    ),
    (
        "Grad(WeightedSqDist(G_2, X_0, Y_0), X_0, Y_1)",
        "(MatVecMult(G_2, X_0 - Y_0) + VecMatMult(X_0 - Y_0, G_2)) * Y_1",
    ),
    ("Grad(WeightedSqDist(G_1, X_0, Y_0), G_1, X_1)", "(X_0 - Y_0)**2 * X_1"),
    ("Grad((X_0 | Y_0) ** 2, G_0, X_1)", "Zero(1)"),
    ("Grad(Step(X_0), X_0, Y_0)", "Zero(3)"),
    ("Grad(X_1 * Y_1, X_1, Exp(X_1))", "Y_1 * Exp(X_1)"),
    ("Grad(MatVecMult(G_3, X_0), X_0, X_2)", "VecMatMult(X_2, G_3)"),
    (
        "Grad(Grad(Sin(X_1 * Y_1), X_1, X_1), X_1, Y_1)",
        "(Y_1 * Cos(X_1 * Y_1) - X_1 * Y_1 ** 2 * Sin(X_1 * Y_1)) * Y_1",
    ),
    (
        "Grad(Grad(Exp(X_1 * Y_1), Y_1, 1), X_1, 1) * X_1",
        "(1 + X_1 * Y_1) * Exp(X_1 * Y_1) * X_1",
    ),
]


def make_variables():
    data = Data(SEED)
    return {
        "X_0": data.normal(M, 1, 3),
        "X_1": data.normal(M, 1, 1),
        "X_2": data.positive(M, 1, 2),
        "Y_0": data.normal(1, N, 3),
        "Y_1": data.normal(1, N, 1),
        "Y_2": data.positive(1, N, 2),
        "G_0": data.positive(1, 1, 1),
        "G_1": data.positive(M, 1, 3),
        "G_2": data.metrics(N, 3)[None],
        "G_3": data.normal(1, 1, 6),
    }


# Central differences of order 8: the weights at 0, h, 2 h, ... and -h, ...
FIRST = (0, 4 / 5, -1 / 5, 4 / 105, -1 / 280)
SECOND = (-205 / 72, 8 / 5, -1 / 5, 8 / 315, -1 / 560)
H = 2.0**-8
# The differences lose 7 delta / H**2 < 6e-11 of the terms, for each rounding
# in these, and H**8/630 = 9e-23 of the ninth derivative.
TOLERANCE = 1e-8


def differences(function):
    """Returns the two first derivatives at 0 of a function of a number."""
    above = [function(k * H) for k in range(5)]
    below = [function(-k * H) for k in range(5)]
    first = sum(
        c * (a - b) for c, a, b in zip(FIRST, above, below, strict=True)
    )
    second = SECOND[0] * above[0] + sum(
        c * (a + b)
        for c, a, b in zip(SECOND[1:], above[1:], below[1:], strict=True)
    )
    return first / H, second / H**2


def check(text, expected_text):
    """Compares values and directional derivatives of two formulas."""
    variables = make_variables()
    leaves = {
        name: value.clone().requires_grad_()
        for name, value in variables.items()
    }
    values = formula_values(tree_of(text), leaves)
    code = compile(expected_text, expected_text, "eval")
    arrays = {name: value.numpy() for name, value in variables.items()}
    expected = numpy_values(code, arrays)
    weights = Data(SEED + 1).normal(*expected.shape)
    values = values.expand(M, N, -1)
    assert_near(values.detach(), torch.tensor(expected), 1e-13)

    data = Data(SEED + 2)
    steps = [data.positive(*v.shape) - 0.9 for v in leaves.values()]

    def along(t):
        moved = {
            name: value + t * step.numpy()
            for (name, value), step in zip(arrays.items(), steps, strict=True)
        }
        return (numpy_values(code, moved) * weights.numpy()).sum()

    slope = (values * weights).sum()
    sizes = (values.detach() * weights).abs().sum().item()
    for difference in differences(along):
        slope = directional_derivative(slope, leaves, steps)
        bound = TOLERANCE * max(1.0, sizes, abs(difference))
        assert abs(slope.item() - difference) <= bound


def directional_derivative(value, leaves, steps):
    """Returns the derivative of a number along steps of all leaves."""
    if not value.requires_grad:
        return torch.zeros_like(value)
    gradients = torch.autograd.grad(
        value, list(leaves.values()), create_graph=True, materialize_grads=True
    )
    return sum((g * s).sum() for g, s in zip(gradients, steps, strict=True))


@pytest.mark.parametrize("text", FORMULAS)
def test_formula_agrees_with_numpy(text):
    check(text, text)


@pytest.mark.parametrize(("text", "expected"), GRADIENTS)
def test_gradient_is_the_formula_by_hand(text, expected):
    check(text, expected)


def test_each_operator_is_tried():
    calls = [
        node.func.id
        for text in FORMULAS
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call)
    ]
    assert set(calls) == set(FUNCTIONS)


@pytest.mark.parametrize("shape", [(0, N), (M, 0), (0, 0)])
@pytest.mark.parametrize("text", [*FORMULAS, *(text for text, _ in GRADIENTS)])
def test_there_may_be_no_rows(text, shape):
    variables = {
        name: value.new_zeros(*shape, value.shape[2]).requires_grad_()
        for name, value in make_variables().items()
    }
    values = formula_values(tree_of(text), variables)
    assert values.numel() == 0 or values.shape[:2] == (1, 1)
    if values.requires_grad:
        values.sum().backward()


@pytest.mark.parametrize(
    ("mode", "needs"),
    [
        (torch.no_grad, True),
        (torch.inference_mode, True),
        (torch.inference_mode, False),
        (torch.enable_grad, False),
    ],
)
def test_gradients_record_no_graph_that_is_not_wanted(mode, needs):
    text = "Grad(Grad(X_1 ** 3 * Y_1, X_1, Y_1), X_1, 1)"
    with mode():
        variables = make_variables()
        for value in variables.values():
            value.requires_grad_(needs)
        values = formula_values(tree_of(text), variables)
        x, y = variables["X_1"], variables["Y_1"]
        assert_near(values.detach(), (6 * x * y * y).detach(), 1e-14)
    assert not values.requires_grad
