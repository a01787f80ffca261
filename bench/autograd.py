# SPDX-License-Identifier: MIT
"""What the cases differentiate, by torch's autograd."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from cases import Case

Tensors = dict[str, torch.Tensor]


def leaves(case: Case, data: dict[str, np.ndarray]) -> Tensors:
    """Returns tensors of some arrays, ready for the gradients of a case."""
    tensors = {name: torch.from_numpy(array) for name, array in data.items()}
    for name in case.wrt:
        tensors[name].requires_grad_()
    return tensors


def objective(case: Case, a: torch.Tensor, tensors: Tensors) -> torch.Tensor:
    """Returns <c, a>, or for order 2 <w, d<c, a>/dx>."""
    total = (tensors["c"] * a).sum()
    if case.order == 2:
        (slope,) = torch.autograd.grad(total, tensors["x"], create_graph=True)
        total = (tensors["w"] * slope).sum()
    return total


def results_of(
    case: Case, tensors: Tensors, product: Callable[[], torch.Tensor]
) -> Callable[[], Tensors]:
    """Returns what computes a case with a differentiable product."""
    inputs = [tensors[name] for name in case.wrt]

    def run() -> Tensors:
        a = product()
        results = {"a": a.detach()}
        if inputs:
            total = objective(case, a, tensors)
            gradients = torch.autograd.grad(total, inputs)
            results.update(zip(case.wrt, gradients, strict=True))
        return results

    return run
