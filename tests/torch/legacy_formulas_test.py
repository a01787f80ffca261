# SPDX-License-Identifier: MIT
"""Programs with formulas of their own, as users of the old helper had."""

import pytest
import torch

from gramless.torch import Formula, Kernel, kernel_formulas, kernel_product
from oracle import Data, assert_near

BACKENDS = ("auto", "reference", "pytorch")


@pytest.fixture
def my_formula():
    kernel_formulas["my_formula"] = Formula(
        formula_sum="Exp( ({X}|{Y}) - WeightedSqDist({G},{X},{Y}))",
        formula_log="({X}|{Y}) - WeightedSqDist({G},{X},{Y})",
        routine_sum=lambda gxmy2, xsy, **_: torch.exp(xsy - gxmy2),
        routine_log=lambda gxmy2, xsy, **_: xsy - gxmy2,
    )
    yield
    del kernel_formulas["my_formula"]


def test_formula_and_routines_of_a_user_in_the_log_domain(my_formula):
    data = Data(1)
    x, y, b = data.normal(100, 3), data.normal(700, 3), data.normal(700, 1)
    sigma = torch.tensor([-1.5], dtype=torch.float64)
    weights = data.normal(100, 1)

    def loss(x, sigma, backend):
        params = {"id": Kernel("my_formula(x,y)"), "gamma": 1 / sigma**2}
        a = kernel_product(params, x, y, b, mode="lse", backend=backend)
        return (a * weights).sum()

    def plain(x, sigma, _):
        d = x[:, None] - y[None]
        logits = x @ y.T - (d * d).sum(2) / sigma**2 + b.T
        return (logits.logsumexp(1, keepdim=True) * weights).sum()

    def gradients(function, backend):
        leaves = [t.clone().requires_grad_() for t in (x, sigma)]
        first = torch.autograd.grad(
            function(*leaves, backend), leaves, create_graph=True
        )
        second = torch.autograd.grad(first[0].square().sum(), leaves)
        return [*first, *second]

    expected = gradients(plain, None)
    for backend in BACKENDS:
        actual = gradients(loss, backend)
        for one, one_expected in zip(actual, expected, strict=True):
            assert_near(one.detach(), one_expected.detach(), 1e-10)


def test_cost_of_positions_and_normals_in_sinkhorns_loop():
    """The cost is G |x-y|² (1 + H (1 - <u,v>²))."""
    data = Data(2)
    x, y = data.normal(60, 2), data.normal(80, 2)
    u, v = data.normal(60, 2), data.normal(80, 2)
    u, v = u / u.norm(dim=1, keepdim=True), v / v.norm(dim=1, keepdim=True)
    gamma = (torch.tensor([2.0]).double(), torch.tensor([0.5]).double())

    def routine(x, y, g, gxmy2, xsy):
        assert len(g) == len(x) == len(y) == 2
        return -gxmy2[0] * (1 + g[1] * (1 - xsy[1] ** 2))

    kernel = Kernel(
        formula_log="-WeightedSqDist(G_0,X_0,Y_0)"
        "*(IntCst(1)+G_1*(IntCst(1)-Square((X_1|Y_1))))",
        routine_log=routine,
    )

    def potentials(soft_minimum):
        f = torch.zeros(60, 1).double()
        for _ in range(10):
            g = -soft_minimum((y, v), (x, u), f)
            f = -soft_minimum((x, u), (y, v), g)
        return f

    def engine(backend):
        params = {"id": kernel, "gamma": gamma, "mode": "lse"}
        params["backend"] = backend
        return lambda a, b, h: kernel_product(params, a, b, h)

    def plain(a, b, h):
        d = a[0][:, None] - b[0][None]
        s = a[1] @ b[1].T
        cost = 2.0 * (d * d).sum(2) * (1 + 0.5 * (1 - s**2))
        return (h.T - cost).logsumexp(1, keepdim=True)

    expected = potentials(plain)
    for backend in BACKENDS:
        assert_near(potentials(engine(backend)), expected, 1e-11)
