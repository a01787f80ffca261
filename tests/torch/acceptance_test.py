# SPDX-License-Identifier: MIT
"""Programs that users wrote for KeOps up to 1.5, with another import line.

These are the first steps, metrics, mixtures and Gaussian processes; losses
and shapes have files of their own. All numbers are compared with those of
dense formulas in float64.
"""
# ruff: noqa: N803, N806 (M, N, D and A are the usual names)

from functools import partial

import pytest
import torch
from torch.autograd import grad

import gramless.torch as pk
from gramless.torch import Formula, Kernel, kernel_formulas, kernel_product
from legacy import DENSE, assert_agrees, assert_results, leaves
from oracle import Data

FLOAT32 = torch.float32


def test_names_that_programs_import():
    assert {"gaussian", "laplacian", "linear"} <= {*kernel_formulas.keys()}
    assert all(isinstance(f, Formula) for f in kernel_formulas.values())
    assert (pk.Kernel, pk.kernel_product) == (Kernel, kernel_product)


def convolution(pk, x, y, b, sigma):
    params = {"id": pk.Kernel("gaussian(x,y)"), "gamma": 0.5 / sigma**2}
    a = pk.kernel_product(params, x, y, b)
    return [a, *grad((a**2).sum(), [x, y, b, sigma])]


def test_convolution_and_gradients_to_points_signal_and_width():
    data, M, N = Data(1, FLOAT32), 1000, 2000
    tensors = [data.normal(M, 3), data.normal(N, 3), data.normal(N, 2)]
    assert_agrees(convolution, *tensors, torch.tensor([0.5]), products=2)
    assert_agrees(convolution, *tensors, torch.tensor([2.5]), products=2)


def norm_of_gradient(pk, x, y, a, b, sigma, backend):
    params = {"id": pk.Kernel("gaussian(x,y)"), "gamma": 0.5 / sigma**2}
    product = pk.kernel_product(params, x, y, b, backend=backend)
    loss = torch.dot(a.view(-1), product.view(-1))
    along_x, along_sigma = grad(loss, [x, sigma], create_graph=True)
    (second,) = grad((along_x**2).sum(), [x], create_graph=True)
    return [loss, along_x, along_sigma, second]


@pytest.mark.parametrize("backend", ["auto", "pytorch"])
def test_gradient_of_the_norm_of_a_gradient(backend):
    data, M, N = Data(2, FLOAT32), 100, 700
    points = [data.normal(M, 3), data.normal(N, 3)]
    signals = [data.normal(M, 1), data.normal(N, 1)]
    program = partial(norm_of_gradient, backend=backend)
    width = torch.tensor([-1.5])  # Only its square counts.
    assert_agrees(program, *points, *signals, width, products=3)


# Widths, for all sources or for each, of Gaussians on the unit square.
WIDTHS = {
    "one": [0.1],
    "one for each source": [[0.15], [0.07], [0.3]],
    "axes": [0.2, 0.1],
    "axes for each source": [[0.2, 0.1], [0.05, 0.15], [0.2, 0.2]],
}
METRICS = {
    "matrix": [25.0, 16.0, 16.0, 100.0],
    "matrix for each source": [
        [25.0, 16.0, 16.0, 100.0],
        [100.0, 0.0, 0.0, 64.0],
        [11.0, -16.0, -16.0, 64.0],
    ],
}


def heat_map(pk, x, y, b, gamma):
    params = {"id": pk.Kernel("gaussian(x,y)")}
    params["gamma"] = gamma
    return [pk.kernel_product(params, x, y, b).view(100, 100)]


def heat_map_of_widths(pk, x, y, b, sigma):
    return heat_map(pk, x, y, b, 1.0 / sigma**2)


@pytest.mark.parametrize("kind", [*WIDTHS, *METRICS])
def test_heat_map_with_an_anisotropic_metric(kind):
    ticks = (torch.arange(100.0) + 0.5) / 100
    x = torch.cartesian_prod(ticks, ticks)
    y = torch.tensor([[0.2, 0.7], [0.5, 0.3], [0.7, 0.5]])
    b = torch.tensor([1.0, 1.0, 0.5]).view(-1, 1)
    if kind in WIDTHS:
        assert_agrees(heat_map_of_widths, x, y, b, torch.tensor(WIDTHS[kind]))
    else:
        assert_agrees(heat_map, x, y, b, torch.tensor(METRICS[kind]))


class Mixture(torch.nn.Module):
    """Gaussians with centres mu, precisions A Aᵀ and scores w."""

    def __init__(self, pk, mu, A, w, **options):
        super().__init__()
        self.pk = pk
        self.mu, self.A, self.w = map(torch.nn.Parameter, (mu, A, w))
        self.params = {"id": pk.Kernel("gaussian(x,y)"), **options}

    def log_weights(self):
        M, D, _ = self.A.shape
        metric = self.A @ self.A.transpose(1, 2)
        self.params["gamma"] = metric.reshape(M, D * D) / 2
        log_root = metric.det().log().view(-1, 1) / 2
        return torch.log_softmax(self.w, 0) + log_root

    def likelihoods(self, sample):
        b = self.log_weights().exp()
        return self.pk.kernel_product(
            self.params, sample, self.mu, b, mode="sum"
        )

    def log_likelihoods(self, sample):
        b = self.log_weights()
        return self.pk.kernel_product(
            self.params, sample, self.mu, b, mode="lse"
        )

    def cost(self, sample):
        sparsity = torch.softmax(self.w, 0).sqrt().mean()
        return 20 * sparsity - self.log_likelihoods(sample).mean()


def mixture_arguments(components, D):
    data = Data(3, FLOAT32)
    roots = 8 * torch.eye(D) + data.normal(components, D, D)
    return data.positive(components, D), roots, data.normal(components, 1)


def density(pk, sample, mu, A, w, **options):
    mixture = Mixture(pk, mu, A, w, **options)
    results = [mixture.likelihoods(sample), mixture.log_likelihoods(sample)]
    return results + list(
        grad(mixture.cost(sample), [sample, *mixture.parameters()])
    )


def test_mixture_of_gaussians_with_a_metric_for_each():
    sample = Data(4, FLOAT32).positive(10_000, 2)
    assert_agrees(density, sample, *mixture_arguments(30, 2), products=2)


@pytest.mark.parametrize("D", [1, 2])
def test_mixture_on_the_backend_of_torch(D):
    """The option stands in the dict, next to ones that nothing reads."""
    program = partial(density, backend="pytorch", nits=30, normalize=True)
    sample = Data(5, FLOAT32).positive(5000, D)
    assert_agrees(program, sample, *mixture_arguments(9, D), products=2)


def test_fit_of_a_mixture_by_descent():
    data = Data(6, FLOAT32)
    turns = 6.3 * data.positive(1000, 1)
    ring = torch.cat([turns.cos(), turns.sin()], 1) / 3 + 0.5
    sample = ring + 0.02 * data.normal(1000, 2)
    start = data.positive(30, 2), 15 * torch.eye(2).repeat(30, 1, 1)
    mixture = Mixture(pk, *start, torch.ones(30, 1))
    optimizer = torch.optim.Adam(mixture.parameters(), lr=0.1)
    costs = []
    for _ in range(60):
        optimizer.zero_grad()
        cost = mixture.cost(sample)
        cost.backward()
        optimizer.step()
        costs.append(cost.item())
    assert costs[-1] < costs[0] - 0.5
    fitted = [parameter.detach() for parameter in mixture.parameters()]
    assert_agrees(density, sample, *fitted, products=2)


def rescaled_features(pk, x, y, u, v):
    sigma = torch.ones(1, dtype=x.dtype)
    params = {
        "id": pk.Kernel("gaussian(x,y) * gaussian(u,v)"),
        "gamma": (0.5 / sigma**2, 0.5 / sigma**2),
    }
    features = pk.kernel_product(params, (x, u), (y, v), v)
    total = features[:, 3:].clone() + 1e-9
    features[:, :3] = features[:, :3].clone() / total
    loss = torch.dot(features.view(-1), torch.ones_like(features).view(-1))
    loss.backward()
    return [features.detach(), x.grad, y.grad]


def feature_arguments(M, N):
    data = Data(7, FLOAT32)
    return [data.positive(rows, D) for D in (5, 4) for rows in (M, N)]


def test_result_is_changed_in_place_before_backward():
    assert_agrees(rescaled_features, *feature_arguments(400, 600), products=2)


@pytest.mark.default_only("takes long, and its sizes alone are new")
def test_large_result_is_changed_in_place_before_backward():
    x, y, u, v = feature_arguments(10_000, 20_000)
    actual = rescaled_features(pk, *leaves([x, y, u, v], FLOAT32))
    rows = slice(0, None, 500)
    few = leaves([x[rows], y, u[rows], v], torch.float64)
    expected = rescaled_features(DENSE, *few)
    assert_results([a[rows] for a in actual[:2]], expected[:2], products=2)


def test_points_of_different_dimensions():
    params = {"id": Kernel("gaussian(x,y)"), "gamma": torch.ones(50, 4)}
    x, y, b = torch.ones(100, 100), torch.ones(50, 2), torch.ones(50, 1)
    with pytest.raises(ValueError, match="columns") as caught:
        kernel_product(params, x, y, b)
    assert str(caught.value) == (
        "kernel_product(): expected x[0] and y[0] to have the same number of "
        "columns, got x[0] (100, 100) and y[0] (50, 2)."
    )


class Covariance:
    """A kernel matrix of points with themselves, to multiply with `@`."""

    def __init__(self, pk, name, x, lengths, **options):
        self.pk, self.x, self.options = pk, x, options
        gamma = 0.5 / lengths**2
        self.params = {"id": pk.Kernel(name), "gamma": gamma}

    def __matmul__(self, b):
        return self.pk.kernel_product(
            self.params, self.x, self.x, b, mode="sum", **self.options
        )


def evidence(pk, x, lengths, b, name, backend):
    product = Covariance(pk, name, x, lengths, backend=backend) @ b
    return [product, *grad((b * product).sum(), [lengths, x, b])]


@pytest.mark.parametrize("backend", ["auto", "pytorch"])
@pytest.mark.parametrize("atom", ["gaussian", "laplacian"])
def test_covariance_with_a_length_for_each_dimension(atom, backend):
    data, N, D = Data(8, FLOAT32), 200, 10
    program = partial(evidence, name=f"{atom}(x,y)", backend=backend)
    arguments = data.normal(N, D), 2 * data.positive(D), data.normal(N, 100)
    assert_agrees(program, *arguments, products=2)
