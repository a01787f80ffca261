# SPDX-License-Identifier: MIT
"""The cases of the benchmark of GPUs, the most important ones first."""

from __future__ import annotations

from dataclasses import replace

from cases import CASES, ORIENTED, Case, K

_N = 100 * K
_BATCH = {"N": 100, "problems": K}
_POINTS = ("x", "y", "b")

ALL_CUDA_CASES = (
    Case("gaussian 1e5", _N),
    Case("gaussian 1e6", 10 * _N),
    Case("lse 1e5", _N, mode="lse"),
    Case("gradients 1e5", _N, order=1, only=_POINTS, is_gradient_alone=True),
    Case("gaussian 1e4", 10 * K),
    Case("D=10", _N, D=10),
    Case("D=64", _N, D=64),
    Case("D=100", _N, D=100),
    Case("E=4", _N, E=4),
    Case("E=16", _N, E=16),
    Case("E=64", _N, E=64),
    Case("float64", _N, dtype="float64"),
    Case("batch of 100 x 100", **_BATCH),
    Case("lse D=64", _N, D=64, mode="lse"),
    Case("lse 1e4", 10 * K, mode="lse"),
    Case("lse 1e6", 10 * _N, mode="lse"),
    Case(
        "lse gradients 1e5",
        _N,
        mode="lse",
        order=1,
        only=_POINTS,
        is_gradient_alone=True,
    ),
    Case("gradients 1e4", 10 * K, order=1, is_gradient_alone=True),
    Case("batch gradients", **_BATCH, order=1, only=_POINTS),
    Case("batch of 1e3 x 1e3", K, problems=K),
    Case("float64 gradients", 20 * K, dtype="float64", order=1, only=_POINTS),
    Case("laplacian", _N, kernel="laplacian(x,y)"),
    Case("cauchy", _N, kernel="cauchy(x,y)"),
    replace(CASES["rational_quadratic"], N=_N),
    replace(CASES["three gaussians"], N=_N),
    replace(CASES["double backward"], N=20 * K),
    Case(
        "oriented",
        _N,
        kernel="gaussian(x,y)" + ORIENTED,
        slots=(1, None),
    ),
    replace(CASES["metric per j, D=3"], N=_N, M=10 * K),
    CASES["mixture"],
    replace(CASES["mixture backward"], only=_POINTS),
)
CUDA_CASES = {case.name: case for case in ALL_CUDA_CASES}
