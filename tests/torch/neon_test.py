# SPDX-License-Identifier: MIT
"""Code for AArch64, generated on any machine, is compiled and run by QEMU."""
# ruff: noqa: N806 (M and N are the sizes' own names)

import re
from dataclasses import replace

import numpy as np
import pytest
import torch

import bounds
import mode_oracle
import neon
import oracle
from mode_oracle import DELTA, Case
from oracle import Data

KERNELS = [
    "gaussian(x,y)",
    "laplacian(x,y)",
    "cauchy(x,y)",
    "inverse_multiquadric(x,y)",
    "rational_quadratic(x,y)",
    "periodic(x,y)",
    "gaussian(x,y) * linear(u,v)**2",
]
FLOATS = {torch.float32: "4s", torch.float64: "2d"}
pytestmark = pytest.mark.default_only("forces a processor of its own")


def case_of(name, mode, dtype, sizes=(91, 83, 3)):
    """Returns a case with equal points, and positive products of vectors."""
    data = Data(0, dtype)
    M, N, D = sizes
    pairs = len(oracle.pairs_of(name))
    x = [data.normal(M, D), data.positive(M, D)][:pairs]
    y = [data.normal(N, D), data.positive(N, D)][:pairs]
    for i, j in ((M // 2, 7), (M - 1, N - 1)):
        y[0][j] = x[0][i]
    gamma = [
        None if atom == "linear" else data.positive(1) / D
        for atom in oracle.atoms_of(name)
        for _ in range(oracle.slots_of(atom))
    ]
    b = data.normal(N, 5 if mode == "sum" else 1)
    return Case(name, mode, x, y, gamma, [b])


def names_of(case):
    """Returns the names that formulas have for the tensors of a case."""
    groups = {"x": case.x, "y": case.y, "g": case.gamma}
    names = [
        f"{letter}{k}"
        for letter, group in groups.items()
        for k, tensor in enumerate(group)
        if tensor is not None
    ]
    return [*names, "b"]


def arrays_of(case):
    """Returns the tensors of a case as arrays, by name."""
    pairs = zip(names_of(case), case.tensors, strict=True)
    return {name: tensor.numpy() for name, tensor in pairs}


def sum_of(k, b, delta):
    """Returns the product of a matrix, and the bound on its error.

    A term has the error of a logarithm of its size. Sums of so few terms lose
    less than 8 roundings.
    """
    sizes = (4 * abs(np.log(k)) + 16) * k
    return k @ b, delta * (sizes @ abs(b))


def log_sum_exp_of(k, b, delta):
    """Returns logarithms of sums, and the bound of docs/accuracy.md."""
    logits = np.log(k) + b.T
    top = logits.max(1, keepdims=True)
    exact = top + np.log(np.exp(logits - top).sum(1, keepdims=True))
    largest = (abs(np.log(k)) + abs(b.T)).max(1, keepdims=True)
    return exact, delta * (4 * largest + 16)


def check_values(case, actual):
    """Compares a product with that of a wider format."""
    numbers = [
        [None if t is None else t.numpy().astype(np.longdouble) for t in group]
        for group in (case.x, case.y, case.gamma, case.bs)
    ]
    k = oracle.kernel_matrix(case.name, *numbers[:3])
    of = {"sum": sum_of, "lse": log_sum_exp_of}[case.mode]
    exact, bound = of(k, *numbers[3], DELTA[case.bs[0].dtype])
    assert np.all(abs(actual - exact) <= bound)


def check_gradients(case, cotangent, actual):
    """Compares gradients with those of torch, in float64.

    The terms of a gamma that all pairs share may cancel.
    """
    wide = case.to(torch.float64)
    M, N = wide.rows
    for_pairs = [g if g is None else g.expand(M, N, 1) for g in wide.gamma]
    leaves = replace(wide, gamma=for_pairs).leaves()
    result = mode_oracle.dense(wide.with_tensors(leaves))
    terms = torch.autograd.grad(result, leaves, cotangent)
    for name, each in zip(names_of(case), terms, strict=True):
        is_shared = name.startswith("g")
        exact = each.sum().reshape(1, 1) if is_shared else each
        size = abs(each).sum() if is_shared else abs(each).max()
        error = abs(torch.from_numpy(actual[f"grad_{name}"]) - exact).max()
        assert error <= 16 * DELTA[case.bs[0].dtype] * size, name


@pytest.fixture(scope="module")
def driver(tmp_path_factory):
    if missing := neon.Driver.missing():
        pytest.skip(
            f"needs {' and '.join(missing)}: Debian has them in "
            "g++-aarch64-linux-gnu and qemu-user"
        )
    if not bounds.HAS_WIDE_DOUBLE:
        pytest.skip("no format is wider than float64")
    return neon.Driver(tmp_path_factory.mktemp("neon"))


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("mode", ["sum", "lse"])
@pytest.mark.parametrize("kernel", KERNELS)
def test_code_for_aarch64_assembles(kernel, mode, dtype, monkeypatch):
    sweeps = neon.sweeps(case_of(kernel, mode, dtype), monkeypatch)
    assert len(sweeps) >= 2
    for sweep in sweeps:
        assert neon.object_file(sweep.module).startswith(b"\x7fELF")
        code = neon.assembly(sweep.module)
        # Vectors of the dtype, fused; and no function of a library.
        assert re.search(rf"fmla\s+v\d+\.{FLOATS[dtype]}", code)
        defined = set(re.findall(r"^(\w+):", code, re.MULTILINE))
        called = set(re.findall(r"\bbl\s+(\w+)", code))
        assert called <= defined, called - defined


def check_run(case, driver, monkeypatch):
    """Runs a product and its gradients, with arrays of both orders."""
    product, *gradients = neon.sweeps(case, monkeypatch)
    arrays = arrays_of(case)
    run = driver.program(product)
    for order in "FC":
        results = run(arrays, order)
        check_values(case, results["a"])
    M, E = results["a"].shape
    cotangent = Data(1, case.bs[0].dtype).positive(M, E)
    given = {**arrays, **results, "cot_a": cotangent.numpy()}
    actual = {}
    for sweep in gradients:
        actual.update(driver.program(sweep)(given))
    check_gradients(case, cotangent, actual)


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("mode", ["sum", "lse"])
@pytest.mark.parametrize("kernel", KERNELS)
def test_code_for_aarch64_runs(kernel, mode, dtype, driver, monkeypatch):
    check_run(case_of(kernel, mode, dtype), driver, monkeypatch)


@pytest.mark.parametrize(
    ("mode", "dtype"), [("sum", torch.float32), ("lse", torch.float64)]
)
def test_loops_over_long_axes(mode, dtype, driver, monkeypatch):
    """The gradients are those of two sweeps, one of which keeps columns."""
    case = case_of("gaussian(x,y)", mode, dtype, (5, 83, 19))
    sweeps = neon.sweeps(case, monkeypatch)
    assert [sweep.extents() for sweep in sweeps] == [[19]] * 3
    assert {sweep.kept for sweep in sweeps[1:]} == {"i", "j"}
    check_run(case, driver, monkeypatch)


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize(
    ("kernel", "power"),
    [
        ("gaussian(x,y)", 1),
        ("laplacian(x,y)", 2),
        ("gaussian(x,y) * linear(u,v)**2", 1),
    ],
)
def test_a_far_point(kernel, power, dtype, driver, monkeypatch):
    """All exponents of a row are about -10,000."""
    case = case_of(kernel, "lse", dtype)
    case.x[0][3, 0] = (1e4**power / case.gamma[0].item()) ** 0.5
    run = driver.program(neon.sweeps(case, monkeypatch)[0])
    actual = run(arrays_of(case))["a"]
    check_values(case, actual)
    assert -1.1e4 < actual[3] < -0.9e4
