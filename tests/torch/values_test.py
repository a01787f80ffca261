# SPDX-License-Identifier: MIT
"""Values of kernel products, against dense NumPy float64."""
# ruff: noqa: N803, N806 (M, N, D and E are the sizes' own names)

import math

import numpy as np
import pytest
import torch

import oracle
from gramless.torch import Kernel, kernel_product
from oracle import Data

ENGINES = ("auto", "CPU", "reference")
DENSE = ("pytorch", "matrix")
FLOATS = (torch.float32, torch.float64)
ATOMS_AND_FORMS = [
    (atom, form) for atom in oracle.ATOMS for form in oracle.forms_of(atom)
]


def check(name, x, y, b, gammas, backends=ENGINES + DENSE):
    """Compares the backends with NumPy's float64."""
    matrix = oracle.numpy_matrix(name, x, y, gammas)
    signal = oracle.as_numpy(b)
    scale = (1 + np.abs(matrix)) @ np.abs(signal)
    params = {"id": Kernel(name), "gamma": tuple(gammas)}
    for backend in backends:
        a = kernel_product(params, x, y, b, backend=backend)
        assert (a.dtype, a.device) == (b.dtype, b.device)
        expected, noise = matrix @ signal, scale
        if backend == "matrix":
            expected, noise = matrix, 1 + np.abs(matrix)
        # 256 roundings of the format that the backend computes in. The
        # reference computes in float64, and rounds once.
        works_in = torch.float64 if backend == "reference" else b.dtype
        bound = 256 * torch.finfo(works_in).eps / 2 * noise
        bound = bound + torch.finfo(b.dtype).eps * np.abs(expected)
        assert a.shape == expected.shape
        assert np.all(np.abs(oracle.as_numpy(a) - expected) <= bound), backend


def rounded(slot, dtype):
    """Returns a number as the tensors' format holds it."""
    return torch.tensor(slot, dtype=dtype).item() if slot == 0.7 else slot


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize(("atom", "form"), ATOMS_AND_FORMS)
def test_atoms(atom, form, dtype):
    M, N, D, E = 7, 9, 3, 2
    data = Data(1, dtype)
    x, y, b = data.normal(M, D), data.normal(N, D), data.normal(N, E)
    slot = data.gamma(form, M, N, D)
    if isinstance(slot, float):
        slot = rounded(slot, dtype)
    check(f"{atom}(x,y)", [x], [y], b, [slot])


@pytest.mark.parametrize("form", ["(1,)", "(D,)", "(DD,)", "(N,DD)", "i(M,D)"])
@pytest.mark.parametrize("D", [0, 1, 2, 17])
def test_dimensions(D, form):
    data = Data(2)
    x, y, b = data.normal(3, D), data.normal(4, D), data.normal(4, 2)
    for atom in ("gaussian", "distance", "multiquadric"):
        check(f"{atom}(x,y)", [x], [y], b, [data.gamma(form, 3, 4, D)])


@pytest.mark.parametrize(
    ("M", "N", "D", "E"),
    [
        (M, N, D, E)
        for M in (0, 1, 3)
        for N in (0, 1, 4)
        for D, E in ((0, 0), (0, 1), (1, 0), (2, 17), (17, 2))
    ]
    + [(2, 3, 1000, 1), (2, 3, 1, 1000)]
    + [(M, N, 2, 1) for M in (15, 16, 17) for N in (127, 128, 129)]
    + [(M, N, 2, 1) for M in (127, 128, 129) for N in (15, 16, 17)]
    + [(63, 65, 3, 1), (64, 64, 3, 3), (257, 31, 1, 2), (1, 1025, 2, 1)],
)
def test_sizes(M, N, D, E):
    data = Data(3)
    x, u = data.normal(M, D), data.normal(M, 2)
    y, v = data.normal(N, D), data.normal(N, 2)
    gammas = [data.positive(1) / (1 + D), data.gamma("(N,D)", M, N, 2)]
    name = "gaussian(x,y) + cauchy(u,v)"
    check(name, [x, u], [y, v], data.normal(N, E), gammas)


NAMES = [
    ("gaussian(x,y) * linear(u,v)**2", "m-"),
    ("cauchy(x,y) + gaussian(x,y) * (1 + cauchy(u,v)**2)", "mmm"),
    ("laplacian(u,v) * gaussian(x,y)", "mm"),
    ("2 + 3 * gaussian(x,y)", "m"),
    ("2 * 3 - gaussian(x,y) / 4", "m"),
    ("1 / 2 / cauchy(x,y)", "m"),
    ("8 / 2 * cauchy(x,y)", "m"),
    ("1 - 2 - cauchy(x,y)", "m"),
    ("1 - (2 - cauchy(x,y))", "m"),
    ("-linear(x,y)**2", "-"),
    ("(-linear(x,y))**2", "-"),
    ("(-linear(x,y))**3", "-"),
    ("--linear(x,y)", "-"),
    ("+linear(x,y) * -2", "-"),
    ("2 * -linear(x,y)**3", "-"),
    ("linear(x,y)**1 - linear(x,y)", "--"),
    ("linear(x,y)**7", "-"),
    ("(1 + cauchy(x,y))**-2", "m"),
    ("cauchy(x,y)**0.5", "m"),
    ("cauchy(x,y)**-1.5", "m"),
    ("cauchy(x,y)**+2", "m"),
    ("cauchy(x,y)**2.0", "m"),
    ("gaussian(x,y)**.5", "m"),
    ("distance(x,y)**2", "m"),
    ("distance(x,y)**3", "m"),
    ("distance(x,y)**0.5", "m"),
    ("multiquadric(x,y)**-1", "m"),
    ("(linear(x,y)**2)**0.5", "-"),
    ("(cauchy(x,y) * gaussian(u,v))**2 - 1e-3", "mm"),
    ("gaussian(x,y) - gaussian(x,y)", "mm"),
    ("gaussian(x,y) / gaussian(x,y)", "mm"),
    ("binet(x,y) * gaussian_oriented(u,v) + 0.5", "-s"),
    ("gaussian_unoriented(u,v) / (1 + binet(x,y))", "s-"),
    ("  gaussian( targets_of_x ,\n sources_0 )\t*2 ", "m"),
    ("cauchy(a,b) * linear(c,d) * cauchy(e,f) + gaussian(c,d)", "m-mm"),
    ("linear(b,a) + linear(y,x)", "--"),
    ("matern32(x,y) * matern52(x,y) + inverse_multiquadric(x,y)", "mmm"),
    ("0 * gaussian(x,y)", "m"),
    ("2**3 * linear(x,y)", "-"),
    ("(2 - 4)**3 + linear(x,y)", "-"),
    ("linear(x,y)**0", "-"),
    ("((((gaussian(x,y)))))", "m"),
]


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize(("name", "kinds"), NAMES)
def test_names(name, kinds, dtype):
    """Slots of pairs and of gamma stand in reading order, all different."""
    M, N = 5, 6
    data = Data(4, dtype)
    pairs = len(oracle.pairs_of(name))
    widths = (2, 3, 1)[:pairs]
    x = [data.normal(M, width) for width in widths]
    y = [data.normal(N, width) for width in widths]
    forms = {"m": "(1,)", "s": "(N,1)", "-": "none"}
    gammas = [data.gamma(forms[kind], M, N, 1) for kind in kinds]
    check(name, x, y, data.normal(N, 2), gammas)


def test_first_example():
    M, N = 1000, 2000
    data = Data(5, torch.float32)
    x, u = data.normal(M, 3), data.normal(M, 3)
    y, v = data.normal(N, 3), data.normal(N, 3)
    b = data.normal(N, 4)
    sigma = torch.tensor([0.5])
    kernel = Kernel("gaussian(x,y) * (linear(u,v)**2) ")
    params = {"id": kernel, "gamma": (1.0 / sigma**2, None)}
    u = torch.nn.functional.normalize(u, p=2, dim=1)
    v = torch.nn.functional.normalize(v, p=2, dim=1)
    a = kernel_product(params, (x, u), (y, v), b)
    assert (a.shape, a.dtype) == ((M, 4), torch.float32)
    check(kernel.name, [x, u], [y, v], b, params["gamma"], ("auto",))


def test_second_example():
    data = Data(6, torch.float32)
    x = data.normal(1000, 3).requires_grad_()
    y = data.normal(2000, 3).requires_grad_()
    b = data.normal(2000, 2).requires_grad_()
    sigma = torch.tensor([0.5], requires_grad=True)
    params = {"id": Kernel("gaussian(x,y)"), "gamma": 0.5 / sigma**2}
    a = kernel_product(params, x, y, b)
    a.sum().backward()
    check("gaussian(x,y)", [x], [y], b, [params["gamma"]], ("auto",))
    matrix = oracle.numpy_matrix("gaussian(x,y)", [x], [y], [2.0])
    expected = np.repeat(matrix.sum(0)[:, None], 2, axis=1)
    np.testing.assert_allclose(b.grad.numpy(), expected, rtol=1e-6)
    assert all(t.grad.shape == t.shape for t in (x, y, sigma))


@pytest.mark.parametrize("backend", [*ENGINES, "pytorch"])
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("linear(x,y)", [[-2], [2]]),
        ("linear(x,y)**2", [[2], [2]]),
        ("linear(x,y)**3", [[-2], [2]]),
        ("linear(x,y)**-1", [[-2], [2]]),
        ("-linear(x,y)**2", [[-2], [-2]]),
        ("linear(x,y)**0", [[2], [2]]),
        ("2 + 0*linear(x,y)", [[4], [4]]),
        ("(2 + 3)*linear(x,y)**0", [[10], [10]]),
    ],
)
def test_signs(name, expected, backend):
    x, y = torch.tensor([[-1.0], [1.0]]), torch.ones(2, 1)
    a = kernel_product(
        {"id": Kernel(name)}, x, y, torch.ones(2, 1), backend=backend
    )
    assert a.tolist() == expected


@pytest.mark.parametrize("backend", [*ENGINES, "pytorch"])
def test_power_zero_of_zero(backend):
    x = torch.zeros(2, 1, requires_grad=True)
    params = {
        "id": Kernel("linear(x,y)**0 + distance(x,y)**0"),
        "gamma": (None, 1),
    }
    a = kernel_product(params, x, x.detach(), torch.ones(2, 1), backend=backend)
    assert a.tolist() == [[4.0], [4.0]]
    if a.requires_grad:
        a.sum().backward()
        assert x.grad.tolist() == [[0.0], [0.0]]


@pytest.mark.parametrize("backend", ENGINES + DENSE)
@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("form", ["(1,)", "(D,)", "(DD,)", "(N,DD)", "i(M,DD)"])
def test_far_from_the_origin(form, dtype, backend):
    """Metrics are applied to differences: a shift changes no bit."""
    data = Data(7, dtype)
    shift = 2.0**20 if dtype == torch.float64 else 2.0**12
    x, y = ((data.normal(5, 2) * 512).round() / 512 for _ in range(2))
    params = {"id": Kernel("gaussian(x,y)"), "gamma": data.gamma(form, 5, 5, 2)}
    b = data.normal(5, 1)
    near = kernel_product(params, x, y, b, backend=backend)
    far = kernel_product(params, x + shift, y + shift, b, backend=backend)
    assert torch.equal(near, far)


@pytest.mark.parametrize("scale", [0.0, -0.01])
def test_gamma_of_either_sign(scale):
    data = Data(8)
    x, y, b = data.normal(4, 2), data.normal(5, 2), data.normal(5, 1)
    for atom in ("gaussian", "cauchy", "inverse_multiquadric", "multiquadric"):
        check(f"{atom}(x,y)", [x], [y], b, [torch.full((2,), scale).double()])


@pytest.mark.parametrize("backend", ["auto", "reference"])
@pytest.mark.parametrize("N", [2, 1000])
def test_sums_that_overflow(N, backend):
    b = torch.full((N, 1), 1e308, dtype=torch.float64)
    x, y = (torch.ones(n, 1, dtype=torch.float64) for n in (20, N))
    params = {"id": Kernel("linear(x,y)"), "gamma": None}
    a = kernel_product(params, x, y, b, backend=backend)
    assert a.unique().tolist() == [math.inf]


@pytest.mark.default_only("forces the instructions")
@pytest.mark.parametrize("most", [0, 1, 2])
def test_any_not_a_number_stays_in_its_row(most, monkeypatch):
    options = "gramless.torch.map_reduce.FORCED_OPTIONS"
    monkeypatch.setattr(options, {"most": most})
    data = Data(9)
    x, y, b = data.normal(4, 2), data.normal(5, 2), data.normal(5, 1)
    params = {"id": Kernel("laplacian(x,y)"), "gamma": 1.0}
    for nan in (0x7FF8000000000000, 0x7FF8000000000123, -0x7FFFFFFFFFFED):
        x.view(torch.int64)[1, 0] = nan
        a = kernel_product(params, x, y, b)
        assert a.isnan().flatten().tolist() == [False, True, False, False]


def results_and_gradients(x, y, b, dtype):
    name = "gaussian(x,y) * cauchy(x,y)"
    tensors = [t.to(dtype).requires_grad_() for t in (x, y, b)]
    params = {"id": Kernel(name), "gamma": (0.5, 0.25)}
    a = kernel_product(params, *tensors)
    return [a.detach(), *torch.autograd.grad((a * a).sum(), tensors)]


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_threads_change_no_bit(dtype):
    data = Data(10)
    tensors = data.normal(401, 3), data.normal(333, 3), data.normal(333, 2)
    before = torch.get_num_threads()
    results = []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            results.append(results_and_gradients(*tensors, dtype))
    finally:
        torch.set_num_threads(before)
    for other in results[1:]:
        assert all(map(torch.equal, results[0], other))


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_a_row_does_not_depend_on_its_place(dtype):
    data = Data(11, dtype)
    x, y, b = data.normal(131, 3), data.normal(77, 3), data.normal(77, 2)
    params = {"id": Kernel("matern32(x,y)"), "gamma": 0.5}
    a = kernel_product(params, x, y, b)
    for first in (1, 5, 8, 16, 31, 64, 98):
        rolled = kernel_product(params, x.roll(-first, 0), y, b)
        assert torch.equal(a.roll(-first, 0), rolled)
        tail = kernel_product(params, x[first:], y, b)
        assert torch.equal(a[first:], tail)
    assert torch.equal(kernel_product(params, x.flip(0), y, b).flip(0), a)
