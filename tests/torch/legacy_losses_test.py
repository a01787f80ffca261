# SPDX-License-Identifier: MIT
"""Losses between measures as users wrote them for KeOps up to 1.5.

Programs differ from theirs in the import line only. All numbers are compared
with those of dense formulas in float64.
"""
# ruff: noqa: N806 (M, N, D, E, U and V are the usual names)

from functools import partial

import numpy as np
import pytest
import torch
from torch.autograd import grad

import atoms
import oracle
from bounds import FORMATS
from gramless.torch import Kernel, kernel_product
from legacy import ROUNDINGS, assert_agrees, assert_results, dense_product
from oracle import Data

FLOAT32 = torch.float32
ITERATIONS = 30


def transport(params, pk, mu, x, nu, y):
    """Returns the cost and the mass of a plan, by Sinkhorn's algorithm."""
    epsilon = params["epsilon"]
    params["gamma"] = 1 / epsilon ** (2 / params["power"])
    mu, nu = mu.view(-1, 1), nu.view(-1, 1)
    mu_log, nu_log = mu.log(), nu.log()
    U, V = torch.zeros_like(mu), torch.zeros_like(nu)
    for _ in range(params["nits"]):
        V = -pk.kernel_product(params, y, x, mu_log + U, mode="lse")
        U = -pk.kernel_product(params, x, y, nu_log + V, mode="lse")
    potentials = (mu_log + U, nu_log + V)
    ones = torch.ones_like(V)
    mass = pk.kernel_product(params, x, y, ones, *potentials, mode="log_scaled")
    cost = (mu * U).sum() + (nu * V).sum() - mass.sum()
    return epsilon * cost, mass


def transport_and_gradients(pk, mu, x, nu, y, epsilon, power):
    names = {1: "laplacian", 2: "gaussian"}
    params = {
        "id": pk.Kernel(names[power] + "(x,y)"),
        "nits": ITERATIONS,
        "epsilon": epsilon,
        "power": power,
    }
    cost, mass = transport(params, pk, mu, x, nu, y)
    return [cost, mass, *grad(cost, [mu, x, nu, y, epsilon])]


@pytest.mark.parametrize("power", [1, 2])
def test_optimal_transport_in_the_log_domain(power):
    data, M, N = Data(1, FLOAT32), 150, 200
    mu, nu = data.positive(M), data.positive(N)
    x, y = data.positive(M, 2) / 2, data.positive(N, 2) ** 2 / 2
    program = partial(transport_and_gradients, power=power)
    epsilon = torch.tensor([0.05**power])
    arguments = (mu / mu.sum(), x, nu / nu.sum(), y, epsilon)
    # Forwards and backwards.
    products = 2 * (2 * ITERATIONS + 1)
    assert_agrees(program, *arguments, products=products)


def witness(pk, t, x, y, a, b, name, gamma):
    """The difference of two smoothed measures, and their distance."""
    params = {"id": pk.Kernel(name), "gamma": t.new_tensor([gamma])}

    def field(points):
        return pk.kernel_product(params, points, x, a) - pk.kernel_product(
            params, points, y, b
        )

    loss = ((a * field(x)).sum() - (b * field(y)).sum()) / 2
    return [field(t), loss, *grad(loss, [x, y, a, b])]


WITNESSES = {
    "gaussian(x,y)": 100.0,
    "laplacian(x,y)": 100.0,
    "-distance(x,y)": 1.0,
}


@pytest.mark.parametrize(("name", "gamma"), WITNESSES.items())
def test_witness_of_two_measures_on_the_line(name, gamma):
    """Places coincide: there, a root has the derivative 0."""
    t = torch.linspace(-0.5, 1.5, 501).view(-1, 1)
    x = torch.linspace(0, 1, 201).view(-1, 1)
    y = x + 0.25 * x * (1 - x)
    a = torch.exp(-10 * (x - 0.3) ** 2) + 0.05
    b = torch.exp(-20 * (y - 0.7) ** 2) + 0.05
    program = partial(witness, name=name, gamma=gamma)
    assert_agrees(program, t, x, y, a / a.sum(), b / b.sum(), products=2)


@pytest.mark.parametrize("backend", ["auto", "CPU", "pytorch"])
def test_benchmark_of_growing_clouds(backend):
    params = {"id": Kernel("gaussian(x,y)"), "gamma": torch.tensor([0.25])}
    data = Data(2, FLOAT32)
    for N in (10, 100, 1000, *([10_000] if backend != "pytorch" else [])):
        x, y, b = data.normal(N, 3), data.normal(N, 3), data.normal(N, 1)
        actual = kernel_product(params, x, y, b, backend=backend)
        rows = slice(0, None, max(1, N // 100))
        few = (x[rows].double(), y.double(), b.double())
        exact = {"id": "gaussian(x,y)", "gamma": 0.25}
        assert_results([actual[rows]], [dense_product(exact, *few)])


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a device")
@pytest.mark.parametrize("backend", ["GPU", "GPU_1D", "GPU_2D"])
def test_benchmark_without_a_device(backend):
    params = {"id": Kernel("gaussian(x,y)"), "gamma": torch.tensor([0.25])}
    x = torch.ones(10, 3)
    with pytest.raises(RuntimeError, match="CUDA"):
        kernel_product(params, x, x, x, backend=backend)


@pytest.mark.parametrize("mode", ["sum", "lse"])
@pytest.mark.parametrize("backend", ["auto", "pytorch"])
def test_atoms_are_close_to_those_of_numpy(backend, mode):
    """`allclose` allows more than a sum of positive terms may lose."""
    assert ROUNDINGS * FORMATS[FLOAT32].delta < 1e-5
    N, M, D, E, sigma = 2000, 300, 3, 3, 2.4
    generator = np.random.default_rng(3)
    x, y = generator.random((M, D)), generator.random((N, D))
    b = generator.random((N, E))
    xc, yc, bc = (torch.tensor(t, dtype=FLOAT32) for t in (x, y, b))
    sigma_c = torch.tensor([sigma])
    params = {"gamma": 1.0 / sigma_c**2, "mode": mode, "backend": backend}
    q = oracle.quadratic_form(x, y, 1 / sigma**2)
    for atom in ("gaussian", "laplacian", "cauchy", "inverse_multiquadric"):
        params["id"] = Kernel(f"{atom}(x,y)")
        k = atoms.value(atoms.NUMPY, atom, q)
        expected = k @ b if mode == "sum" else np.log(k @ np.exp(b))
        actual = kernel_product(params, xc, yc, bc).numpy()
        assert np.allclose(actual, expected)
