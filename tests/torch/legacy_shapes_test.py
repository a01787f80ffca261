# SPDX-License-Identifier: MIT
"""Shape analysis as users wrote it for KeOps up to 1.5: flows and varifolds.

Programs differ from theirs in the import line only. All numbers are compared
with those of dense formulas in float64.
"""
# ruff: noqa: N802, N803, N806 (M, N, D, K and H are the usual names)

from functools import partial

import pytest
import torch
from torch.autograd import grad
from torch.nn.functional import normalize

import gramless.torch
from legacy import DENSE, assert_agrees, assert_results, leaves
from oracle import Data

FLOAT32 = torch.float32
STEPS = 10


def sphere(subdivisions):
    """Returns vertices and faces of an octahedron, cut and blown up."""
    vertices = torch.cat([torch.eye(3), -torch.eye(3)])
    faces = [(0, 1, 2), (1, 3, 2), (3, 4, 2), (4, 0, 2)]
    faces = torch.tensor(faces + [(b, a, 5) for a, b, _ in faces])
    for _ in range(subdivisions):
        edges = torch.cat([faces[:, [k, (k + 1) % 3]] for k in range(3)])
        edges, place = edges.sort(1)[0].unique(dim=0, return_inverse=True)
        middles = len(vertices) + place.view(3, -1)
        middles_of_faces = torch.stack([*middles], 1)
        vertices = torch.cat([vertices, normalize(vertices[edges].sum(1))])
        corners = [
            torch.stack([faces[:, k], middles[k], middles[k - 1]], 1)
            for k in range(3)
        ]
        faces = torch.cat([middles_of_faces, *corners])
    return vertices, faces


def surfaces(subdivisions):
    """Returns vertices of two surfaces, and the faces of both."""
    vertices, faces = sphere(subdivisions)
    bumps = 1 + 0.2 * torch.sin(3 * vertices[:, :1])
    target = torch.tensor([1.4, 0.7, 1.1]) * bumps * vertices
    return vertices, target + torch.tensor([0.3, -0.2, 0.1]), faces


def test_sphere_is_closed_and_turned_outwards():
    vertices, faces = sphere(2)
    assert (vertices.shape, faces.shape) == ((66, 3), (128, 3))
    centers, areas, normals = surface_elements(faces, vertices)
    assert ((centers * normals).sum(1) > 0.9).all()
    assert (areas * normals).sum(0).abs().max() < 1e-5


def gaussian_kernel(pk, sigma):
    def K(x, y, b):
        params = {
            "id": pk.Kernel("gaussian(x,y)"),
            "gamma": 1 / (sigma * sigma),
            "backend": "auto",
        }
        return pk.kernel_product(params, x, y, b)

    return K


def hamiltonian_system(K):
    def H(p, q):
        return (p * K(q, q, p)).sum() / 2

    def velocities(p, q):
        along_p, along_q = grad(H(p, q), (p, q), create_graph=True)
        return -along_q, along_p

    return velocities


def ralston(system, state, steps):
    """Integrates a system from time 0 to 1."""
    h = 1 / steps
    for _ in range(steps):
        first = system(*state)
        middle = [s + 2 * h / 3 * v for s, v in zip(state, first, strict=True)]
        second = system(*middle)
        slopes = [(v + 3 * w) / 4 for v, w in zip(first, second, strict=True)]
        state = [s + h * v for s, v in zip(state, slopes, strict=True)]
    return state


def shoot(pk, p, q, sigma):
    return ralston(
        hamiltonian_system(gaussian_kernel(pk, sigma)), (p, q), STEPS
    )


def hamiltonian(pk, q, p, direction, sigma):
    params = {"id": pk.Kernel("gaussian(x,y)"), "gamma": 1 / sigma**2}
    value = (p * pk.kernel_product(params, q, q, p)).sum() / 2
    first = grad(value, (p, q, sigma), create_graph=True)
    along = sum((g * direction).sum() for g in first[:2])
    return [value, *first, *grad(along, (p, q, sigma))]


def test_hamiltonian_of_landmarks_and_its_second_derivative():
    data = Data(1, FLOAT32)
    tensors = [data.normal(300, 2) for _ in range(3)]
    assert_agrees(hamiltonian, *tensors, torch.tensor([0.75]), products=3)


def distance_after_shooting(pk, q, p, target, sigma):
    end = shoot(pk, p, q, sigma)
    distance = ((end[1] - target) ** 2).sum()
    return [*end, *grad(distance, (p, q, sigma))]


def test_shooting_of_landmarks_and_its_derivative():
    q, target, _ = surfaces(2)
    p = (target - q) / 8
    sigma = torch.tensor([0.75])
    # Two products in each step, forwards and backwards.
    products = 4 * STEPS
    assert_agrees(
        distance_after_shooting, q, p, target, sigma, products=products
    )


def surface_elements(faces, vertices):
    """Returns centres, areas and unit normals of triangles."""
    a, b, c = (vertices.index_select(0, faces[:, k]) for k in range(3))
    normals = torch.linalg.cross(b - a, c - a) / 2
    areas = (normals**2).sum(1)[:, None].sqrt()
    return (a + b + c) / 3, areas, normals / areas


def varifold_kernel(pk, sigma):
    def K(x, y, u, v, b):
        params = {
            "id": pk.Kernel("gaussian(x,y) * linear(u,v)**2"),
            "gamma": (1 / (sigma * sigma), None),
            "backend": "auto",
        }
        return pk.kernel_product(params, (x, u), (y, v), b)

    return K


def varifold_distance(K, faces, target):
    """Returns a function of vertices: how far they are from the target."""
    y, areas_of_y, v = surface_elements(faces, target)
    constant = (areas_of_y * K(y, y, v, v, areas_of_y)).sum()

    def distance(vertices):
        x, areas, u = surface_elements(faces, vertices)
        inner = (areas * K(x, x, u, u, areas)).sum()
        return constant + inner - 2 * (areas * K(x, y, u, v, areas_of_y)).sum()

    return distance


def data_term(pk, vertices, target, faces, sigma):
    K = varifold_kernel(pk, sigma)
    distance = varifold_distance(K, faces, target)(vertices)
    distance.backward()
    return [distance, vertices.grad]


@pytest.mark.parametrize("subdivisions", [2, 3])
def test_varifold_distance_of_surfaces_and_gradient_to_vertices(subdivisions):
    source, target, faces = surfaces(subdivisions)
    sigma = torch.tensor([0.5])
    assert_agrees(data_term, source, target, faces, sigma, products=2)


def registration_loss(pk, p, q, target, faces, sigma):
    distance = varifold_distance(varifold_kernel(pk, sigma), faces, target)
    return distance(shoot(pk, p, q, sigma)[1])


def test_registration_of_surfaces():
    """Each gradient on the optimizer's way is right, and it gets ahead."""
    q, target, faces = surfaces(2)
    sigma = torch.tensor([0.75])
    p = torch.zeros_like(q).requires_grad_()
    optimizer = torch.optim.LBFGS(
        [p], max_iter=4, max_eval=6, line_search_fn="strong_wolfe"
    )
    losses = []

    def closure():
        optimizer.zero_grad()
        q_leaf = q.clone().requires_grad_()
        loss = registration_loss(
            gramless.torch, p, q_leaf, target, faces, sigma
        )
        loss.backward()
        exact = leaves([p, q, target, faces, sigma], torch.float64)
        exact_loss = registration_loss(DENSE, *exact)
        exact_loss.backward()
        products = 4 * STEPS + 2
        assert_results([p.grad], [exact[0].grad], products)
        losses.append(loss.item())
        return loss

    optimizer.step(closure)
    assert losses[-1] < losses[0] / 2


CURRENT = "gaussian(x,y) * linear(u,v)"


def current(pk, x, y, u, v, *sigmas, is_one_name):
    """Currents are oriented: their kernel takes either sign."""
    b = torch.ones_like(y[:, :1])
    gammas = [1 / sigma**2 for sigma in sigmas]
    if is_one_name:
        params = {
            "id": pk.Kernel(" + ".join([CURRENT] * len(sigmas))),
            "gamma": [slot for gamma in gammas for slot in (gamma, None)],
        }
        total = pk.kernel_product(params, [x, u], [y, v], b)
    else:
        total = 0
        for gamma in gammas:
            params = {"id": pk.Kernel(CURRENT), "gamma": (gamma, None)}
            total = total + pk.kernel_product(params, (x, u), (y, v), b)
    return [total, *grad((total**2).sum(), [x, y, u, v, *sigmas])]


@pytest.mark.parametrize("is_one_name", [False, True])
def test_currents_at_several_scales(is_one_name):
    """A loop over widths, or one name with a slot for each."""
    source, target, faces = surfaces(3)
    (x, a, u), (y, b, v) = (
        surface_elements(faces, vertices) for vertices in (source, target)
    )
    program = partial(current, is_one_name=is_one_name)
    sigmas = torch.tensor([0.25]), torch.tensor([1.5])
    assert_agrees(program, x, y, 64 * a * u, 64 * b * v, *sigmas, products=2)
