# SPDX-License-Identifier: MIT
"""The log domain where kernels are 0, change sign, or have large powers."""

import math

import pytest
import torch

import mode_oracle
from exact_oracle import case_of, check_gradients, check_values, table
from gramless.torch import Kernel, kernel_product
from mode_oracle import (
    ARGUMENTS,
    BACKENDS,
    FLOATS,
    LOGARITHMS,
    MODES,
    NEED_LOGARITHM,
    functions,
    product,
)
from oracle import Data, assert_near

SUM_MODES = [m for m in MODES[1:] if m not in LOGARITHMS]
SIGNED_MODES = [m for m in MODES[1:] if m not in NEED_LOGARITHM]
INF = math.inf


def condition_of(case):
    """Returns Σ |terms| / |Σ terms| of a log-sum-exp of a signed kernel."""
    case = case.to(torch.float32).to(torch.float64)
    k = mode_oracle.matrix(case)
    weights = k * mode_oracle.potentials(case).exp()
    signal = case.given["b"].exp()
    return (weights.abs() @ signal) / (weights @ signal).abs()


@pytest.mark.parametrize("mode", SIGNED_MODES)
@pytest.mark.parametrize(
    "name",
    [
        "linear(x,y)**3 * laplacian(x,y)",
        "gaussian(x,y) - cauchy(x,y) / 2",
        "-2 * linear(x,y)**-5",
    ],
)
def test_signs(name, mode):
    """The log of a signed sum: NaN where that is negative."""
    data = Data(1)
    case = case_of(name, mode, 3 * data.normal(9, 1), data.normal(13, 1))
    # Scalar products of one component have no rounding errors of their own;
    # the difference loses no more than its terms are larger.
    condition = 4.0 if " - " in name else 1.0
    if mode in LOGARITHMS:
        condition = condition * condition_of(case)
        assert product(case).isnan().any()
        assert product(case).isfinite().any()
    check_values(case, condition)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("mode", ["lse", "log_scaled_lse"])
def test_derivatives_of_a_signed_sum(mode, backend):
    data = Data(2)
    case = case_of("linear(x,y)**3", mode, data.normal(4, 2), data.normal(6, 2))
    product_of, dense = functions(case, backend)
    tensors = case.leaves()
    expected = dense(*tensors)
    is_positive = ~expected.isnan()
    assert is_positive.any()
    for first, wanted in zip(
        torch.autograd.grad(
            product_of(*tensors)[is_positive].sum(), tensors, create_graph=True
        ),
        torch.autograd.grad(
            expected[is_positive].sum(), tensors, create_graph=True
        ),
        strict=True,
    ):
        assert_near(first.detach(), wanted.detach())
        assert_near(
            *(
                torch.autograd.grad(
                    g.square().sum(), tensors[0], retain_graph=True
                )[0]
                for g in (first, wanted)
            )
        )


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("mode", SUM_MODES)
def test_zero_kernel(mode, backend):
    """A sum of zeros is 0; so is -c exp(c) at c = -inf."""
    x, y = table([0.0, 0.0], [0.5, -1.0]), Data(3).normal(5, 2)
    case = case_of("linear(x,y)**2", mode, x, y)
    a = product(case, backend)
    assert a[0].tolist() == [0.0] * a.shape[1]
    assert_near(a[1:], mode_oracle.dense(case)[1:])
    if mode not in NEED_LOGARITHM:
        tensors = case.leaves()
        gradients = [
            torch.autograd.grad(function(*tensors).sum(), tensors)
            for function in functions(case, backend)
        ]
        for actual, expected in zip(*gradients, strict=True):
            assert_near(actual, expected)


@pytest.mark.parametrize("backend", BACKENDS)
def test_cost_at_coincident_points(backend):
    x = Data(4).normal(3, 2)
    y = torch.cat([x[:1], x + 1])
    case = case_of("distance(x,y)", "sinkhorn_cost", x, y)
    cost = mode_oracle.matrix(case)
    cost = -torch.where(cost == 0, 1.0, cost).log() * cost
    expected = (cost * mode_oracle.potentials(case).exp()).sum(1, keepdim=True)
    assert_near(product(case, backend), expected)


@pytest.mark.parametrize("mode", ["lse", "log_scaled_lse", "lse_mult_i"])
def test_some_zeros(mode):
    """A term that is 0 has no part in a value or derivative."""
    x = table([1.0, 0.0], [0.0, -2.0])
    y = table([0.0, 1.0], [0.75, 0.5], [-1.5, 0.25])
    case = case_of("linear(x,y)**2", mode, x, y)
    if mode == "lse_mult_i":
        case.given["H"].copy_(table([2.0], [1.0]))
    check_values(case)
    if mode != "lse_mult_i":
        check_gradients(case)


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("linear(u,v) * gaussian(x,y)", "lse"),
        ("gaussian(x,y) * linear(u,v)**2", "log_scaled_lse"),
    ],
)
def test_nearest_pair_is_orthogonal(name, mode):
    points = [table([0.0], [0.25]), table([0.0], [2.5], [-2.75])]
    vectors = [table([1.0, 0.0], [2.0, 0.0])]
    vectors += [table([0.0, 1.0], [1.0, 0.0], [0.5, 0.5])]
    pairs = list(zip(vectors, points, strict=True))
    if name.startswith("gaussian"):
        pairs = [pair[::-1] for pair in pairs]
    case = case_of(name, mode, *map(list, pairs))
    check_values(case)
    check_gradients(case)


@pytest.mark.parametrize("size", [1e-5, 1e6])
@pytest.mark.parametrize(
    ("name", "mode", "condition"),
    [
        ("linear(x,y)**7", "lse", 1),
        ("linear(x,y)**99", "log_scaled_lse", 1),
        ("distance(x,y)**-99", "lse_mult_i", 1),
        ("(cauchy(x,y) * distance(x,y)**3)**5", "log_scaled_lse", 5),
    ],
)
def test_large_powers(name, mode, condition, size):
    """A power that no format holds, in the log domain.

    The bound is relative to the absolute logarithms of the factors: those of
    q**-5 and q**7.5 are five times that of their product.
    """
    data = Data(5)
    case = case_of(name, mode, size * data.positive(2, 1), data.positive(3, 1))
    if "linear" not in name:
        case.y[0].neg_().mul_(size)
    check_values(case, condition)
    check_gradients(case)


@pytest.mark.parametrize(
    "text",
    [
        "SqNorm2(Y_0) + Sum(X_0)",
        "SqNorm2(Y_0)*Exp(Sum(X_0))",
        "Elem(Y_0,0)**2 + Sum(X_0)",
        "(1 + Exp(SqNorm2(Y_0)))*SqNorm2(X_0)",
        "(Exp(SqNorm2(X_0)) + SqNorm2(Y_0))*SqNorm2(X_0)",
    ],
)
@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("backend", BACKENDS)
def test_infinite_kernels(text, dtype, backend):
    """The logarithm of a sum with an infinite term is infinite."""
    params = {"id": Kernel(formula_sum=text), "gamma": ()}
    x = torch.tensor([[1.0, 0.5]], dtype=dtype)
    y = torch.tensor([[-0.625, -1.6875], [-INF, -INF]], dtype=dtype)
    b = torch.tensor([[-1.93], [1.63]], dtype=dtype)
    for mode, given in (("lse", [b]), ("log_scaled_lse", [b, x[:, :1], b])):
        a = kernel_product(params, x, y, *given, mode=mode, backend=backend)
        assert a.item() == INF


@pytest.mark.parametrize("backend", BACKENDS)
def test_multiplier_that_is_zero(backend):
    """H c is 0 at H = 0, also at c = -inf, and has the derivative c."""
    case = case_of("gaussian(x,y)", "lse_mult_i", *(Data(6).normal(3, 2),) * 2)
    case.given["H"][1] = 0
    tensors = case.leaves()
    gradients = [
        torch.autograd.grad(function(*tensors).sum(), tensors)
        for function in functions(case, backend)
    ]
    assert_near(product(case, backend), mode_oracle.dense(case))
    for actual, expected in zip(*gradients, strict=True):
        assert_near(actual, expected)
    for name, y in (("linear(x,y)**2", 3.0), ("gaussian(x,y)", 1e200)):
        zero = case_of(name, "lse_mult_i", table([0.0]), table([y]))
        for multiplier, value in ((0.0, 0.0), (1.0, -INF), (-1.0, INF)):
            zero.given["H"].fill_(multiplier)
            expected = zero.given["b"] + value
            a = product(zero, backend)
            assert torch.allclose(a, expected, rtol=0, atol=1e-15)
            assert (product(zero, "matrix") == value).all()


@pytest.mark.parametrize("mode", [m for m in MODES if "b" in ARGUMENTS[m]])
@pytest.mark.parametrize("backend", BACKENDS)
def test_number_zero(mode, backend):
    x = Data(7).normal(3, 2)
    case = case_of("0 * gaussian(x,y)", mode, x, x)
    tensors = case.leaves()
    a = functions(case, backend)[0](*tensors)
    if mode == "lse_mult_i":
        is_negative = case.given["H"] < 0
        assert torch.equal(a == INF, is_negative)
        assert torch.equal(a == -INF, ~is_negative)
        return
    assert (a == (-INF if mode in LOGARITHMS else 0)).all()
    for gradient in torch.autograd.grad(
        a.sum(), tensors, materialize_grads=True
    ):
        assert (gradient == 0).all()
