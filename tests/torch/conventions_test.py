# SPDX-License-Identifier: MIT
"""Compares each row of docs/conventions.md with the library that it is about.

The value of a row, in NumPy and float64, is the measure: the kernel here has
it, and so has the one there, where its library is installed. The page links to
the definitions.
"""
# ruff: noqa: N803, N806 (M, N and D are the sizes' own names)

import math
import re
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import pytest
import torch

from gramless.torch import Kernel, kernel_product

PAGE = Path(__file__).parents[2] / "docs" / "conventions.md"
TEXT = PAGE.read_text("utf-8")


class Row(NamedTuple):
    library: str
    there: str
    remark: str
    value: str
    here: str
    gamma: str


def read_rows():
    for library, table in re.findall(
        r"<!-- table: (\S+) -->(.*?)<!-- end of table -->", TEXT, re.DOTALL
    ):
        for line in table.strip().splitlines()[2:]:
            there, *cells = line.strip("| ").split(" | ")
            there, remark = re.fullmatch(r"`(.*)`(.*)", there).groups()
            yield Row(library, there, remark, *(c.strip("`") for c in cells))


ROWS = list(read_rows())
NUMBERS = {
    **{"gamma": 0.7, "coef0": 0.6, "alpha": 1.3, "sigma": 0.8, "sigma_0": 0.9},
    **{"length_scale": 0.6, "periodicity": 1.7, "constant_value": 2.3},
    **{"lengthscale": 0.6, "period_length": 1.7, "variance": 1.1},
    **{"offset": 0.4, "outputscale": 2.3},
}
# These may be vectors, one number for each component (ARD), in the kernels
# that are named below.
VECTORS = {"length_scale", "lengthscale", "variance", "period_length"}
WITH_VECTORS = {
    "sklearn.metrics.pairwise": None,
    "sklearn.gaussian_process.kernels": r"RBF|Matern",
    "gpytorch.kernels": r"RBF|Matern|RQ|Linear|Periodic.*ard_num_dims",
    "geomstats.varifold": None,
}
SIZES = [(1, 1, 1), (5, 7, 3), (130, 61, 1), (40, 300, 3)]


def calls():
    """Yields a row, M, N, D and whether vectors are vectors."""
    for row in ROWS:
        pattern = WITH_VECTORS[row.library]
        is_with_vectors = pattern and re.search(pattern, row.there)
        forms = [False, True] if is_with_vectors else [False]
        for M, N, D in SIZES:
            if "D = 1" in row.remark and D > 1:
                continue
            for ard in forms:
                name = f"{row.there}{row.remark}-{M}-{N}-{D}-{ard}"
                yield pytest.param(row, (M, N, D), ard, id=name)


CALLS = list(calls())


def parameters_of(D, ard):
    def value_of(name, number):
        is_vector = ard and name in VECTORS
        return number * np.linspace(1, 1.5, D) if is_vector else number

    return {name: value_of(name, NUMBERS[name]) for name in NUMBERS}


def points_of(row, M, N, D):
    """Returns x (M, D), y (N, D), and weights c (M, 1) and b (N, 1)."""
    random = np.random.default_rng(M + 10 * N + 1000 * D)
    shapes = (M, D), (N, D), (M, 1), (N, 1)
    x, y, c, b = (random.normal(size=shape) for shape in shapes)
    if "chi2" in row.there:
        x, y = abs(x), abs(y)
        x[:, 0] = y[::2, 0] = 0
    if "Restricted" in row.there:
        x, y = (z / np.linalg.norm(z, axis=1, keepdims=True) for z in (x, y))
    return x, y, c, b


def value_of(row, x, y, parameters):
    """Returns the value of a row for all pairs, by NumPy."""
    x, y = x[:, None], y[None]
    norm = partial(np.linalg.norm, axis=2)
    # 0/0 counts as 0 in these alone.
    total = np.nansum if "chi2" in row.there else np.sum
    functions = ("exp", "sqrt", "abs", "sin", "cos", "tanh", "pi")
    names = {name: getattr(np, name) for name in functions}
    names |= {"x": x, "y": y, "norm": norm, "sum": partial(total, axis=2)}
    is_scikit = row.library.startswith("sklearn")
    length = parameters["length_scale" if is_scikit else "lengthscale"]
    with np.errstate(invalid="ignore"):
        return eval(
            row.value, names | parameters | {"r": norm((x - y) / length)}
        )


def kernel_of(text):
    is_formula = "X_0" in text
    return Kernel(formula_sum=text) if is_formula else Kernel(text)


def product_here(row, x, y, b, parameters):
    """Returns what the kernel and the gamma of a row give."""
    gamma = eval(row.gamma, {"pi": math.pi, **parameters})
    params = {"id": kernel_of(row.here), "gamma": gamma}
    return kernel_product(params, *map(torch.as_tensor, (x, y, b)))


@pytest.mark.parametrize(("row", "size", "ard"), CALLS)
def test_kernel_here_has_the_value(row, size, ard):
    x, y, _, b = points_of(row, *size)
    parameters = parameters_of(size[2], ard)
    tensors = {
        name: torch.as_tensor(value) if np.ndim(value) else value
        for name, value in parameters.items()
    }
    a = product_here(row, x, y, b, tensors)
    k = value_of(row, x, y, parameters)
    error = np.abs(a.numpy() - k @ b)
    # Some tens of roundings in each pair.
    assert np.all(error <= 1e-14 * (np.abs(k) @ np.abs(b)))


@pytest.mark.parametrize(
    ("row", "size", "ard"),
    [
        call
        for call in CALLS
        if call.values[1][0] == 5 and call.values[0].gamma != "None"
    ],
)
def test_parameters_have_gradients(row, size, ard):
    x, y, _, b = points_of(row, *size)
    parameters = parameters_of(size[2], ard)
    names = sorted(set(re.findall(r"[a-z]\w*", row.gamma)) & set(parameters))
    assert names
    tensors = [
        torch.tensor(parameters[name], dtype=torch.float64, requires_grad=True)
        for name in names
    ]

    def product(*values):
        return product_here(row, x, y, b, dict(zip(names, values, strict=True)))

    assert torch.autograd.gradcheck(product, tensors)


def library_of(name):
    return pytest.importorskip(name, exc_type=ImportError)


def of_scikit(row, x, y, parameters):
    module = library_of(row.library)
    names = {**vars(module), **parameters, "inf": math.inf, "x": x, "y": y}
    made = eval(row.there, names)
    return made if isinstance(made, np.ndarray) else made(x, y)


def of_gpytorch(row, x, y, parameters):
    kernels = library_of(row.library)
    D = x.shape[1]
    names = {"D": D, **vars(kernels)}
    if np.ndim(parameters["lengthscale"]):
        for name in ("RBF", "Matern", "RQ", "Linear"):
            name = f"{name}Kernel"
            names[name] = partial(names[name], ard_num_dims=D)
    kernel = eval(row.there, names).double()
    for part in kernel.modules():
        for name, value in parameters.items():
            if getattr(part, name, None) is not None:
                setattr(part, name, torch.as_tensor(value, dtype=torch.float64))
    matrix = kernel(torch.as_tensor(x), torch.as_tensor(y)).to_dense()
    return matrix.detach().numpy()


@pytest.mark.default_only("the engine does not run")
@pytest.mark.parametrize(
    ("row", "size", "ard"),
    [call for call in CALLS if call.values[0].library != "geomstats.varifold"],
)
def test_kernel_there_has_the_value(row, size, ard):
    x, y, _, _ = points_of(row, *size)
    parameters = parameters_of(size[2], ard)
    matrix_of = of_gpytorch if "gpytorch" in row.library else of_scikit
    k = matrix_of(row, x, y, parameters)
    # Both expand squares of distances, which loses some digits.
    np.testing.assert_allclose(
        k, value_of(row, x, y, parameters), rtol=1e-11, atol=1e-13
    )


@pytest.mark.default_only("the engine does not run")
@pytest.mark.parametrize(
    ("row", "size", "ard"),
    [call for call in CALLS if call.values[0].library == "geomstats.varifold"],
)
def test_kernel_of_varifolds_there_has_the_value(row, size, ard):
    varifold = library_of(row.library)
    x, y, c, b = points_of(row, *size)
    parameters = parameters_of(size[2], ard)
    classes = {
        name: partial(getattr(varifold, name), dim=size[2])
        for name in re.findall(r"\w+Kernel", row.there)
    }
    kernel = varifold.SurfacesKernel(eval(row.there, classes | parameters))
    k = value_of(row, x, y, parameters)
    surfaces = (
        SimpleNamespace(face_centroids=points, face_areas=areas)
        for points, areas in ((x, c), (y, b))
    )
    error = abs(kernel(*surfaces) - (c.T @ k @ b).item())
    assert error <= 1e-12 * np.abs(c).T @ np.abs(k) @ np.abs(b)


@pytest.mark.default_only("the engine does not run")
def test_there_are_rows_of_each_library():
    counts = [
        sum(row.library == library for row in ROWS) for library in WITH_VECTORS
    ]
    assert counts == [8, 11, 11, 6]


def test_noise_adds_a_multiple_of_b():
    kernels = library_of("sklearn.gaussian_process.kernels")
    x, y, _, b = map(torch.as_tensor, points_of(ROWS[0], 6, 9, 3))
    b, c = b[:6], b
    params = {"id": Kernel("gaussian(x,y)"), "gamma": 0.5 / 0.6**2}
    there = kernels.RBF(0.6) + kernels.WhiteKernel(0.3)
    a = kernel_product(params, x, x, b) + 0.3 * b
    np.testing.assert_allclose(a, there(x.numpy()) @ b.numpy(), rtol=1e-12)
    a = kernel_product(params, x, y, c)
    np.testing.assert_allclose(
        a, there(x.numpy(), y.numpy()) @ c.numpy(), rtol=1e-12
    )


def code_of_page():
    (block,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    names = {}
    exec(compile(block, PAGE.name, "exec"), names)
    return SimpleNamespace(**names)


def meshes():
    """Returns vertices and triangles of two random meshes."""
    random = np.random.default_rng(0)
    for vertices, triangles in ((12, 20), (9, 15)):
        order = [random.permutation(vertices)[:3] for _ in range(triangles)]
        yield random.normal(size=(vertices, 3)), np.stack(order)


def faces_in_numpy(vertices, triangles):
    """Returns centres, normals and areas, the last by Heron's formula."""
    corners = vertices[triangles]
    sides = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2)
    half = sides.sum(1, keepdims=True) / 2
    squares = half * np.prod(half - sides, axis=1, keepdims=True)
    # The right singular vector of the value 0 is orthogonal to all sides.
    flat = corners - corners.mean(axis=1, keepdims=True)
    normals = np.linalg.svd(flat)[2][:, 2]
    return corners.mean(axis=1), normals, np.sqrt(squares)


def test_mesh_has_centres_normals_and_areas():
    page = code_of_page()
    for vertices, triangles in meshes():
        got = page.faces_of(*map(torch.as_tensor, (vertices, triangles)))
        centres, normals, areas = faces_in_numpy(vertices, triangles)
        np.testing.assert_allclose(got[0], centres, atol=1e-14)
        np.testing.assert_allclose(got[2], areas, rtol=1e-12)
        cosines = (got[1].numpy() * normals).sum(1)
        np.testing.assert_allclose(abs(cosines), 1, rtol=1e-12)
    # The normal of a triangle that is seen anticlockwise points at the viewer.
    flat = torch.tensor([[0.0, 0, 0], [1, 0, 0], [0, 1, 0]])
    up = page.faces_of(flat, torch.tensor([[0, 1, 2]]))[1]
    assert up.tolist() == [[0, 0, 1]]


def test_distance_of_meshes():
    page = code_of_page()
    (one, other), sigma = meshes(), 1.0
    faces = [faces_in_numpy(*mesh) for mesh in (one, other)]

    def product(mesh, other):
        (x, u, a), (y, v, b) = mesh, other
        squares = ((x[:, None] - y[None]) ** 2).sum(2)
        return (a * b.T * np.exp(-squares / sigma**2) * (u @ v.T) ** 2).sum()

    want = sum(
        sign * product(faces[i], faces[j])
        for sign, i, j in ((1, 0, 0), (-2, 0, 1), (1, 1, 1))
    )
    got = page.squared_distance(
        *(page.faces_of(*map(torch.as_tensor, mesh)) for mesh in (one, other)),
        sigma,
    )
    assert got.item() == pytest.approx(want, 1e-12)
    varifold = library_of("geomstats.varifold")
    surfaces = [varifold.Surface(*mesh) for mesh in (one, other)]
    there = varifold.VarifoldMetric().squared_dist(*surfaces)
    assert got.item() == pytest.approx(there, 1e-12)


def names_there():
    """Returns what a row calls there first, and how users shorten it."""
    names = {re.match(r"\w+", row.there).group() for row in ROWS}
    return sorted(names | {name.removesuffix("_kernel") for name in names})


def meant_by(name):
    """Returns the kernels that the message about a wrong name proposes."""
    with pytest.raises(ValueError, match="expected the name of an atom") as got:
        Kernel(f"{name}(x,y)")
    question = re.search(r" Did you mean (.*)\?\n", str(got.value))
    assert question, got.value
    return re.findall(r"'(.*?)'", question.group(1))


IS_HERE = {"linear", "laplacian"}


@pytest.mark.default_only("the engine does not run")
@pytest.mark.parametrize("name", [n for n in names_there() if n not in IS_HERE])
def test_name_there_is_answered_by_kernels_of_the_page(name):
    known = " ".join(row.here for row in ROWS)
    for text in meant_by(name):
        if text.startswith("Kernel("):
            kernel = eval(text, {"Kernel": Kernel})
            assert any(kernel == kernel_of(row.here) for row in ROWS)
        elif re.fullmatch(r"\w+", text):
            assert f"{text}(x,y)" in known
        else:
            Kernel(text)


@pytest.mark.default_only("the engine does not run")
@pytest.mark.parametrize(
    ("name", "kernels"),
    [
        ("rbf", ["gaussian"]),
        ("RBFKernel", ["gaussian"]),
        ("squared_exponential", ["gaussian"]),
        ("exponential", ["laplacian"]),
        ("absolute_exponential", ["laplacian"]),
        ("matern", ["laplacian", "matern32", "matern52"]),
        ("matern12", ["laplacian"]),
        ("rq", ["rational_quadratic"]),
        ("RQKernel", ["rational_quadratic"]),
        ("RationalQuadratic", ["rational_quadratic"]),
        ("expsinesquared", ["periodic"]),
        ("ExpSineSquared", ["periodic"]),
        ("dot_product", ["linear"]),
        ("poly", ["(1 + linear(x,y))**3"]),
        ("polynomial", ["(1 + linear(x,y))**3"]),
        ("constant", ["2 * gaussian(x,y)"]),
        (
            "RestrictedGaussianKernel",
            ["gaussian_oriented", "gaussian_unoriented"],
        ),
    ],
)
def test_name_there_is_answered_by(name, kernels):
    assert meant_by(name) == kernels
