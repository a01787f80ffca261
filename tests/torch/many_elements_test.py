# SPDX-License-Identifier: MIT
"""Sums of many elements: a few at a time, in rows, tiles, chunks and splits."""
# ruff: noqa: N803, N806 (M, N, D and E are the sizes' own names)

import math

import pytest
import torch

from gramless.torch import Kernel, explain, kernel_product
from oracle import Data

FLOATS = (torch.float32, torch.float64)
# Around what accumulators serve at once, vectors, and axes that are unrolled.
WIDTHS = [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 64, 65, 130]
SIZES = [(1, 300), (5, 7), (17, 64), (40, 65), (65, 129), (200, 31), (1, 1)]


def laplacian(x, y, g):
    """Returns the kernel's matrix in float64."""
    q = ((x.double()[:, None, :] - y.double()[None, :, :]) ** 2).sum(2)
    return torch.exp(-torch.sqrt(g.double() * q))


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("E", WIDTHS)
def test_columns_of_any_number(E, dtype):
    for seed, (M, N) in enumerate(SIZES):
        data = Data(seed, dtype)
        x, y, b = data.normal(M, 3), data.normal(N, 3), data.normal(N, E)
        g = torch.full((1,), 0.4, dtype=dtype)
        params = {"id": Kernel("laplacian(x,y)"), "gamma": g}
        b.requires_grad_()
        a = kernel_product(params, x, y, b)
        c = data.normal(M, E)
        (gradient,) = torch.autograd.grad(a, b, c)
        k = laplacian(x, y, g)
        delta = torch.finfo(dtype).eps / 2
        for actual, matrix, weights in ((a, k, b), (gradient, k.T, c)):
            weights = weights.detach().double()
            error = (actual.detach().double() - matrix @ weights).abs()
            assert (error <= 90 * delta * (matrix @ weights.abs())).all()


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("D", WIDTHS)
def test_gradients_of_points_of_any_width(D, dtype):
    for seed, (M, N) in enumerate(SIZES):
        data = Data(seed, dtype)
        x, y, b = data.normal(M, D), data.normal(N, D), data.normal(N, 2)
        g = torch.full((1,), 0.3 / D, dtype=dtype)
        params = {"id": Kernel("gaussian(x,y)"), "gamma": g}
        x.requires_grad_()
        a = kernel_product(params, x, y, b)
        c = data.normal(M, 2)
        (gradient,) = torch.autograd.grad(a, x, c)
        difference = x.detach().double()[:, None] - y.double()[None]
        k = torch.exp(-g.double() * (difference**2).sum(2))
        weights = c.double() @ b.double().T
        terms = -2 * g.double() * (k * weights)[:, :, None] * difference
        error = (gradient.double() - terms.sum(1)).abs()
        delta = torch.finfo(dtype).eps / 2
        sizes = c.double().abs() @ b.double().abs().T
        bound = 2 * g.double() * (k * sizes)[:, :, None] * difference.abs()
        assert (error <= (120 + D) * delta * bound.sum(1) + 1e-30).all()


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("E", [4, 6, 17, 64])
def test_special_values_stay_in_their_columns(E, dtype):
    data = Data(1, dtype)
    x, y, b = data.normal(40, 3), data.normal(90, 3), data.normal(90, E)
    b[7, 0], b[8, 1], b[9, E - 1] = math.inf, math.nan, -math.inf
    b[:, 2] = 0
    params = {"id": Kernel("gaussian(x,y)"), "gamma": 0.3}
    a = kernel_product(params, x, y, b)
    assert (a[:, 0] == math.inf).all()
    assert a[:, 1].isnan().all()
    assert (a[:, 2] == 0).all()
    assert (a[:, E - 1] == -math.inf).all()
    assert a[:, 3 : E - 1].isfinite().all()


def test_equal_columns_have_equal_bits():
    data = Data(2, torch.float32)
    x, y = data.normal(70, 3), data.normal(150, 3)
    b = data.normal(150, 1).expand(150, 37)
    params = {"id": Kernel("gaussian(x,y)"), "gamma": 0.3}
    a = kernel_product(params, x, y, b)
    assert (a == a[:, :1]).all()


@pytest.mark.default_only("reads the plan")
def test_a_block_stores_the_kernel():
    data = Data(3, torch.float32)
    x, y, b = data.normal(70, 3), data.normal(150, 3), data.normal(150, 6)
    text = explain({"id": Kernel("gaussian(x,y)"), "gamma": 0.3}, x, y, b)
    assert "gone over twice; values stored for a pair: 1" in text
