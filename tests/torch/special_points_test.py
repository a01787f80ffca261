# SPDX-License-Identifier: MIT
"""Zeros, logits at the ends of the range, overflow: all backends.

Cases are written as rows of points. The expected numbers come from mpmath, or
from autograd of the literal formula in float64.
"""

import math

import pytest
import torch

import atoms
import exact_oracle
import mode_oracle
import oracle
from exact_oracle import case_of, table
from gramless.torch import Kernel, kernel_product
from mode_oracle import (
    BACKENDS,
    DELTA,
    FLOATS,
    LOGARITHMS,
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
    for logit in logits_of(dtype):
        case = masked_case(mode, dtype, logit, False)
        kept = [0, 3, 4]
        rest = mode_oracle.replace(
            case,
            y=[case.y[0][kept]],
            bs=[
                b if key in mode_oracle.BY_I else b[kept]
                for key, b in case.given.items()
            ],
        ).to(torch.float64)
        tensors = case.leaves()
        for order in (1, 2):
            a = product(case.with_tensors(tensors), backend)
            expected = mode_oracle.dense(rest)
            assert_near(a.double().detach(), expected, 256 * DELTA[dtype])
            actual = derivatives(functions(case, backend)[0], tensors, order)
            wanted = _derivatives_of_rest(case, rest, kept, order)
            for one, right in zip(actual, wanted, strict=True):
                for gradient, exact in zip(one, right, strict=True):
                    assert_near(gradient.double(), exact, 2048 * DELTA[dtype])


def _derivatives_of_rest(case, rest, kept, order):
    """Returns derivatives of all arguments: 0 for those that are masked."""

    def dense(*tensors):
        moved = case.with_tensors(tensors)
        few = mode_oracle.replace(
            moved,
            y=[moved.y[0][kept]],
            bs=[
                b if key in mode_oracle.BY_I else b[kept]
                for key, b in moved.given.items()
            ],
        )
        return mode_oracle.dense(few)

    tensors = [t.double().requires_grad_() for t in case.leaves()]
    tensors = [t.detach().requires_grad_() for t in tensors]
    return derivatives(dense, tensors, order)


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
        exact = case.to(torch.float64)
        expected = mode_oracle.dense(exact, dtype)
        largest = max(abs(t) for t in (i, j, b, 1.0))
        bound = 16 * DELTA[dtype] * largest
        assert ((a.double() - expected).abs() <= bound).all()
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
    near = mode_oracle.replace(
        case,
        y=[y[:1]],
        bs=[
            b if letter in mode_oracle.BY_I else b[:1]
            for letter, b in case.given.items()
        ],
    )
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


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("atom", DECAYING)
def test_overflow_of_distances_and_gradients_to_parameters(
    atom, dtype, backend
):
    """A kernel that is 0 so far away does not depend on gamma or H there."""
    for mode in ("sum", "lse", "lse_mult_i"):
        actual, expected = far_and_near(atom, mode, dtype, backend)
        for letter in "gH":
            if letter in expected:
                one, wanted = actual[letter].double(), expected[letter]
                assert_near(one, wanted, 256 * DELTA[dtype])


# A choice by X_0 - 1, and what it is above and below.
CHOICES = [
    ("IfElse(X_0 - 1, Log(X_0 - 0.5), Y_0)", "Log(X_0 - 0.5)", "Y_0"),
    ("IfElse(1 - X_0, Log(-X_0), X_0*Y_0)", "X_0*Y_0", "Log(-X_0)"),
    (
        "IfElse(X_0 - 1, Rsqrt(X_0 - 0.5)*Y_0, Y_0**2)",
        "Rsqrt(X_0 - 0.5)*Y_0",
        "Y_0**2",
    ),
    ("IfElse(X_0 - 1, Y_0/(X_0 - 0.5), X_0)", "Y_0/(X_0 - 0.5)", "X_0"),
    (
        "Exp(-IfElse(X_0 - 1, XLogX(X_0 - 0.5), Square(Y_0)))",
        "Exp((0.5 - X_0)*Log(X_0 - 0.5))",
        "Exp(-(Y_0**2))",
    ),
    (
        "IfElse(X_0 - 1, IfElse(Y_0, Log(X_0 - 0.5), Y_0), Square(X_0))",
        "Log(X_0 - 0.5)",
        "X_0**2",
    ),
    ("ReLU(Log(X_0))*Y_0", "Log(X_0)*Y_0", "0*Y_0"),
    ("Clamp(Log(X_0), 0, 9)*Y_0", "Log(X_0)*Y_0", "0*Y_0"),
    ("Clamp(1/X_0, -1, 1)*Y_0", "Y_0/X_0", "Y_0"),
]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("text", "above", "below"), CHOICES)
def test_a_choice_guards_its_derivatives(text, above, below, backend):
    """What is not chosen is infinite or NaN, and so are its derivatives."""
    y, b = table([2.0], [0.75]), table([1.0], [-0.5])
    params = {"id": Kernel(formula_sum=text), "gamma": ()}

    def function(x, y, b):
        y = y if "Y_0" in text else ()
        return kernel_product(params, x, y, b, backend=backend)

    is_negative = "-X_0" in text
    points = table([-0.5], [-2.0]) if is_negative else table([0.0], [0.5])
    for formula, x in ((above, table([1.5], [3.0])), (below, points)):

        def plain(x, y, b, formula=formula):
            return _value_of(formula, x, y) @ b

        tensors = [t.clone().requires_grad_() for t in (x, y, b)]
        assert_near(function(*tensors).detach(), plain(*tensors).detach())
        actual = derivatives(function, tensors, 2)
        expected = derivatives(plain, tensors, 2)
        for one, right in zip(actual, expected, strict=True):
            for gradient, wanted in zip(one, right, strict=True):
                assert_near(gradient, wanted)


def _value_of(text, x, y):
    """Returns the matrix of a formula of numbers, by torch."""
    names = {"X_0": x, "Y_0": y.T, "Log": torch.log, "Exp": torch.exp}
    names["Rsqrt"] = torch.rsqrt
    values = eval(text, {"__builtins__": {}}, names)
    return values.expand(x.shape[0], y.shape[0])


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
