# SPDX-License-Identifier: MIT
"""Bits depend on no thread, process or place; denormal numbers."""
# ruff: noqa: N803, N806 (M, N, D and E are the sizes' own names)

import os
import re
import time

import pytest
import torch

from gramless.torch import Kernel, explain, kernel_product, map_reduce
from job import digest, run_python
from oracle import Data

FLOATS = (torch.float32, torch.float64)
SIZES = [(3, 100_000), (100_000, 3), (700, 1000), (3000, 2000)]


@pytest.mark.default_only("another process has no configuration")
def test_same_bits_whatever_runs_them():
    """Sums in several parts, too, on any threads and in another process."""
    threads = torch.get_num_threads()
    results = []
    try:
        for count in (1, 2, 3):
            torch.set_num_threads(count)
            results.append([digest(*sizes) for sizes in SIZES])
    finally:
        torch.set_num_threads(threads)
    code = f"""
import sys
sys.path.insert(0, {os.path.dirname(__file__)!r})
from job import digest
print(*(digest(*sizes) for sizes in {SIZES}))
"""
    results.append(run_python(code).split())
    assert all(result == results[0] for result in results[1:])


def plans_of(text):
    """Returns what the plans of an explanation say about a row's sum.

    Two calls with equal N add the terms of a row in the same order if their
    lanes run along the same axis and their sums have the same parts.
    """
    return [
        tuple(
            re.search(pattern, sweep)[0]
            for pattern in (
                r"\w+, \d+ lanes",
                r"lanes run along \w+",
                r"chunks of \d+",
                r"times \d+ of \d+ \w+",
            )
        )
        for sweep in text.split("\nplan for ")[1:]
    ]


@pytest.mark.default_only("explanations show plans that are not forced")
@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("N", [5, 77, 30_000])
def test_rows_do_not_depend_on_their_place(N, dtype):
    """Alone, at the end of a batch or in its middle, with the same plan."""
    rows = 70
    data = Data(4, dtype)
    x, y, b = data.normal(rows, 3), data.normal(N, 3), data.normal(N, 2)
    params = {"id": Kernel("laplacian(x,y)"), "gamma": 0.5}
    known = {}  # The bits of each row, by plan.
    compared = 0
    for M in (1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, rows):
        for first in {0, min(9, rows - M), rows - M}:
            place = slice(first, first + M)
            part = x[place].clone().requires_grad_()
            a = kernel_product(params, part, y, b)
            results = [a.detach(), *torch.autograd.grad(a.sum(), part)]
            plans = plans_of(explain(params, part, y, b))
            for plan, result in zip(plans, results, strict=True):
                key = (*plan, result.shape[1])
                nothing = result.new_full((rows, key[-1]), torch.nan)
                bits = known.setdefault(key, nothing)[place]
                seen = ~bits.isnan()
                assert torch.equal(bits[seen], result[seen])
                compared += int(seen.sum())
                bits.copy_(result)
    assert compared > 1000


# Kernels of one exponential each; the own formulas use what stands in their
# exponents elsewhere, too, where it might be rounded once and not twice.
EXPONENTIALS = [
    "gaussian(x,y)",
    "gaussian(x,y)**3",
    "laplacian(x,y)**-2",
    "gaussian(x,y)*laplacian(x,y)*gaussian(x,y)",
    "gaussian_oriented(x,y)*laplacian(x,y)",
    "periodic(x,y)*gaussian(x,y)",
    "rational_quadratic(x,y)",
]
EXPONENTIAL_FORMULAS = [
    "Exp(-G_0*SqDist(X_0,Y_0) + (X_0|Y_0))",
    "Exp(-WeightedSqDist(G_0,X_0,Y_0) - Norm2(X_0 - Y_0))",
    "IfElse(G_0*SqDist(X_0,Y_0), Exp(-G_0*SqDist(X_0,Y_0) - Norm2(X_0)), 0)",
    "Exp(-Rsqrt(1 + SqNorm2(X_0)) * Rsqrt(2 + SqNorm2(Y_0)) * G_0)",
]


@pytest.mark.parametrize("isa", [0, 1, 2], ids=["baseline", "avx2", "avx512"])
@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("text", EXPONENTIALS + EXPONENTIAL_FORMULAS)
def test_exponents_have_one_value(text, dtype, isa, monkeypatch):
    """Of one pair, k u v b and its derivatives by u, v and b = 1 are k.

    That by u reduces over j, as a does, and those by v and b over i.
    """
    monkeypatch.setitem(map_reduce.FORCED_OPTIONS, "most", isa)
    if text in EXPONENTIALS:
        kernel = Kernel(f"{text}*linear(u,v)")
        slots = len(kernel._core.atoms) - 1
    else:
        kernel = Kernel(formula_sum=f"{text}*X_1*Y_1")
        slots = len(set(re.findall("G_.", text)))
    data = Data(5, dtype)
    for _ in range(50):
        gamma = [data.normal(1).abs() for _ in range(slots)]
        params = {"id": kernel, "gamma": [*gamma, None]}
        if text not in EXPONENTIALS:
            params["gamma"].pop()
        x, y = (data.normal(1, 3) for _ in range(2))
        ones = u, v, b = [torch.ones(1, 1, dtype=dtype) for _ in range(3)]
        values = set()
        # What requires no gradient leaves other sweeps.
        for wrt in (ones, [*ones, x, y, *gamma], [u], [v], [b]):
            for tensor in (*ones, x, y, *gamma):
                tensor.requires_grad_(any(tensor is each for each in wrt))
            a = kernel_product(params, (x, u), (y, v), b).sum()
            slopes = torch.autograd.grad(a, wrt, allow_unused=True)
            values.add(a.item())
            values.update(slope.item() for slope in slopes[: min(len(wrt), 3)])
        assert len(values) == 1


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_same_bits_at_any_address(dtype):
    """Each tensor starts at another number of the same storage."""
    data = Data(6, dtype)
    tensors = data.normal(3, 3), data.normal(3000, 3), data.normal(3000, 2)
    params = {"id": Kernel("laplacian(x,y)"), "gamma": 0.5}
    expected = kernel_product(params, *tensors)
    for first in range(17):
        moved = []
        for tensor in tensors:
            memory = tensor.new_empty(tensor.numel() + first)[first:]
            moved.append(memory.view(tensor.shape).copy_(tensor))
        assert torch.equal(kernel_product(params, *moved), expected)


@pytest.mark.default_only("the checked backend compares with the reference")
@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_denormal_numbers_are_taken_for_0(dtype):
    """In arguments, and in results between."""
    form = torch.finfo(dtype)
    one, tiny = (torch.full((1, 1), v, dtype=dtype) for v in (1, form.tiny / 8))
    linear = {"id": Kernel("linear(x,y)"), "gamma": None}
    assert kernel_product(linear, one, one, tiny).item() == 0
    distance = {"id": Kernel("distance(x,y)"), "gamma": 1.0}
    close = form.tiny**0.5 / 4 * one
    for y, expected in ((close, 0), (one, 1)):
        assert kernel_product(distance, 0 * one, y, one).item() == expected


@pytest.mark.parametrize("backend", ["reference", "pytorch"])
@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_denormal_numbers_are_kept(dtype, backend):
    b = torch.full((1, 1), torch.finfo(dtype).tiny / 8, dtype=dtype)
    params = {"id": Kernel("gaussian(x,y)"), "gamma": 1.0}
    a = kernel_product(params, b, b, b, backend=backend)
    assert a.numpy().tobytes() == b.numpy().tobytes()


def test_denormal_numbers_are_not_slow():
    """Some processors take a hundred times longer for them."""
    data = Data(5, torch.float32)
    x, y, b = data.normal(500, 3), data.normal(2000, 3), data.normal(2000, 4)
    params = {"id": Kernel("laplacian(x,y)"), "gamma": 1.0}
    seconds = {1.0: [], 2.0**-130: []}
    for _ in range(7):
        for scale, times in seconds.items():
            scaled = b * scale
            start = time.perf_counter()
            kernel_product(params, x, y, scaled)
            times.append(time.perf_counter() - start)
    fast, slow = (min(times) for times in seconds.values())
    assert slow < 4 * fast
