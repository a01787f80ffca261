# SPDX-License-Identifier: MIT
"""The log-sum-exps, computed by a kernel of FlashSinkhorn on a GPU.

It computes -ε log Σ_j exp(2 <x, y> / ε + bias_j), from which the rest follows.
"""

from __future__ import annotations

from collections.abc import Callable

from flash_sinkhorn.kernels.sinkhorn_flashstyle_sqeuclid import (
    flashsinkhorn_lse,
)

from autograd import leaves
from cases import Case


def prepare(case: Case, data: dict, entries: int) -> Callable[[], dict]:
    """Returns what computes a case of the mode lse, without gradients."""
    tensors = leaves(case, data)
    x, y, b = (tensors[name] for name in ("x", "y", "b"))
    gamma = tensors["gamma"].item()

    def run() -> dict:
        bias = b[:, 0] - gamma * y.square().sum(1)
        shifted = flashsinkhorn_lse(x, y, bias, 1 / gamma, allow_tf32=False)
        a = -gamma * (shifted + x.square().sum(1))
        return {"a": a[:, None]}

    return run
