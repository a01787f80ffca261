# SPDX-License-Identifier: MIT
"""Numbers at the ends of the range: logits, factors, distances; small costs.

The expected numbers come from mpmath, or from the literal formula in float64.
"""

import math

import pytest
import torch

import exact_oracle
import mode_oracle
import oracle
from exact_oracle import case_of, table
from gramless.torch import Kernel, kernel_product
from mode_oracle import (
    BACKENDS,
    BY_I,
    DELTA,
    FLOATS,
    LOGARITHMS,
    MODES,
    functions,
    product,
)
from oracle import Data, assert_near, derivatives

LOG_MODES = MODES[1:]


def with_columns(case, columns):
    """Returns the case with some of the sources."""
    bs = [b if key in BY_I else b[columns] for key, b in case.given.items()]
    return mode_oracle.replace(case, y=[case.y[0][columns]], bs=bs)


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("exponent", [-24, -40, -12, 0])
@pytest.mark.parametrize(
    "name",
    [
        "cauchy(x,y)",
        "inverse_multiquadric(x,y)",
        "cauchy(x,y)**3",
        "gaussian(x,y)*cauchy(x,y)",
    ],
)
def test_cost_of_close_points(name, exponent, backend, dtype):
    """log(1 + q) keeps its digits where q is small."""
    x, y = table([0.0]), table([2.0 ** (exponent // 2)])
    case = case_of(name, "sinkhorn_cost", x, y)
    for b in case.bs:
        b.zero_()
    case = case.to(dtype)
    (expected,) = exact_oracle.exact_result(case.to(torch.float64)).flatten()
    tensors = case.leaves()
    cost = product(case.with_tensors(tensors), backend)
    assert abs(cost.item() - expected) <= 16 * DELTA[dtype] * expected
    exact = exact_oracle.exact_gradients(
        case.to(torch.float64), torch.ones(1, 1).double()
    )
    gradients = torch.autograd.grad(cost.sum(), tensors)
    for actual, wanted in zip(gradients, exact, strict=True):
        error = (actual.double() - wanted).abs()
        assert (error <= 64 * DELTA[dtype] * wanted.abs()).all()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("mode", [m for m in MODES if m != "lse_mult_i"])
@pytest.mark.parametrize(
    ("name", "power"),
    [
        ("(linear(x,y)*linear(u,v))**2", 2),
        ("(linear(x,y)*linear(u,v))**3", 3),
        ("(linear(x,y)*linear(u,v))**-1", -1),
        ("(linear(x,y)*linear(u,v)*2)**2/4", 2),
        ("((linear(x,y)*linear(u,v))**2)**2", 4),
        ("(-linear(x,y)*linear(u,v))**2", 2),
    ],
)
def test_powers_of_products_are_literal(name, power, mode, dtype, backend):
    if mode == "sinkhorn_cost" and power % 2:
        return  # A kernel that may be negative.
    big = 2.0**83 if dtype == torch.float32 else 2.0**600
    x = [table([big]), table([1 / big])]
    case = case_of(name, mode, x, [table([1.0]), table([1.5])]).to(dtype)
    expected = mode_oracle.dense(_of_ones(case).to(torch.float64))
    tensors = case.leaves()
    a = product(case.with_tensors(tensors), backend)
    # Logarithms of the factors are numbers of size 600.
    noise = 16 * DELTA[dtype] * (8 * 600 if mode in LOGARITHMS else 64)
    assert_near(a.double().detach(), expected, noise)
    gradients = torch.autograd.grad(a.sum(), tensors, materialize_grads=True)
    u, v = gradients[1], gradients[3]
    assert_near((u * case.x[1]).double(), (v * case.y[1]).double(), noise)
    assert u.isfinite().all()


def _of_ones(case):
    """Returns the case with its factors of any size replaced by 1."""
    one = torch.ones_like(case.x[0])
    x = [one, one]
    return mode_oracle.replace(case, x=x)


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("backend", BACKENDS)
def test_exponents_add_in_products(backend, dtype):
    """exp(a) exp(b) is exp(a + b), in sums too."""
    x, y = table([20.0]), table([0.25]).to(dtype)
    x = x.to(dtype)
    b = torch.ones(1, 1, dtype=dtype)
    for name, power in (
        ("gaussian(x,y)*gaussian(x,y)**-1", 0),
        ("gaussian(x,y)**-3*gaussian(x,y)**2*gaussian(x,y)", 0),
        ("(gaussian(x,y)**0.5)**2/gaussian(x,y)", 0),
    ):
        gamma = [1.0] * name.count("gaussian")
        params = {"id": Kernel(name), "gamma": gamma}
        a = kernel_product(params, x, y, b, backend=backend)
        assert_near(a, b * (1 - power), 64 * DELTA[dtype])
    own = "Exp(X_0**2)*Exp(-X_0**2)*Exp(Y_0)"
    a = kernel_product(
        {"id": Kernel(formula_sum=own), "gamma": ()}, x, y, b, backend=backend
    )
    assert_near(a, y.exp(), 4096 * DELTA[dtype])


LOWEST = {dtype: torch.finfo(dtype).min for dtype in FLOATS}


def logits_of(dtype):
    lowest = LOWEST[dtype]
    return (-1e30, -1e38, lowest, lowest / 2, lowest / 4)


def masked_case(mode, dtype, logit, is_all):
    """Returns a case with some, or all, of its logits replaced by a mask."""
    data = Data(3, dtype)
    case = case_of("gaussian(x,y)", mode, data.normal(3, 2), data.normal(5, 2))
    case = case.to(dtype)
    letter = "b" if mode in LOGARITHMS else "B" if "B" in case.given else "T"
    rows = slice(None) if is_all else slice(1, 3)
    case.given[letter][rows] = logit
    return case


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("mode", LOG_MODES)
def test_masks(mode, dtype, backend):
    """A mask is as good as no pair, and has no part in a derivative."""

    def dense(*tensors):
        moved = case.with_tensors(tensors)
        return mode_oracle.dense(with_columns(moved, [0, 3, 4]))

    for logit in logits_of(dtype):
        case = masked_case(mode, dtype, logit, False)
        tensors, exact = case.leaves(), case.to(torch.float64).leaves()
        function = functions(case, backend)[0]
        a = function(*tensors).double().detach()
        assert_near(a, dense(*exact).detach(), 256 * DELTA[dtype])
        actual = derivatives(function, tensors, 2)
        expected = derivatives(dense, exact, 2)
        for one, right in zip(actual, expected, strict=True):
            for gradient, wanted in zip(one, right, strict=True):
                assert_near(gradient.double(), wanted, 2048 * DELTA[dtype])


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("mode", LOGARITHMS)
def test_weights_of_masks_sum_to_one(mode, dtype, backend):
    """All logits are masks: the weights of a row still sum to 1."""
    for logit in (*logits_of(dtype), -LOWEST[dtype], 1e30):
        case = masked_case(mode, dtype, logit, True)
        limit = -LOWEST[dtype] / 4
        tensors = case.leaves()
        a = product(case.with_tensors(tensors), backend)
        size = min(abs(logit), limit)
        expected = math.copysign(size, logit)
        assert ((a - expected).abs() <= 16 * DELTA[dtype] * size).all()
        b = tensors[3]
        for row in range(3):
            for column in range(a.shape[1]):
                gradients = torch.autograd.grad(
                    a[row, column], tensors, retain_graph=True
                )
                assert all(g.isfinite().all() for g in gradients)
                weights = gradients[3][:, column]
                assert weights.shape == b[:, column].shape
                assert abs(weights.double().sum().item() - 1) <= 1e-5
                assert (weights >= 0).all()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("mode", ["log_scaled_lse"])
def test_potentials_at_both_ends(mode, dtype, backend):
    """Sums of finite potentials do not overflow."""
    lowest = LOWEST[dtype]
    for i, j, b in (
        (lowest, lowest, lowest),
        (-lowest, -lowest, -lowest),
        (lowest, -lowest, 1.0),
        (-1e30, 1e30, 0.5),
        (1e38, 1e38, 1e38),
    ):
        data = Data(4, dtype)
        x, y = data.normal(2, 2), data.normal(3, 2)
        case = case_of("cauchy(x,y)", mode, x, y).to(dtype)
        for letter, value in (("A", i), ("B", j), ("b", b)):
            case.given[letter].fill_(value)
        tensors = case.leaves()
        a = product(case.with_tensors(tensors), backend)
        assert a.isfinite().all()
        quarter = -LOWEST[dtype] / 4
        expected = mode_oracle.dense(case.to(torch.float64), dtype)
        # A sum that is beyond the quarter may count as that, or as it is.
        error = a.double().clamp(-quarter, quarter)
        error = error - expected.clamp(-quarter, quarter)
        largest = min(quarter, max(abs(t) for t in (i, j, b, 1.0)))
        assert (error.abs() <= 16 * DELTA[dtype] * largest).all()
        (weights,) = torch.autograd.grad(a[0, 0], tensors[-2])
        assert abs(weights.double().sum().item() - 1) <= 1e-5


DECAYING = [
    atom
    for atom in oracle.ATOMS_OF_Q
    if atom not in ("distance", "multiquadric")
]


def far_and_near(atom, mode, dtype, backend):
    """Returns results and gradients, by letter: with far pairs, and without."""
    far = 2e20 if dtype == torch.float32 else 1e200
    y = table([0.5, 0.75], [far, 0.25], [-far, far])
    case = case_of(f"{atom}(x,y)", mode, table([0.0, 0.5]), y)
    if mode == "lse_mult_i":
        case.given["H"].fill_(1.5)
    near = with_columns(case, [0])
    results = []
    for each, function in (
        (case.to(dtype), functions(case, backend)[0]),
        (near.to(dtype).to(torch.float64), functions(near)[1]),
    ):
        tensors = each.leaves()
        a = function(*tensors)
        gradients = torch.autograd.grad(a.sum(), tensors)
        letters = "xyg" + mode_oracle.ARGUMENTS[mode]
        named = dict(zip(letters, gradients, strict=True))
        results.append({"value": a.detach()} | named)
    return results


@pytest.mark.default_only("checks compare float32 with float64")
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("atom", DECAYING)
def test_overflow_of_distances(atom, dtype, backend):
    """Points so far apart that q is infinite are as good as no pair."""
    for mode in ("sum", "lse", "log_scaled", "lse_mult_i"):
        actual, expected = far_and_near(atom, mode, dtype, backend)
        for letter, wanted in expected.items():
            if letter in "gH":
                continue
            one = actual[letter]
            assert one.isfinite().all(), (mode, letter)
            # A backend that computes in float64 finds float32's q finite.
            assert (one[1:].abs() <= 256 * DELTA[dtype]).all()
            assert_near(one[:1].double(), wanted, 256 * DELTA[dtype])
