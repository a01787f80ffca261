# SPDX-License-Identifier: MIT
"""Rounding errors of products and gradients, against bounds on each number.

The bounds hold for terms whose exponents stay below about 20, as those of the
nearest pairs do here: roundings that the plain formula does not share, such as
that of log2(e), then stay below the 76 roundings that a term is granted.
Where a kernel changes its sign, single values of it can be as small as their
rounding errors: such kernels are summed over many pairs.
"""
# ruff: noqa: N803, N806 (M, N, D and E are the sizes' own names)

import math

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

import atoms
import bounds
import oracle
from bounds import Call
from gramless.torch import Kernel, kernel_product
from oracle import Data

FLOATS = [
    torch.float32,
    pytest.param(
        torch.float64,
        marks=pytest.mark.skipif(
            not bounds.HAS_WIDE_DOUBLE, reason="no format is wider than float64"
        ),
    ),
]
FORMS = {"m": "(1,)", "d": "(D,)", "f": "(DD,)", "j": "(N,D)", "i": "i(M,DD)"}
KIND_OF_ATOM = {
    **dict.fromkeys(oracle.ATOMS_OF_Q, "m"),
    **dict.fromkeys(oracle.ATOMS_OF_S, "-"),
    **dict.fromkeys(oracle.ATOMS_OF_S_AND_G, "m"),
}
ATOMS = [(f"{atom}(x,y)", kind) for atom, kind in KIND_OF_ATOM.items()]
# Positive kernels, which have no zeros.
POSITIVE = [
    ("gaussian(x,y) * linear(u,v)**2", "m-"),
    ("cauchy(x,y) + gaussian(x,y) * (1 + cauchy(u,v)**2)", "mdf"),
    ("laplacian(x,y) / (1 + binet(u,v)) + 2", "m-"),
    ("matern32(x,y) * matern52(x,y) + inverse_multiquadric(x,y)", "mdm"),
    ("multiquadric(x,y)**-1 * cauchy(u,v)**0.5", "mm"),
    ("gaussian_oriented(u,v)**2 * distance(x,y)", "mm"),
]
SIGNED = [
    ("2 * gaussian(x,y) - 3 * laplacian(x,y)", "mm"),
    ("multiquadric(x,y) - distance(x,y)", "mm"),
    ("linear(x,y) - linear(u,v)**3", "--"),
    ("matern52(x,y) * linear(u,v) - 0.25", "d-"),
]


def arguments(name, kinds, sizes, dtype, seed=1):
    """Returns points in a cube, unit vectors for u and v, gammas and b."""
    M, N, D, E = sizes
    data = Data(seed, dtype)
    x, y, gammas = [], [], []
    for pair in oracle.pairs_of(name):
        for points, rows in ((x, M), (y, N)):
            values = data.positive(rows, D)
            is_unit = pair == ("u", "v") or "oriented(x" in name
            points.append(normalize(values) if is_unit else values)
    for kind in kinds:
        gamma = data.gamma(FORMS.get(kind, "none"), M, N, D)
        tensor = oracle.gamma_tensor(gamma)
        if tensor is not None:
            gamma = oracle.with_tensor(gamma, tensor / D)
        gammas.append(gamma)
    return name, x, y, gammas, data.normal(N, E)


def check(name, x, y, gammas, b):
    """Compares a product with its bounds."""
    params = {"id": Kernel(name), "gamma": tuple(gammas)}
    a = kernel_product(params, x, y, b)
    return bounds.product(Call.of(name, x, y, gammas, b), b.dtype).check(a)


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("name_and_kinds", ATOMS + POSITIVE + SIGNED)
def test_many_sources(name_and_kinds, dtype):
    is_long = dtype == torch.float32 and name_and_kinds in ATOMS
    N = 200_000 if is_long else 20_000
    check(*arguments(*name_and_kinds, (3, N, 3, 2), dtype))


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("name_and_kinds", ATOMS + POSITIVE)
def test_many_targets(name_and_kinds, dtype):
    M = 100_000 if dtype == torch.float32 else 20_000
    check(*arguments(*name_and_kinds, (M, 3, 3, 2), dtype))


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("kind", FORMS)
@pytest.mark.parametrize("atom", ["gaussian", "laplacian"])
def test_metrics(atom, kind, dtype):
    check(*arguments(f"{atom}(x,y)", kind, (65, 1000, 4, 1), dtype))


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize(
    ("kind", "D", "E"),
    [
        *[("m", D, 1) for D in (1, 2, 7, 16, 17, 1000)],
        *[("d", 300, 2), ("f", 2, 3), ("f", 17, 2), ("j", 65, 1)],
        *[("m", 3, E) for E in (2, 5, 17, 200)],
        *[("d", 100, 40), ("m", 65, 17)],
    ],
)
def test_dimensions(kind, D, E, dtype):
    sizes = (9, 150, D, E)
    check(*arguments("gaussian(x,y)", kind, sizes, dtype))
    check(*arguments("linear(x,y)", "-", sizes, dtype))


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("shift", [0, 10, 100, 1000])
@pytest.mark.parametrize("gamma", [1.0, 1e3, 1e6])
def test_narrow_kernels_far_from_the_origin(gamma, shift, dtype):
    """Each target is close to a source, on the scale of the kernel."""
    data = Data(2, dtype)
    x = data.positive(200, 2) + shift
    y = x.flip(0) + data.normal(200, 2) / (2 * gamma**0.5)
    b = data.normal(200, 2)
    metrics = [1.0], [1.0, 0.5], [1.0, 0.25, 0.5, 1.0]
    for position, atom in enumerate(oracle.ATOMS_OF_Q):
        metric = torch.tensor(metrics[position % 3], dtype=dtype)
        check(f"{atom}(x,y)", [x], [y], [gamma * metric], b)


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("shift", [0, 1000])
@pytest.mark.parametrize("D", [1, 2, 10, 40])
def test_far_pairs_alone_in_their_row(D, shift, dtype):
    """Each term is an element of the result, and q goes up to 80."""
    form = bounds.FORMATS[dtype]
    data = Data(3, dtype)
    x, y = data.positive(300, D) + shift, data.positive(200, D) + shift
    differences = x.numpy().astype(form.wide)[:, None] - y.numpy()[None]
    q = (differences**2).sum(2)
    gamma = torch.tensor([80 / float(q.max())], dtype=dtype)
    q = q * gamma.numpy().astype(form.wide)
    params = {"id": Kernel("gaussian(x,y)"), "gamma": gamma}
    k = kernel_product(params, x, y, torch.eye(200, dtype=dtype)).numpy()
    error = np.abs(k - np.exp(-q)) / np.exp(-q)
    assert np.all(error <= (4 + (D + 4) * q) * form.delta)


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("linear(x,y)", "-"),
        ("gaussian(x,y)", "m"),
        ("linear(x,y) - linear(u,v)", "--"),
        ("multiquadric(x,y) - multiquadric(u,v)", "mm"),
    ],
)
@pytest.mark.parametrize("D", [1, 20])
def test_cancellation(name, kinds, D, dtype):
    """Large terms, whose sum is many times smaller than their roundings."""
    N = 10_000
    name, x, y, gammas, b = arguments(name, kinds, (5, N, D, 2), dtype)
    y = [points.repeat_interleave(2, 0)[:N] for points in y]
    b = 1e-3 * b + 1e6 * (1 - 2 * (torch.arange(N) % 2))[:, None]
    check(name, x, y, gammas, b.to(dtype))
    x, y = ([2 * p - p.mean() for p in group] for group in (x, y))
    check(name, x, y, gammas, b.to(dtype))


# Kernels that have no rounding error for small integers.
EXACT = [
    ("linear(x,y)", "-"),
    ("binet(x,y)", "-"),
    ("distance(x,y)", "m"),
    ("linear(x,y) + 0.5 * distance(x,y)", "-m"),
    ("gaussian(x,y)**0 + 2", "m"),
]


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize(("name", "kinds"), EXACT)
@pytest.mark.parametrize(("M", "most"), [(1, 200_000), (16, 20_000)])
def test_summation(M, most, name, kinds, dtype):
    """The errors of sums alone stay below 8 roundings, for random b."""
    form = bounds.FORMATS[dtype]
    for N in (300, 301, 1000, 4113, most):
        data = Data(N, dtype)
        x, y = ((8 * data.normal(rows, 1)).round() for rows in (M, N))
        gammas = [{"m": torch.ones(1, dtype=dtype)}.get(k) for k in kinds]
        b = torch.cat([data.normal(N, 1), data.positive(N, 1)], 1)
        call = Call.of(name, [x], [y], gammas, b)
        k = call.matrix(form.wide)
        assert np.array_equal(k, call.matrix(form.plain))
        params = {"id": Kernel(name), "gamma": tuple(gammas)}
        a = kernel_product(params, x, y, b).numpy()
        for e in range(2):
            w = call.b[:, e].astype(form.wide)
            error = np.abs(a[:, e] - (k * w).sum(1))
            assert np.all(error <= 8 * form.delta * (np.abs(k * w)).sum(1))


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("M", [1, 16])
@pytest.mark.parametrize("place", [0, 5, 640, 9999])
def test_blocks(place, M, dtype):
    """A large term swallows the small ones of its own block, and no more."""
    N = 10_000
    b = torch.full((N, 1), bounds.FORMATS[dtype].delta, dtype=dtype)
    b[place] = 1
    x, y = (torch.ones(rows, 1, dtype=dtype) for rows in (M, N))
    check("linear(x,y)", [x], [y], [None], b)


@pytest.mark.parametrize("backend", ["auto", "reference"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("M", [1, 16, 300])
def test_blocks_lose_nothing(M, dtype, backend):
    """Whole blocks that a large sum would swallow count all the same."""
    N = 100_000
    delta = bounds.FORMATS[dtype].delta
    b = torch.full((N, 1), delta / 128, dtype=dtype)  # A block is delta / 2.
    b[0] = 1
    x, y = (torch.ones(rows, 1, dtype=dtype) for rows in (M, N))
    params = {"id": Kernel("linear(x,y)"), "gamma": None}
    a = kernel_product(params, x, y, b, backend=backend)
    expected = math.fsum(b.flatten().tolist())
    assert expected - 1 > 700 * delta
    errors = [math.fsum((value, -expected)) for value in a.flatten().tolist()]
    assert max(map(abs, errors)) <= 4 * delta


def check_gradients(name, x, y, gammas, b):
    """Compares the gradients to all tensors with their bounds."""
    tensors = [*x, *y, b, *(oracle.gamma_tensor(g) for g in gammas)]
    tensors = [
        None if t is None else t.clone().requires_grad_() for t in tensors
    ]
    pairs = len(x)
    x, y, b = tensors[:pairs], tensors[pairs : 2 * pairs], tensors[2 * pairs]
    gammas = [
        None if t is None else oracle.with_tensor(slot, t)
        for slot, t in zip(gammas, tensors[2 * pairs + 1 :], strict=True)
    ]
    params = {"id": Kernel(name), "gamma": tuple(gammas)}
    a = kernel_product(params, x, y, b)
    cotangent = Data(3, b.dtype).normal(*a.shape)
    a.backward(cotangent)
    call = Call.of(name, x, y, gammas, b)
    cotangent = oracle.as_numpy(cotangent)
    bounds.gradient_of_b(call, cotangent, b.dtype).check(b.grad)
    variables = {"x": x, "y": y, "gamma": map(oracle.gamma_tensor, gammas)}
    for group, values in variables.items():
        for which, tensor in enumerate(values):
            if tensor is None:
                continue
            sums = bounds.gradient(call, cotangent, (group, which), b.dtype)
            sums.check(tensor.grad)


@pytest.mark.parametrize("name_and_kinds", ATOMS + POSITIVE + SIGNED)
def test_gradients(name_and_kinds):
    sizes = (70, 130, 3, 2)
    check_gradients(*arguments(*name_and_kinds, sizes, torch.float32))


@pytest.mark.parametrize("dtype", FLOATS[1:], ids=str)
@pytest.mark.parametrize("name_and_kinds", ATOMS + POSITIVE[:1])
def test_gradients_in_float64(name_and_kinds, dtype):
    check_gradients(*arguments(*name_and_kinds, (70, 130, 3, 2), dtype))


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("kind", FORMS)
@pytest.mark.parametrize("atom", ["laplacian", "matern52"])
def test_gradients_and_metrics(atom, kind, dtype):
    sizes = (9, 90, 2, 3)
    check_gradients(*arguments(f"{atom}(x,y)", kind, sizes, dtype))


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("atom", ["gaussian", "cauchy", "linear"])
@pytest.mark.parametrize(("M", "N"), [(3, 1), (1, 3)])
def test_gradients_of_many_points(M, N, atom, dtype):
    many = 100_000 if dtype == torch.float32 else 20_000
    sizes = (M if M > 1 else many, N if N > 1 else many, 3, 1)
    kind = KIND_OF_ATOM[atom]
    check_gradients(*arguments(f"{atom}(x,y)", kind, sizes, dtype))


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("position", range(3))
@pytest.mark.parametrize("atom", ["linear", "distance", "gaussian", "matern32"])
def test_denormal_numbers(atom, position, dtype):
    """Values are right up to a flush of denormal numbers to 0."""
    name, kind = f"{atom}(x,y)", KIND_OF_ATOM[atom]
    tensors = arguments(name, kind, (17, 30, 2, 2), dtype)
    _, (x,), (y,), gammas, b = tensors
    given = [x, y, b]
    given[position] = given[position] * bounds.FORMATS[dtype].tiny / 16
    x, y, b = given
    check(name, [x], [y], gammas, b)


LOGARITHMS = ("gaussian", "laplacian", "cauchy", "matern32", "distance")


def log_sum_exp(logits):
    """Returns the logarithm of the sum of exponentials of each row."""
    top = logits.max(1, keepdims=True)
    return top + np.log(np.exp(logits - top).sum(1, keepdims=True))


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("atom", LOGARITHMS)
def test_log_domain(atom, dtype):
    """Errors are roundings of the largest exponent, whatever its size."""
    form = bounds.FORMATS[dtype]
    params = {"id": Kernel(f"{atom}(x,y)"), "gamma": 1.0}
    for spread, size in ((1, 10), (1, 1e4), (50, 1e4), (50, 0)):
        data = Data(6, dtype)
        x, y = spread * data.normal(90, 3), spread * data.normal(130, 3)
        H, A = data.positive(90, 1) / 2, size * data.normal(90, 1)
        b, B = size * data.normal(130, 1), size * data.normal(130, 1)
        gamma = torch.ones(1, dtype=dtype)
        r = Call.of("distance(x,y)", [x], [y], [gamma], b).matrix(form.wide)
        c = atoms.product_of(atom, r * r).log
        h, i, beta, j = map(oracle.as_numpy, (H, A, b.T, B.T))
        for mode, bs, logits, sizes in (
            ("lse", [b], c + beta, [c, beta]),
            ("log_scaled_lse", [b, A, B], c + i + j + beta, [c, i, j, beta]),
            ("lse_mult_i", [b, H], h * c + beta, [c, beta]),
        ):
            a = kernel_product(params, x, y, *bs, mode=mode).numpy()
            largest = sum(map(np.abs, sizes)).max(1, keepdims=True)
            bound = 4 * form.delta * largest + 16 * form.delta
            assert np.all(np.abs(a - log_sum_exp(logits)) <= bound), mode
        weights = b.clone().requires_grad_()
        kernel_product(params, x[:1], y, weights, mode="lse").backward()
        assert abs(weights.grad.double().sum() - 1) <= 1e-5
