# SPDX-License-Identifier: MIT
"""Names of kernels that users of KeOps up to 1.5 wrote, and their numbers.

Kernels of positions, orientations and signals, powers of scalar products, and
names that come from settings, against dense formulas in float64.
"""
# ruff: noqa: N803, N806 (M, N and D are the sizes' own names)

from functools import partial

import pytest
import torch
from torch.autograd import grad
from torch.nn.functional import normalize

from gramless.torch import Kernel, kernel_product
from legacy import assert_agrees
from oracle import Data

FLOAT32 = torch.float32


@pytest.mark.parametrize("backend", ["auto", "pytorch"])
@pytest.mark.parametrize(("power", "sign"), [(1, -1), (2, 1), (3, -1), (4, 1)])
def test_powers_of_negative_scalar_products(power, sign, backend):
    x, y = torch.tensor([[-1.0], [1.0]]), torch.tensor([[1.0], [1.0]])
    name = "linear(x,y)" if power == 1 else f"linear(x,y)**{power}"
    params = {"id": Kernel(name), "gamma": (None)}
    a = kernel_product(params, x, y, torch.ones(2, 1), backend=backend)
    assert torch.equal(a, torch.tensor([[2.0 * sign], [2.0]]))


COMPOSITES = {
    "cauchy(x,y) + gaussian(x,y) * (1 + cauchy(u,v)**2)": "ggg",
    "gaussian(x,y) * linear(u,v)**2 * gaussian(s,t)": "g-g",
    "gaussian(x,y) * (1 + linear(u,v)**2)": "g-",
    "gaussian(x,y) * gaussian_oriented(u,v)": "gg",
    "gaussian(x,y) * gaussian_unoriented(u,v)": "gg",
    "cauchy(x,y) * binet(u,v) * gaussian(s,t)": "g-g",
}
LEGACY, WRITTEN_AS_FORMULAS = [*COMPOSITES][:3], [*COMPOSITES][3:]


def composite(pk, x, y, b, gamma, name, mode):
    params = {"id": pk.Kernel(name), "gamma": gamma, "mode": mode}
    return pk.kernel_product(params, x, y, b)


def composite_and_gradients(pk, *tensors, name, mode):
    slots = COMPOSITES[name]
    pairs = (len(tensors) - 1 - slots.count("g")) // 2
    x, y, b = tensors[:pairs], tensors[pairs : 2 * pairs], tensors[2 * pairs]
    gammas = iter(tensors[2 * pairs + 1 :])
    gamma = [next(gammas) if slot == "g" else None for slot in slots]
    a = composite(pk, x, y, b, gamma, name, mode)
    return [a, *grad((a**2).sum(), tensors)]


def features(data, rows):
    """Returns positions, orientations and a signal."""
    directions = normalize(data.normal(rows, 3))
    return [data.normal(rows, 3), directions, data.normal(rows, 1)]


@pytest.mark.parametrize(
    ("name", "mode"),
    [(name, mode) for name in LEGACY for mode in ("sum", "lse")]
    + [(name, "sum") for name in WRITTEN_AS_FORMULAS],
)
def test_kernels_of_positions_orientations_and_signals(name, mode):
    data, M, N = Data(3, FLOAT32), 60, 80
    pairs = 3 if "(s,t)" in name else 2
    x, y = (features(data, rows)[:pairs] for rows in (M, N))
    gammas = [data.positive(1) for _ in range(COMPOSITES[name].count("g"))]
    program = partial(composite_and_gradients, name=name, mode=mode)
    b = data.normal(N, 4 if mode == "sum" else 1)
    assert_agrees(program, *x, *y, b, *gammas, products=2)


class TextKernel:
    """A kernel of fixed width, whose name comes from a file of settings."""

    def __init__(self, pk, name, width):
        gamma = 1.0 / torch.tensor([width**2])
        self.pk = pk
        self.name, self.gamma = name, gamma
        self.params = {"id": pk.Kernel(name)}

    def convolve(self, x, y, p):
        points = x[0] if isinstance(x, tuple) else x
        gamma = self.gamma.to(points.dtype)
        is_varifold = isinstance(x, tuple)
        self.params["gamma"] = (gamma, None) if is_varifold else gamma
        return self.pk.kernel_product(self.params, x, y, p, mode="sum")

    def force(self, x, p):
        x = tuple(t.detach().requires_grad_() for t in x)
        features = x if len(x) > 1 else x[0]
        energy = (p * self.convolve(features, features, p)).sum()
        return [gradient / 2 for gradient in grad(energy, x)]


def forces(pk, *tensors, name):
    *x, p = tensors
    kernel = TextKernel(pk, name, width=1.5)
    return kernel.force(x, p)


@pytest.mark.parametrize("D", [2, 3])
def test_force_of_a_kernel_named_by_text(D):
    data, N = Data(1, FLOAT32), 200
    x, p = data.normal(N, D), data.normal(N, D)
    if D == 2:
        program = partial(forces, name="gaussian(x,y)")
        assert_agrees(program, x, p, products=2)
    else:
        u = normalize(data.normal(N, D))
        program = partial(forces, name="gaussian(x,y) * linear(u,v)**2")
        assert_agrees(program, x, u, p[:, :1], products=2)
