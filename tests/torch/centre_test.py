# SPDX-License-Identifier: MIT
"""Distances over many columns, expanded on centred points where all are near.

The oracle multiplies matrices in a wider format: what the expansion loses
there is nothing here. Bounds are in units of the format's rounding, delta.
"""
# ruff: noqa: N803, N806 (M, N, D and E are the sizes' own names)

import numpy as np
import pytest
import torch

from gramless.torch import Kernel, explain, kernel_product
from oracle import Data

FLOATS = (torch.float32, torch.float64)
M, N = 1800, 2300  # Enough for points to be centred.
COLUMNS = 24  # Of b; each picks one column of the matrix.


def distances(x, y, weights=1.0):
    """Returns squared distances in extended precision."""
    x, y = (np.asarray(t.detach(), np.longdouble) for t in (x, y))
    return np.array([((x - row) ** 2 * weights).sum(1) for row in y]).T


def radii(x, y, columns):
    """Returns the sums of squares around the mean of y, pair by pair."""
    x, y = (np.asarray(t, np.longdouble) for t in (x, y))
    mean = y.mean(0)
    of_x, of_y = (((t - mean) ** 2).sum(1) for t in (x, y[columns]))
    return of_x[:, None] + of_y[None, :]


def points(kind, D, data):
    """Returns x and y of which row k of each are next to each other."""
    y = data.normal(N, D)
    if kind == "positive":
        y = y.abs() * torch.linspace(1, 0.1, D, dtype=y.dtype)
    if kind == "elsewhere":
        y = y + 100
    return y[:M] + 1e-3 * data.normal(M, D), y


def picked(data):
    """Returns columns of the matrix, and the b that picks them."""
    columns = np.linspace(0, N - 1, COLUMNS).astype(int)
    b = data.normal(N, COLUMNS) * 0
    b[columns, torch.arange(COLUMNS)] = 1
    return columns, b


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("kind", ["normal", "positive", "elsewhere"])
@pytest.mark.parametrize("D", [17, 30, 64, 100, 128])
def test_exponents_are_off_by_four_roundings(D, kind, dtype):
    """Of the sums of squares around the mean; exp2 has its own error."""
    data = Data(D, dtype)
    x, y = points(kind, D, data)
    columns, b = picked(data)
    radius = radii(x, y, columns)
    g = torch.tensor([3.9 / float(radius.max())], dtype=dtype)
    a = kernel_product({"id": Kernel("gaussian(x,y)"), "gamma": g}, x, y, b)
    exponent = float(g) * distances(x, y[columns])
    delta = torch.finfo(dtype).eps / 2
    error = np.abs(np.log(np.asarray(a, np.longdouble)) + exponent) / delta
    own = error - 4 - exponent  # What exp2 and its argument's rounding lose.
    assert (own <= 4 * float(g) * radius).all()
    # The points of a pair are centred, as k(x, y) is not exact here.
    assert error.max() > 0


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("kind", ["normal", "elsewhere"])
def test_far_points_are_not_expanded(kind, dtype):
    """One far point is enough: the exponents of near pairs are exact then.

    A cloud that is far from the origin is centred.
    """
    data = Data(3, dtype)
    x, y = points(kind, 100, data)
    columns, b = picked(data)
    g = torch.tensor([7 / float(radii(x, y, range(N)).max())], dtype=dtype)
    params = {"id": Kernel("gaussian(x,y)"), "gamma": g}
    delta = torch.finfo(dtype).eps / 2
    pairs = [(i, k) for k, i in enumerate(columns) if 7 < i < M]
    for far in (None, 0, 1):
        moved = x.clone(), y.clone()
        if far is not None:
            moved[far][7] *= 30
        a = np.asarray(kernel_product(params, *moved, b), np.longdouble)
        exponents = float(g) * distances(x, y[columns])
        error = max(abs(np.log(a[p]) + exponents[p]) for p in pairs) / delta
        assert error > 6 if far is None else error < 5


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_equal_points_have_the_kernel_1(dtype):
    data = Data(8, dtype)
    y = data.normal(N, 100)
    columns, b = picked(data)
    g = torch.tensor([0.01], dtype=dtype)
    params = {"id": Kernel("gaussian(x,y)"), "gamma": g}
    a = kernel_product(params, y, y, b)
    assert (a[columns, torch.arange(COLUMNS)] == 1).all()


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("special", ["inf", "-inf", "nan"])
def test_special_points_stay_alone(special, dtype):
    data = Data(4, dtype)
    x, y, b = data.normal(M, 20), data.normal(N, 20), data.normal(N, 1)
    g = torch.tensor([0.01], dtype=dtype)
    params = {"id": Kernel("gaussian(x,y)"), "gamma": g}
    x[5, 3] = float(special)
    a = kernel_product(params, x, y, b)
    is_lost = torch.arange(M) == 5
    assert a[~is_lost].isfinite().all()
    if special == "nan":
        assert a[5].isnan()
    else:
        assert a[5] == 0


NAMES = [
    ("gaussian(x,y)", (1,)),
    ("gaussian(x,y)", (40,)),
    ("gaussian(x,y)*gaussian(u,v)", (1,)),
    ("gaussian(x,y)*linear(u,v)**2", (1,)),
    ("gaussian(x,y) + 2*gaussian(x,y)", (1,)),
]


@pytest.mark.parametrize("mode", ["sum", "lse"])
@pytest.mark.parametrize(("name", "form"), NAMES)
def test_values_and_gradients(name, form, mode):
    D = 40
    data = Data(5)
    x, u, y, v = (data.normal(n, D).float() for n in (M, M, N, N))
    u, v = u / 6, v / 6
    b = data.normal(N, 1).float()
    gammas = []
    for atom in ("gaussian(x", "gaussian(u", "gaussian(x"):
        if name.count(atom) > sum(a == atom for a, _ in gammas):
            size = torch.rand(form, generator=None) * 0.02 + 0.005
            gammas.append((atom, size))
    gammas = [size for _, size in gammas]
    slots = [*gammas, None] if "linear" in name else gammas
    pairs = ([x, u], [y, v]) if "u,v" in name else ([x], [y])
    wrt = [*pairs[0], *pairs[1], b, *gammas]

    def dense(wide):
        parts = iter(wide)
        xs = [next(parts) for _ in pairs[0]]
        ys = [next(parts) for _ in pairs[1]]
        own_b = next(parts)
        own = list(parts)

        def q(k, g):
            s, t = xs[k], ys[k]
            squares = (g * s * s).sum(1)[:, None] + (g * t * t).sum(1)[None]
            return squares - 2 * (g * s) @ t.T

        first = torch.exp(-q(0, own[0]))
        matrix = {
            NAMES[0][0]: lambda: first,
            NAMES[2][0]: lambda: first * torch.exp(-q(1, own[1])),
            NAMES[3][0]: lambda: first * (xs[1] @ ys[1].T) ** 2,
            NAMES[4][0]: lambda: first + 2 * torch.exp(-q(0, own[1])),
        }[name]()
        if mode == "sum":
            return matrix @ own_b
        return torch.log(matrix @ torch.exp(own_b))

    wide = [t.double().requires_grad_() for t in wrt]
    expected = dense(wide)
    weights = data.normal(M, 1)
    slopes = torch.autograd.grad(expected, wide, weights)
    leaves = [t.requires_grad_() for t in wrt]
    params = {"id": Kernel(name), "gamma": slots}
    expected = expected.detach()
    actual = kernel_product(params, *pairs, b, mode=mode)
    torch.testing.assert_close(
        actual.detach().double(),
        expected,
        rtol=2e-5,
        atol=2e-5 * expected.abs().max(),
    )
    for one, other in zip(
        torch.autograd.grad(actual, leaves, weights.float()),
        slopes,
        strict=True,
    ):
        size = other.abs().max()
        torch.testing.assert_close(
            one.double(), other, rtol=0, atol=1e-4 * size
        )


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_exponents_have_one_value(dtype):
    """Of k u v b with b and a weight that pick one pair; see bits_test."""
    data = Data(6, dtype)
    x, y = data.normal(M, 100), data.normal(N, 100)
    u, v, b = (
        torch.ones(n, 1, dtype=dtype).requires_grad_() for n in (M, N, N)
    )
    i, j = 77, 1234
    with torch.no_grad():
        b *= torch.arange(N)[:, None] == j
    g = torch.tensor([7 / float(radii(x, y, range(N)).max())], dtype=dtype)
    for leaf in (g, x):
        leaf.requires_grad_()
    params = {"id": Kernel("gaussian(x,y)*linear(u,v)"), "gamma": (g, None)}
    a = kernel_product(params, (x, u), (y, v), b)
    weight = (torch.arange(M)[:, None] == i).to(dtype)
    for wrt in ([u], [v], [b], [u, v, b], [u, x, v, b, g]):
        slopes = torch.autograd.grad(a, wrt, weight, retain_graph=True)
        for leaf, slope in zip(wrt, slopes, strict=True):
            place = {id(u): i, id(v): j, id(b): j}.get(id(leaf))
            if place is not None:
                assert slope[place].item() == a[i].item()
        if wrt[0] is u:  # Of all rows, with all weights 1.
            (slope,) = torch.autograd.grad(a.sum(), [u], retain_graph=True)
            assert torch.equal(slope, a)


@pytest.mark.default_only("explanations show plans that are not forced")
@pytest.mark.parametrize(
    ("name", "D", "is_centred"),
    [
        ("gaussian(x,y)", 17, True),
        ("gaussian(x,y)", 128, True),
        ("gaussian(x,y)", 16, False),
        ("gaussian(x,y)", 129, False),
        ("laplacian(x,y)", 40, False),
        ("gaussian(x,y)*laplacian(x,y)", 40, False),
        ("gaussian(x,y) + matern32(x,y)", 40, False),
        ("cauchy(x,y)", 40, False),
        ("distance(x,y)", 40, False),
    ],
)
def test_kernels_with_roots_are_not_expanded(name, D, is_centred):
    data = Data(7)
    x, y, b = data.normal(M, D), data.normal(N, D), data.normal(N, 1)
    text = explain(
        {"id": Kernel(name), "gamma": (1.0,) * name.count("(")}, x, y, b
    )
    assert ("near the mean" in text) == is_centred
    few = explain(
        {"id": Kernel(name), "gamma": (1.0,) * name.count("(")}, x[:500], y, b
    )
    assert "near the mean" not in few
