# SPDX-License-Identifier: MIT
"""All gradients from one sweep: tiles, rests, chunks, bands and threads."""
# ruff: noqa: N803, N806 (M, N, D and E are the sizes' own names)

import pytest
import torch

from gramless.torch import Kernel, explain, kernel_product
from oracle import Data

FLOATS = (torch.float32, torch.float64)
# Around the rows of a vector, a tile and a task, and the columns of a chunk.
ROWS = [1, 2, 7, 8, 9, 15, 16, 17, 63, 64, 65, 127, 129, 255, 257, 1025, 2100]
COLUMNS = [1, 2, 16, 63, 64, 65, 127, 200, 600]


def dense_gradients(x, y, b, g, cotangent):
    """Returns gradients and sums of their absolute terms, in float64."""
    x, y, b, g, cotangent = (t.double() for t in (x, y, b, g, cotangent))
    difference = x[:, None, :] - y[None, :, :]
    q = (difference**2).sum(2)
    k = torch.exp(-g * q)
    results = []
    for size in (lambda t: t, torch.abs):
        w = size(cotangent) @ size(b).T  # The weight of each pair.
        slope = (2 * g * k * w)[:, :, None] * size(-difference)
        results.append(
            (
                slope.sum(1),
                size(-slope).sum(0),
                k.T @ size(cotangent),
                size(-(q * k * w).sum()).view(1),
            )
        )
    return results


def check(M, N, E, dtype, seed=0):
    data = Data(seed, dtype)
    x, y, b = data.normal(M, 3), data.normal(N, 3), data.normal(N, E)
    g = torch.full((1,), 0.4, dtype=dtype)
    cotangent = data.normal(M, E)
    tensors = [t.requires_grad_() for t in (x, y, b, g)]
    a = kernel_product({"id": Kernel("gaussian(x,y)"), "gamma": g}, x, y, b)
    actual = torch.autograd.grad(a, tensors, cotangent)
    detached = [t.detach() for t in tensors]
    expected, sizes = dense_gradients(*detached, cotangent)
    delta = torch.finfo(dtype).eps / 2
    for one, other, size in zip(actual, expected, sizes, strict=True):
        error = (one.double() - other).abs()
        # The sums' bound, and room for exponentials of rounded numbers.
        assert (error <= (72 + 4 * E + 60) * delta * size + 1e-30).all()


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("M", ROWS)
def test_rows_of_any_number(M, dtype):
    for N in COLUMNS:
        check(M, N, 1, dtype)


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("M", [5, 64, 65, 900, 2100])
def test_columns_of_any_number(M, dtype):
    """Few rows and many columns: tiles stand on the columns."""
    for N in (1, 17, 511, 513, 1025, 3000):
        for E in (1, 2, 5, 17):  # The last one takes a sweep for each axis.
            check(M, N, E, dtype, seed=E)


@pytest.mark.parametrize("mode", ["sum", "lse"])
@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("M", [1, 7, 8, 15, 16, 17, 31, 33, 47, 63, 79])
def test_rows_next_to_each_other(M, dtype, mode):
    """Points of one number each, whose vectors end where their memory does."""
    data = Data(M, dtype)
    x, y, b = (data.normal(n, 1).requires_grad_() for n in (M, 20, 20))
    params = {"id": Kernel("gaussian(x,y)"), "gamma": 1.0}
    a = kernel_product(params, x, y, b, mode=mode, backend="checked")
    slope, _ = torch.autograd.grad(a.sum(), [x, y])
    pairs = [t.detach().double().requires_grad_() for t in (x, y, b)]
    exponents = -((pairs[0] - pairs[1].T) ** 2)
    terms = exponents.exp() @ pairs[2]
    if mode == "lse":
        terms = torch.logsumexp(exponents + pairs[2].T, 1, keepdim=True)
    terms.sum().backward()
    tolerance = 2000 * torch.finfo(dtype).eps
    assert torch.allclose(a.double(), terms, tolerance, tolerance)
    assert torch.allclose(slope.double(), pairs[0].grad, tolerance, tolerance)


@pytest.mark.default_only("explanations show plans that are not forced")
def test_gradients_share_a_sweep():
    data = Data(0, torch.float32)
    tensors = [
        data.normal(*s).requires_grad_() for s in ((900, 3), (700, 3), (700, 1))
    ]
    text = explain({"id": Kernel("gaussian(x,y)"), "gamma": 1.0}, *tensors)
    derivative = text.split("derivative of")[1]
    assert derivative.count("sweep over") == 1
    assert "sweep over rows i and columns j" in derivative


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("special", ["inf", "-inf", "nan"])
@pytest.mark.parametrize("M", [1, 15, 17, 63, 65, 100])
def test_special_values_count_once(M, special, dtype):
    """Of the last row, with which a vector of rows is filled up.

    With k = <x, y>, the gradient of b[j] is the sum of <x[i], y[j]> c[i], and
    that of y[j] the sum of x[i] c[i] b[j].
    """
    for N in (3, 70):
        x = torch.ones(M, 1, dtype=dtype)
        y, b = (torch.ones(N, 1, dtype=dtype) for _ in range(2))
        cotangent = torch.ones(M, 1, dtype=dtype)
        cotangent[-1] = float(special)
        tensors = [t.requires_grad_() for t in (x, y, b)]
        params = {"id": Kernel("linear(x,y)"), "gamma": None}
        a = kernel_product(params, *tensors)
        _, *columns = torch.autograd.grad(
            a, tensors, cotangent, retain_graph=True
        )
        for column in columns:
            expected = torch.full_like(column, M - 1 + float(special))
            torch.testing.assert_close(
                column, expected, rtol=0, atol=0, equal_nan=True
            )
        cotangent[-1] = 0.5
        _, *columns = torch.autograd.grad(a, tensors, cotangent)
        for column in columns:
            assert (column == M - 0.5).all()


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_lost_digits_of_column_sums_are_kept(dtype):
    """Tasks add to one sum after another: 1 + delta + ... keeps each delta."""
    delta = torch.finfo(dtype).eps / 2
    M, N = 1 << 15, 4
    x, y, b = (torch.ones(n, 1, dtype=dtype) for n in (M, N, N))
    cotangent = torch.full((M, 1), delta, dtype=dtype)
    cotangent[0] = 1
    tensors = [t.requires_grad_() for t in (x, y, b)]
    a = kernel_product({"id": Kernel("linear(x,y)"), "gamma": None}, *tensors)
    gradients = torch.autograd.grad(a, tensors, cotangent)
    # The first block may lose what it adds to 1: at most 64 terms of a lane.
    for column in gradients[1:]:
        assert (column >= 1 + (M - 65) * delta - 2 * delta).all()
        assert (column <= 1 + M * delta).all()
