# SPDX-License-Identifier: MIT
"""Atoms of two parameters: slots, values, derivatives, ranges, messages."""

import mpmath
import numpy as np
import pytest
import torch

import oracle
from gramless.torch import Formula, Kernel, kernel_formulas, kernel_product
from oracle import Data, assert_near, derivatives

M, N, D = 5, 6, 3
BACKENDS = ("auto", "reference", "pytorch")
MIXED = "2*linear(u,v)**2 * rational_quadratic(x,y) + periodic(u,v)/3"


def case_of(atom, forms, seed=0, sizes=(M, N, D)):
    """Returns x, y, b and the two gammas of an atom."""
    data = Data(seed)
    rows, columns, width = sizes
    gammas = [data.gamma(form, rows, columns, width) for form in forms]
    x, y = data.normal(rows, width), data.normal(columns, width)
    if atom == "rational_quadratic" and rows and columns:
        x[0] = y[0]
    return x, y, data.normal(columns, 2), gammas


def functions(name, pairs, gammas, backend):
    """Returns a product and a dense one, of x, y, b and gamma's tensors."""
    varying = [
        k for k, g in enumerate(gammas) if oracle.gamma_tensor(g) is not None
    ]

    def split(tensors):
        xs, ys = tensors[:pairs], tensors[pairs : 2 * pairs]
        slots = list(gammas)
        for k, tensor in zip(varying, tensors[2 * pairs + 1 :], strict=True):
            slots[k] = oracle.with_tensor(slots[k], tensor)
        return xs, ys, tensors[2 * pairs], slots

    def product(*tensors):
        xs, ys, b, slots = split(tensors)
        params = {"id": Kernel(name), "gamma": tuple(slots)}
        return kernel_product(params, xs, ys, b, backend=backend)

    def dense(*tensors):
        xs, ys, b, slots = split(tensors)
        return oracle.kernel_matrix(name, xs, ys, slots) @ b

    return product, dense


def compare(name, xs, ys, b, gammas, backend, order):
    tensors = [*xs, *ys, b, *map(oracle.gamma_tensor, gammas)]
    tensors = [t.clone().requires_grad_() for t in tensors if t is not None]
    product, dense = functions(name, len(xs), gammas, backend)
    assert_near(product(*tensors), dense(*tensors))
    for one, other in zip(
        derivatives(product, tensors, order),
        derivatives(dense, tensors, order),
        strict=True,
    ):
        for part, wanted in zip(one, other, strict=True):
            assert_near(part, wanted, 1e-9)


FORMS = [
    *((form, "(1,)") for form in oracle.METRIC_FORMS),
    *(("(D,)", form) for form in oracle.SCALAR_FORMS),
    ("i(M,DD)", "(N,1)"),
]


@pytest.mark.parametrize("forms", FORMS)
@pytest.mark.parametrize("atom", oracle.ATOMS_OF_TWO)
def test_derivatives(atom, forms):
    x, y, b, gammas = case_of(atom, forms)
    backend = BACKENDS[sum(map(ord, "".join(forms))) % 3]
    compare(f"{atom}(x,y)", [x], [y], b, gammas, backend, 3)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("width", [0, 1, 2, 17])
@pytest.mark.parametrize("atom", oracle.ATOMS_OF_TWO)
def test_widths(atom, width, backend):
    forms = ("(DD,)", "i(M,1)") if width else ("(1,)", "i(M,1)")
    x, y, b, gammas = case_of(atom, forms, 1, (M, N, width))
    compare(f"{atom}(x,y)", [x], [y], b, gammas, backend, 1)


@pytest.mark.parametrize("backend", BACKENDS)
def test_slots_are_in_reading_order(backend):
    data = Data(3)
    sizes = (M, N, D)
    forms = ("none", "(DD,)", "(N,1)", "i(M,D)", "(1,)")
    gammas = [data.gamma(form, *sizes) for form in forms]
    xs = [data.normal(M, D), data.normal(M, D)]
    ys = [data.normal(N, D), data.normal(N, D)]
    compare(MIXED, xs, ys, data.normal(N, 2), gammas, backend, 2)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("atom", oracle.ATOMS_OF_TWO)
@pytest.mark.parametrize("mode", ["lse", "lse_mult_i", "sinkhorn_cost"])
def test_log_modes(mode, atom, backend):
    x, y, b, gammas = case_of(atom, ("(D,)", "(1,)"), 4)
    matrix = oracle.numpy_matrix(f"{atom}(x,y)", [x], [y], gammas)
    log = torch.from_numpy(np.log(matrix))
    h, ones = Data(5).normal(M, 1), torch.zeros(N, 1).double()
    bs, expected = {
        "lse": ((b,), (log[:, :, None] + b).logsumexp(1)),
        "lse_mult_i": (
            (b[:, :1], h),
            (h * log + b[:, 0]).logsumexp(1, keepdim=True),
        ),
        "sinkhorn_cost": (
            (h, ones),
            (-log * (log + h).exp()).sum(1, keepdim=True),
        ),
    }[mode]
    params = {"id": Kernel(f"{atom}(x,y)"), "gamma": tuple(gammas)}
    actual = kernel_product(params, x, y, *bs, mode=mode, backend=backend)
    assert_near(actual, expected)


def quadratic(q, alpha):
    """Returns (1 + q/alpha)**-alpha and its derivative by alpha, exactly."""
    q, alpha = mpmath.mpf(q), mpmath.mpf(alpha)
    u = q / alpha
    value = mpmath.exp(-alpha * mpmath.log1p(u))
    return value, value * (u / (1 + u) - mpmath.log1p(u))


@pytest.mark.parametrize("backend", ["auto", "pytorch"])
@pytest.mark.parametrize("alpha", [0.5, 1.0, 30.0, 1e6])
@pytest.mark.parametrize("r", [1e-6, 1e-3, 0.5, 3.0])
def test_float32_of_rational_quadratic(r, alpha, backend):
    """A large alpha is nearly a Gaussian; small q keep their digits."""
    x = torch.tensor([[r]])
    gammas = torch.tensor([1.0]), torch.tensor([alpha], requires_grad=True)
    params = {"id": Kernel("rational_quadratic(x,y)"), "gamma": gammas}
    y, zero = torch.zeros(1, 1), torch.zeros(1, 1)
    log = kernel_product(params, x, y, zero, mode="lse", backend=backend)
    q = float(x) ** 2
    value, slope = quadratic(q, alpha)
    with mpmath.workdps(40):
        exact = float(mpmath.log(quadratic(q, alpha)[0]))
    # Near 0 the sum, a number near 1, has lost the digits of the logarithm.
    assert abs(log.item() - exact) <= 1e-6 * abs(exact) + 1e-7
    (a,) = kernel_product(params, x, y, zero + 1, backend=backend)
    assert abs(a.item() - float(value)) <= 1e-6 * float(value)
    (gradient,) = torch.autograd.grad(a, gammas[1])
    size = float(value) * q / alpha
    assert abs(gradient.item() - float(slope)) <= 1e-6 * size


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_log_modes_do_not_underflow(dtype, backend):
    x = torch.tensor([[3e3], [0.0]], dtype=dtype)
    y = torch.zeros(1, 1, dtype=dtype)
    numbers = torch.tensor([1.0, 100.0, 0.25], dtype=dtype)
    one, alpha, f = (n.reshape(1).requires_grad_() for n in numbers)
    params = {"id": Kernel("rational_quadratic(x,y)"), "gamma": (one, alpha)}
    value = kernel_product(params, x, y, y, mode="lse", backend=backend)
    expected = -100 * np.log1p(9e6 / 100)
    assert value[0].item() == pytest.approx(expected, rel=1e-6)
    (slope,) = torch.autograd.grad(value[0].sum(), alpha)
    u = 9e4
    assert slope.item() == pytest.approx(u / (1 + u) - np.log1p(u), rel=1e-5)
    scale = torch.tensor([1e4], dtype=dtype, requires_grad=True)
    params = {"id": Kernel("periodic(x,y)"), "gamma": (scale, f)}
    value = kernel_product(params, x[1:] + 2, y, y, mode="lse", backend=backend)
    assert value.item() == pytest.approx(-1e4, rel=1e-6)
    (slope,) = torch.autograd.grad(value.sum(), scale)
    assert slope.item() == pytest.approx(-1, rel=1e-6)


@pytest.mark.parametrize("backend", BACKENDS)
def test_metric_of_either_sign(backend):
    """Outside of the logarithm's domain it is NaN."""
    x = torch.tensor([[1.0], [3.0]]).double()
    y = torch.zeros(1, 1).double()
    params = {"id": Kernel("rational_quadratic(x,y)"), "gamma": (-1.0, 2.0)}
    value = kernel_product(params, x, y, y, mode="lse", backend=backend)
    assert value[0].item() == pytest.approx(-2 * np.log1p(-0.5))
    assert value[1].isnan()


def test_messages():
    x, b = torch.zeros(4, 3), torch.ones(4, 1)
    name = "periodic(x,y) + linear(x,y)"
    for kernel, gamma, message in (
        (
            name,
            (1.0, 1.0),
            "3 gammas, one for each parameter of the kernel's atoms "
            "(periodic, periodic, linear), got 2.",
        ),
        (
            name,
            (1.0, torch.ones(3), None),
            "gamma[1] to have one column for 'periodic', got (3,).",
        ),
        (
            name,
            (1.0, None, None),
            "gamma[1] to be a tensor or a number for 'periodic', got None.",
        ),
        (
            "rational_quadratic(x,y)",
            (torch.ones(2), 1.0),
            "gamma[0] to have 1, D = 3 or D*D = 9 columns for "
            "'rational_quadratic', got (2,).",
        ),
        (
            "rational_quadratic(x,y)",
            1.0,
            "2 gammas, one for each parameter of the kernel's atoms "
            "(rational_quadratic, rational_quadratic), got 1.",
        ),
    ):
        params = {"id": Kernel(kernel), "gamma": gamma}
        with pytest.raises(ValueError, match="expected") as caught:
            kernel_product(params, x, x, b)
        assert str(caught.value) == f"kernel_product(): expected {message}"


@pytest.fixture
def mine():
    yield "mine"
    kernel_formulas.pop("mine", None)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("text", ["formula_sum", "formula_log"])
@pytest.mark.parametrize("atom", oracle.ATOMS_OF_TWO)
def test_texts_of_entries_can_be_used(atom, text, backend, mine):
    given = {text: getattr(kernel_formulas[atom], text)}
    kernel_formulas[mine] = Formula(**given)
    x, y, b, gammas = case_of(atom, ("(DD,)", "(1,)"), 6)
    params = {"id": Kernel("mine(x,y)"), "gamma": tuple(gammas)}
    _, dense = functions(f"{atom}(x,y)", 1, gammas, backend)
    expected = dense(x, y, b, *gammas)
    assert_near(kernel_product(params, x, y, b, backend=backend), expected)


@pytest.mark.parametrize("backend", BACKENDS)
def test_second_parameter_of_ones_own(backend, mine):
    """Without {G} the first slot is None; the second is of any width."""
    kernel_formulas[mine] = Formula(formula_sum="({X} * {H}|{Y})")
    x, y, b, gammas = case_of("", ("none", "(D,)"), 7)
    params = {"id": Kernel("mine(x,y)"), "gamma": tuple(gammas)}
    expected = (x * gammas[1]) @ y.T @ b
    assert_near(kernel_product(params, x, y, b, backend=backend), expected)


def test_kernels_are_values(mine):
    kernel_formulas[mine] = kernel_formulas["periodic"]
    assert Kernel("mine(x,y)") == Kernel("periodic(p,q)")
    assert Kernel("periodic(x,y)") != Kernel("rational_quadratic(x,y)")
