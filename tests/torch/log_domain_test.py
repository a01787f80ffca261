# SPDX-License-Identifier: MIT
"""The log domain at its extremes, against exact sums."""
# ruff: noqa: N806 (M, N, A, H and so on are the arguments' own names)

import math

import pytest
import torch

import exact_oracle
import mode_oracle
from exact_oracle import case_of, check_gradients, check_values, table
from mode_oracle import (
    ARGUMENTS,
    BACKENDS,
    DELTA,
    FLOATS,
    KERNELS,
    LOGARITHMS,
    MODES,
    PAIRLESS,
    Case,
    functions,
    product,
    random_case,
)
from oracle import Data, assert_near

LOG_MODES = MODES[1:]
INF = math.inf


FAR = table([1000.0, 0.3], [-0.6, 1001.1], [-1003.2, 20.0])
FAR_APART = [
    ("gaussian(x,y)", "lse"),
    ("gaussian(x,y)", "lse_mult_i"),
    ("laplacian(x,y)", "log_scaled_lse"),
    ("cauchy(x,y) + gaussian(x,y)", "lse"),
    ("gaussian(x,y)**3 / distance(x,y)", "lse"),
    ("cauchy(x,y) * gaussian(x,y) + laplacian(x,y)", "log_scaled_lse"),
    ("multiquadric(x,y)**-20", "lse"),
]


@pytest.mark.parametrize(("name", "mode"), FAR_APART)
def test_a_thousand_bandwidths_apart(name, mode):
    case = case_of(name, mode, table([0.5, -0.25], [-1.0, 0.125]), FAR)
    if mode == "lse_mult_i":
        case.given["H"].copy_(table([0.75], [1.5]))
    check_values(case)
    check_gradients(case)


@pytest.mark.parametrize(
    ("name", "mode"),
    [("gaussian(x,y)", mode) for mode in LOG_MODES]
    + [("laplacian(x,y)", "lse"), ("matern32(x,y)", "sinkhorn_cost")],
)
def test_many_sources(name, mode):
    data = Data(2)
    x, y = data.normal(2, 3), 4 * data.normal(130, 3)
    case = case_of(name, mode, x, y)
    for letter, b in case.given.items():
        if letter in "bBT":
            b.mul_(5)
    check_values(case)


@pytest.mark.parametrize(
    "mode", [mode for mode in MODES if {*"AS"} & {*ARGUMENTS[mode]}]
)
@pytest.mark.parametrize(
    "name", ["gaussian(x,y)", "cauchy(x,y) + gaussian(x,y)"]
)
def test_potentials_that_cancel(name, mode):
    """Neither exp(A) nor exp(B), nor the kernel, would fit on its own."""
    data = Data(3)
    x, y = data.normal(3, 2) / 8, data.normal(5, 2) / 8
    distances = (0, 30) if name == "gaussian(x,y)" else (0,)
    for distance in distances:
        for row, column in ((1000.0, -1000.0), (-1000.0, 1000.0)):
            case = case_of(name, mode, x, y + distance)
            for letter, b in case.given.items():
                if letter in "AS":
                    b.add_(row)
                elif letter in "BT":
                    b.add_(column + 2 * distance**2)
            check_values(case)


@pytest.mark.parametrize("mode", ["lse", "log_scaled_lse", "log_scaled"])
def test_derivatives_along_a_line(mode):
    """Up to the third, where the plain kernel would underflow."""
    name = "gaussian(x,y) + laplacian(x,y) / cauchy(x,y)"
    case = case_of(name, mode, table([0.5, -0.25], [-1.0, 0.125]), 0.8 * FAR)
    if mode == "log_scaled":
        case.given["A"].add_(790.0)
    data = Data(4)
    tensors = case.leaves()
    directions = [data.normal(*tensor.shape) for tensor in tensors]
    for direction in directions[2:5]:  # To gamma a slope is as large as q.
        direction.zero_()
    weights = data.normal(2, 2)
    expected = exact_oracle.exact_line_derivatives(case, directions, weights, 3)
    # The exponential of a number of size 10^3 has 4000 roundings, and each
    # derivative multiplies by slopes of size 10.
    noise = 4000 * DELTA[torch.float64] * weights.abs().sum().item()
    for backend in BACKENDS:
        actual = mode_oracle.line_derivatives(
            functions(case, backend)[0], tensors, directions, weights, 3
        )
        for n, (value, wanted) in enumerate(zip(actual, expected, strict=True)):
            assert abs(value - wanted) <= noise * max(abs(wanted), 10.0**n)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", ["gaussian(x,y)", "cauchy(x,y)"])
def test_weights_sum_to_one(name, backend):
    """The gradient starts from the sum itself, not from its rounded log."""
    data = Data(5, torch.float32)
    x, y = data.normal(5, 3), data.normal(300, 3)
    if name == "gaussian(x,y)":
        y[:, 0] += 100
    for mode in ("lse", "log_scaled_lse"):
        case = case_of(name, mode, x, y, seed=6).to(torch.float32)
        if name == "cauchy(x,y)":
            case.given["b"].sub_(10000.0)
        b = case.given["b"].requires_grad_()
        a = product(case, backend)
        assert (a.abs() > 9000).all()
        for e in range(2):
            for i in range(5):
                (weights,) = torch.autograd.grad(a[i, e], b, retain_graph=True)
                assert abs(weights.double().sum().item() - 1) <= 1e-5


def restrict(case, rows, columns):
    """Returns the case with some targets, and some columns of b."""
    given = dict(case.given)
    for letter in given:
        if letter in mode_oracle.BY_I:
            given[letter] = given[letter][rows]
        elif letter == "b":
            given[letter] = given[letter][:, columns]
    x = [tensor[rows] for tensor in case.x]
    return Case(case.name, case.mode, x, case.y, case.gamma, [*given.values()])


def gradients_of(case, function, order=1):
    """Returns the result, and the gradients of its sum or of their sum."""
    tensors = case.leaves()
    a = function(*tensors)
    total = a.sum()
    for step in range(order):
        gradients = torch.autograd.grad(
            total,
            tensors,
            create_graph=step + 1 < order,
            materialize_grads=True,
        )
        total = sum(gradient.sum() for gradient in gradients)
    return a.detach(), gradients


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("gaussian(x,y)", "log_scaled_lse"),
        ("cauchy(x,y) + gaussian(x,y)", "lse"),
    ],
)
def test_column_without_finite_logits(name, mode, dtype, backend):
    """-inf, without any part in the derivatives."""
    data = Data(7)
    case = case_of(name, mode, data.normal(3, 2), data.normal(5, 2)).to(dtype)
    case.given["b"][:, 1] = -INF
    case.given["b"][2, 0] = -INF
    rest = restrict(case, slice(None), slice(0, 1)).to(torch.float64)
    c = mode_oracle.matrix(rest).log()
    size = mode_oracle.sizes(rest, c).max().item()
    at = len(case.tensors) - len(case.bs)
    for order in (1, 2):
        product, dense = functions(case, backend)[0], functions(rest)[1]
        a, gradients = gradients_of(case, product, order)
        b, expected = gradients_of(rest, dense, order)
        # Of weights, and of products of two of them.
        tolerance = order * (4 * size + 16 + 72) * DELTA[dtype]
        assert (a[:, 1] == -INF).all()
        assert_near(a[:, :1].double(), b, tolerance)
        assert (gradients[at][:, 1] == 0).all()
        assert gradients[at][2, 0] == 0
        for k, (actual, wanted) in enumerate(
            zip(gradients, expected, strict=True)
        ):
            part = actual[:, :1] if k == at else actual
            assert_near(part.double(), wanted, tolerance)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("infinity", [-INF, INF])
@pytest.mark.parametrize("mode", [m for m in LOG_MODES if "A" in ARGUMENTS[m]])
def test_row_without_finite_logits(mode, infinity, backend):
    """-inf is without any part in derivatives; of +inf there are none."""
    data = Data(8)
    case = case_of("cauchy(x,y)", mode, data.normal(3, 2), data.normal(5, 2))
    case.given["A"][1] = infinity
    rows = [0, 2]
    rest = restrict(case, rows, slice(None))
    a, gradients = gradients_of(case, functions(case, backend)[0])
    b, expected = gradients_of(rest, functions(rest)[1])
    assert_near(a[rows], b)
    at = len(case.tensors) - len(case.bs)
    for k, (actual, wanted) in enumerate(zip(gradients, expected, strict=True)):
        is_by_i = k == 0 or ("y" * at + ARGUMENTS[mode])[k] in mode_oracle.BY_I
        if is_by_i:
            assert_near(actual[rows], wanted)
        elif infinity < 0:
            assert_near(actual, wanted)
        if is_by_i and infinity < 0:
            assert (actual[1] == 0).all()
    if mode in LOGARITHMS:
        assert (a[1] == infinity).all()
    if mode in LOGARITHMS and infinity > 0:
        assert gradients[0][1].isnan().all()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("mode", LOGARITHMS)
def test_infinite_logit(mode, dtype, backend):
    data = Data(9)
    case = case_of("gaussian(x,y)", mode, data.normal(3, 2), data.normal(9, 2))
    case = case.to(dtype)
    case.given["b"][4, 0] = INF
    a = product(case, backend)
    assert (a[:, 0] == INF).all()
    if mode != "lse_mult_i":
        rest = restrict(case, slice(None), slice(1, 2)).to(torch.float64)
        expected = mode_oracle.dense(rest)  # With errors of its own.
        bound = mode_oracle.logarithm_bound(
            rest, mode_oracle.matrix(rest).log(), 2 * DELTA[dtype]
        )
        assert ((a[:, 1:].double() - expected).abs() <= bound).all()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("mode", MODES)
def test_not_a_number_stays_in_its_row(mode, backend):
    data = Data(10)
    case = case_of("laplacian(x,y)", mode, data.normal(4, 2), data.normal(5, 2))
    plain = product(case, backend)
    case.x[0][1, 0] = math.nan
    a = product(case, backend)
    assert a[1].isnan().all()
    assert torch.equal(a[[0, 2, 3]], plain[[0, 2, 3]])


@pytest.mark.parametrize("shape", [(3, 0, 2, 2), (0, 4, 2, 2), (0, 0, 2, 2)])
@pytest.mark.parametrize("mode", MODES)
def test_empty(mode, shape):
    M, N, _, E = shape
    kernels = KERNELS[:1] + (PAIRLESS[:1] if ARGUMENTS[mode] != "b" else ())
    columns = 1 if mode in LOG_MODES[-3:] else E
    for kernel in kernels:
        case = random_case(Data(11), kernel, mode, shape).to(torch.float32)
        for backend in BACKENDS if kernel in KERNELS else BACKENDS[:2]:
            for order in (1, 2) if kernel in KERNELS else (1,):
                product_of = functions(case, backend)[0]
                a, gradients = gradients_of(case, product_of, order)
                assert a.shape == (M, columns)
                empty = -INF if mode in LOGARITHMS else 0.0
                assert (a == empty).all()
                for gradient, tensor in zip(
                    gradients, case.tensors, strict=True
                ):
                    assert torch.equal(gradient, torch.zeros_like(tensor))
        if kernel in KERNELS:
            assert product(case, "matrix").shape == (M, N)
