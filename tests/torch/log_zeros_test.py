# SPDX-License-Identifier: MIT
"""The log domain where a kernel is zero, or far from one in size."""

import itertools

import pytest
import torch

import mode_oracle
import oracle
from exact_oracle import case_of, check_values, exact_line_derivatives, table
from gramless.torch import Kernel, kernel_product
from log_signs_test import INF, SIGNED_MODES
from mode_oracle import BACKENDS, functions, product, random_case
from modes_test import PAIRLESS_IN_MODES
from oracle import Data, assert_near, derivatives

CAN_BE_ZERO = (
    "2 * distance(x,y)**2",
    "gaussian(u,v) * distance(x,y)**2",
    "binet(u,v) * cauchy(x,y) + distance(x,y)**2 * laplacian(u,v)",
)


@pytest.mark.parametrize("mode", ["lse", "log_scaled_lse"])
@pytest.mark.parametrize(
    "name", ["linear(x,y)**2", "linear(x,y)**7", "linear(x,y) - linear(x,y)"]
)
def test_row_of_zeros(name, mode):
    x = table([0.0, 0.0], [0.5, 1.0])
    case = case_of(name, mode, x, Data(3).positive(5, 2))
    check_values(case)
    for backend in BACKENDS:
        tensors = case.leaves()
        a = functions(case, backend)[0](*tensors)
        assert (a[0] == -INF).all()
        (gradient,) = torch.autograd.grad(a.sum(), tensors[:1])
        assert (gradient[0] == 0).all()


@pytest.mark.parametrize("far", [10.0, 100.0])
@pytest.mark.parametrize("mode", ["lse", "log_scaled_lse"])
def test_nearest_pair_is_orthogonal_to_a_far_one(mode, far):
    points = [table([0.0], [0.25]), table([0.0], [far], [-far - 0.25])]
    vectors = [table([1.0, 0.0], [2.0, 0.0])]
    vectors += [table([0.0, 1.0], [1.0, 0.0], [0.5, 0.5])]
    pairs = zip(vectors, points, strict=True)
    check_values(
        case_of("linear(u,v) * gaussian(x,y)", mode, *map(list, pairs))
    )


@pytest.mark.parametrize(
    ("excess", "backend"),
    # The exponential of 97 overflows in float32, its product with u does not.
    [(60.0, "pytorch"), *itertools.product((60.0, 97.0), BACKENDS[:2])],
)
def test_derivative_of_a_zero_far_above_the_others(excess, backend):
    x, y = torch.zeros(1, 1), torch.tensor([[0.0], [excess**0.5]])
    u = torch.tensor([[1e-10, 0.0]])
    v = torch.tensor([[0.0, 1.0], [1e12, 0.0]], requires_grad=True)
    kernel = Kernel("gaussian(x,y) * linear(u,v)")
    params = {"id": kernel, "gamma": (torch.ones(1), None)}
    b = torch.zeros(2, 1)
    a = kernel_product(params, (x, u), (y, v), b, mode="lse", backend=backend)
    (gradient,) = torch.autograd.grad(a.sum(), v)
    q = y[1, 0].double() ** 2
    expected = u[0].double() / (1e-10 * 1e12) * q.exp()
    assert_near(gradient[0].double(), expected, 1e-4)


@pytest.mark.parametrize("potential", [200.0, 2000.0])
@pytest.mark.parametrize("mode", [m for m in SIGNED_MODES if m != "lse"])
def test_zero_with_a_large_potential(mode, potential):
    x, y = table([1.0, 0.0], [2.0, 0.0]), table([0.0, 1.0], [1.0, 1.0])
    case = case_of("linear(x,y)", mode, x, y)
    case.given["T" if "T" in case.given else "B"][0] = potential
    check_values(case)


@pytest.mark.parametrize("size", [1e4, 1e5, 1e6, 1e9])
def test_huge_logits(size):
    y = size * table([1.0, 0.3], [-1.2, 0.1])
    check_values(case_of("gaussian(x,y)", "lse", table([0.5, 1.0]), y))


@pytest.mark.parametrize(("kernel", "mode"), PAIRLESS_IN_MODES)
@pytest.mark.parametrize("backend", ["pytorch", "matrix"])
def test_dense_backends_without_variables(kernel, mode, backend):
    case = random_case(Data(1), kernel, mode, (9, 67, 0, 3))
    expected = mode_oracle.dense(case)
    if backend == "matrix":
        expected = mode_oracle.matrix(case).log() + mode_oracle.potentials(case)
        if mode == "lse_mult_i":
            expected = case.given["H"] * expected
    assert_near(product(case, backend), expected)


@pytest.mark.parametrize("backend", BACKENDS)
def test_gradient_of_a_cost_of_zero(backend):
    x, y = table([0.0, 0.0], [0.5, -1.0]), Data(3).normal(5, 2)
    case = case_of("linear(x,y)**2", "sinkhorn_cost", x, y)
    tensors = case.leaves()
    a = functions(case, backend)[0](*tensors)
    gradients = torch.autograd.grad(a.sum(), tensors)
    assert (gradients[0][0] == 0).all()
    assert all(gradient.isfinite().all() for gradient in gradients)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("name", "mode", "order"),
    [
        ("gaussian(x,y) + gaussian(x,y)", "lse", 3),
        ("gaussian(x,y) + gaussian(x,y)", "log_scaled_lse", 3),
        ("gaussian(x,y) + binet(x,y)*gaussian(x,y)", "lse_mult_i", 2),
        ("distance(x,y)**2 + distance(x,y)**3", "lse_mult_i", 0),
    ],
)
def test_sums_of_zeros_alone(name, mode, order, backend):
    """Where points meet, all terms of a sum or of its derivative are 0."""
    case = case_of(name, mode, table([0.0], [0.0]), table([0.0]))
    if mode == "lse_mult_i":
        case.given["H"].fill_(1.0)
    actual, expected = functions(case, backend)
    tensors = case.leaves()
    a, right = actual(*tensors).detach(), expected(*tensors).detach()
    assert_near(a.exp(), right.exp())
    steps = [derivatives(f, tensors, order) for f in (actual, expected)]
    for gradients, right in zip(*steps, strict=True):
        for gradient, exact in zip(gradients, right, strict=True):
            assert_near(gradient, exact)


@pytest.mark.parametrize(
    ("name", "order", "backend"),
    [
        *itertools.product(CAN_BE_ZERO, (2,), BACKENDS),
        # It is long to compile: code is the same at all orders.
        *itertools.product(CAN_BE_ZERO[:1], (4,), BACKENDS[1:]),
    ],
)
def test_powers_of_a_zero(name, order, backend):
    """k**H has derivatives where k = 0 and H is 0, 1 or 2."""
    data = Data(5)
    count = len(oracle.pairs_of(name))
    x = [table([0.0], [0.0], [0.0])] * count
    y = [table([0.0], [0.75])] * count
    case = case_of(name, "lse_mult_i", x, y)
    case.given["H"][:, 0] = torch.tensor([1.0, 0.0, 2.0])
    function = functions(case, backend)[0]
    for position in range(2 * count):
        directions = [torch.zeros_like(t) for t in case.tensors]
        directions[position] = data.normal(*case.tensors[position].shape)
        weights = data.normal(3, 1)
        expected = exact_line_derivatives(case, directions, weights, order)
        actual = mode_oracle.line_derivatives(
            function, case.leaves(), directions, weights, order
        )
        assert actual == pytest.approx(expected, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("size", [1e-21, 1e20])
@pytest.mark.parametrize("power", [2, 3, 7, -5])
def test_powers_that_leave_the_range(power, size):
    name = f"linear(x,y)**{power}"
    check_values(case_of(name, "lse", table([size]), table([0.75], [1.5])))
