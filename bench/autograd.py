# SPDX-License-Identifier: MIT
"""What the cases differentiate, by torch's autograd."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch

from cases import Case

Tensors = dict[str, torch.Tensor]


def leaves(case: Case, data: dict) -> Tensors:
    """Returns tensors of some arrays, ready for the gradients of a case.

    Arrays that are tensors already stay on their device.
    """
    return {
        name: torch.as_tensor(array).detach().requires_grad_(name in case.wrt)
        for name, array in data.items()
    }


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

    def differentiate(a: torch.Tensor, total: torch.Tensor | None) -> Tensors:
        results = {"a": a.detach()}
        if total is not None:
            gradients = torch.autograd.grad(
                total, inputs, retain_graph=case.is_gradient_alone
            )
            results.update(zip(case.wrt, gradients, strict=True))
        return results

    def run() -> Tensors:
        a = product()
        return differentiate(a, objective(case, a, tensors) if inputs else None)

    if not case.is_gradient_alone:
        return run
    a = product()
    return partial(differentiate, a, objective(case, a, tensors))
