# SPDX-License-Identifier: MIT
"""Factors that are 0 and points that meet, in log modes, on all backends.

The expected numbers come from autograd of the literal formula in float64, and
from mpmath.
"""

import math

import pytest
import torch

import atoms
import exact_oracle
import mode_oracle
import oracle
from exact_oracle import case_of, table
from mode_oracle import (
    BACKENDS,
    DELTA,
    FLOATS,
    MODES,
    NEED_LOGARITHM,
    functions,
    product,
)
from oracle import Data, assert_near, derivatives

INF = math.inf
LOG_MODES = MODES[1:]
X = table([0.5, -0.25], [-1.0, 0.125])
Y = table([0.5, -0.25], [-1.0, 0.125], [0.25, 1.0])
# The first of u is orthogonal to the first of v, the last of v is 0.
U = table([1.0, 0.0], [0.5, 2.0])
V = table([0.0, 1.5], [1.0, 0.25], [0.0, 0.0])
ZEROS = [
    "gaussian(x,y)*linear(u,v) + cauchy(x,y)*linear(u,v)",
    "gaussian(x,y)*linear(u,v) + 1",
    "gaussian(x,y)*linear(u,v)**2",
    "linear(u,v)**3*laplacian(x,y) + linear(u,v)**2",
    "(linear(u,v) + binet(u,v))*matern52(x,y)",
    "(gaussian(x,y)*linear(u,v) + cauchy(x,y)*linear(u,v))**2",
    "binet(u,v)/multiquadric(x,y) + gaussian(x,y)*binet(u,v)",
    "(gaussian(x,y)*binet(u,v))**1",
    "gaussian(x,y)*linear(u,v) - linear(u,v)**2/16 + 1",
    "0*linear(u,v) + gaussian(x,y)",
]
# Kernels of q that are 0, or have roots, at coincident points.
MEETING = [
    "distance(x,y)**2",
    "(1 + distance(x,y)**2)**-1",
    "(2*distance(x,y))**2 + gaussian(x,y)",
    "distance(x,y)**4",
    "distance(x,y)**2*gaussian(x,y)",
    "(distance(x,y)*gaussian(x,y))**2",
    "(gaussian(x,y)*distance(x,y)**0.5)**4 + 0.5",
    "multiquadric(x,y)**2 - 1",
    "matern32(x,y)*distance(x,y)**2",
]


def zero_case(name, mode, seed=1):
    """Returns a case whose pairs (x,y) meet, and whose (u,v) are orthogonal."""
    x, y = {"x": X, "u": U}, {"x": Y, "u": V}
    pairs = [first for first, _ in oracle.pairs_of(name)]
    case = case_of(
        name, mode, [x[p] for p in pairs], [y[p] for p in pairs], seed
    )
    if mode == "lse_mult_i":
        case.given["H"].copy_(table([1.0], [2.0]))
    return case


def compare(case, backend, order):
    """Compares the derivatives to all arguments with the literal formula's."""
    function, dense = functions(case, backend)
    tensors = case.leaves()
    value = dense(*tensors).detach()
    assert value.isfinite().all()
    assert_near(function(*tensors).detach(), value)
    actual = derivatives(function, tensors, order)
    expected = derivatives(dense, tensors, order)
    for one, right in zip(actual, expected, strict=True):
        for gradient, wanted in zip(one, right, strict=True):
            assert_near(gradient, wanted, 1e-10)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", ZEROS)
def test_zero_factors(name, backend):
    """To the third order where it is quick, to the second with code."""
    place = ZEROS.index(name)
    modes = [m for m in LOG_MODES if m not in NEED_LOGARITHM]
    for mode in (modes[place % 2], modes[2 + place % (len(modes) - 2)]):
        case = zero_case(name, mode)
        compare(case, backend, 2 if backend == "auto" else 3)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", MEETING)
def test_coincident_points(name, backend):
    place = MEETING.index(name)
    for mode in ("lse", LOG_MODES[1 + place % (len(LOG_MODES) - 1)]):
        is_signed = " - " in name
        if mode == "sinkhorn_cost" or (is_signed and mode in NEED_LOGARITHM):
            mode = "log_scaled"  # The cost has no second derivative there.
        compare(zero_case(name, mode), backend, 2)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("mode", ["lse", "log_scaled_lse", "log_scaled"])
@pytest.mark.parametrize(
    "name",
    [
        "gaussian(x,y)*linear(u,v) + linear(u,v)",
        "gaussian(x,y) + linear(u,v)*cauchy(x,y)",
        "gaussian(x,y)*linear(u,v) + laplacian(x,y)*binet(u,v)",
        "(gaussian(x,y) + linear(u,v))*laplacian(x,y)",
        "0*cauchy(x,y) + gaussian(x,y)*linear(u,v)",
    ],
)
def test_zero_factors_far_from_the_other_terms(name, mode, backend):
    """The exponents of a term that is 0, and of one that is not, are apart.

    Directions change one of the tensors at a time, so that no derivative
    hides behind a larger one.
    """
    x, y = table([0.0, 0.5]), table([40.0, 0.25], [0.5, 0.5])
    u, v = table([1.0, 0.0]), table([0.0, 1.0], [2.0, 1.0])
    case = case_of(name, mode, [x, u], [y, v])
    data = Data(2)
    tensors = case.leaves()
    weights = data.normal(1, 2)
    for position in range(4):
        directions = [torch.zeros_like(tensor) for tensor in case.tensors]
        directions[position] = data.normal(*case.tensors[position].shape) / 8
        actual = mode_oracle.line_derivatives(
            functions(case, backend)[0], tensors, directions, weights, 2
        )
        expected = exact_oracle.exact_line_derivatives(
            case, directions, weights, 2
        )
        for value, wanted in zip(actual, expected, strict=True):
            assert abs(value - wanted) <= 1e-9 * max(1.0, abs(wanted))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize(
    "name", ["0*gaussian(x,y)", "binet(x,y)", "distance(x,y)**2*gaussian(x,y)"]
)
def test_multiplier_that_is_zero(name, dtype, backend):
    """H c is 0 at H = 0, where c is -inf too, in value and derivatives."""
    x, y = table([0.0, 0.0], [0.0, 0.0]), table([0.0, 0.0], [0.0, 0.0])
    case = case_of(name, "lse_mult_i", x, y)
    case.given["H"].copy_(table([0.0], [1.0]))
    case = case.to(dtype)
    tensors = case.leaves()
    a = product(case.with_tensors(tensors), backend)
    b = case.given["b"].double()
    assert abs(a[0, 0].item() - b.logsumexp(0).item()) <= 16 * DELTA[dtype]
    assert a[1, 0] == -INF
    gradients = torch.autograd.grad(a.sum(), tensors, materialize_grads=True)
    for gradient in gradients[:-2]:
        assert (gradient == 0).all()
    weights = b.softmax(0)
    assert_near(gradients[-2].double(), weights, 16 * DELTA[dtype])
    assert (product(case, "matrix")[0] == 0).all()


def test_atoms_of_the_oracle_agree():
    """NumPy, mpmath and products of tensors evaluate the same rows."""
    for atom in oracle.ATOMS_OF_Q:
        q = table([0.0, 0.25, 3.0])
        exact = [
            float(atoms.value(exact_oracle.mp, atom, v)) for v in q[0].tolist()
        ]
        numbers = atoms.value(atoms.NUMPY, atom, q.numpy())
        tensors = atoms.product_of(atom, q)
        logs = tensors.log
        assert_near(table(exact), torch.as_tensor(numbers))
        assert_near(torch.as_tensor(numbers), tensors.value)
        positive = tensors.value > 0
        assert_near(logs[positive], tensors.value[positive].log())
