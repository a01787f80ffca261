# SPDX-License-Identifier: MIT
"""The cases, computed by KeOps, which compiles each formula with g++."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from pykeops.torch import Genred

from autograd import leaves, results_of
from cases import Case

_KERNELS = {
    "gaussian": "Exp(-{q})",
    "laplacian": "Exp(-Sqrt({q}))",
    "cauchy": "Inv(IntCst(1) + {q})",
    "inverse_multiquadric": "Rsqrt(IntCst(1) + {q})",
    "rational_quadratic": (
        "Exp(-(IntCst(3) / IntCst(2))"
        " * Log(IntCst(1) + {q} * (IntCst(2) / IntCst(3))))"
    ),
    "three gaussians": (
        "(Exp(-{q}) + Exp(-{q} / IntCst(4)) + Exp(-{q} / IntCst(16)))"
    ),
    "gaussian laplacian": "Exp(-({q} + Sqrt({q})))",
}


def _reduction(case: Case) -> Genred:
    q, metric = "G * SqDist(X, Y)", "G = Pm(1)"
    if case.has_metrics:
        q, metric = "WeightedSqDist(G, X, Y)", f"G = Vj({case.D**2})"
    formula = f"{_KERNELS[case.kind].format(q=q)} * B"
    variables = [f"X = Vi({case.D})", f"Y = Vj({case.D})"]
    if case.is_oriented:
        formula = f"Square((U | V)) * {formula}"
        variables += ["U = Vi(3)", "V = Vj(3)"]
    variables += [f"B = Vj({case.E})", metric]
    if case.mode == "sum":
        return Genred(formula, variables, reduction_op="Sum", axis=1)
    assert (case.kind, case.E) == ("gaussian", 1)
    return Genred(f"B - {q}", variables, reduction_op="LogSumExp", axis=1)


def prepare(
    case: Case, data: dict[str, np.ndarray], entries: int
) -> Callable[[], dict]:
    """Returns what computes the results of a case; nothing is to be tuned."""
    tensors = leaves(case, data)
    arguments = [tensors[name] for name in case.names]
    reduction = _reduction(case)
    backend = "GPU" if tensors["x"].is_cuda else "CPU"
    return results_of(
        case, tensors, lambda: reduction(*arguments, backend=backend)
    )
