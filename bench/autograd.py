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


def weighted(
    case: Case, a: torch.Tensor, tensors: Tensors
) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns a and c, or for order 2 d<c, a>/dx and w.

    The case takes gradients of the inner product of the two. Backward starts
    from the weights as they are, for no operation of a loss is to be timed.
    """
    if case.order < 2:
        return a, tensors["c"]
    (slope,) = torch.autograd.grad(
        a, tensors["x"], tensors["c"], create_graph=True
    )
    return slope, tensors["w"]


def results_of(
    case: Case, tensors: Tensors, product: Callable[[], torch.Tensor]
) -> Callable[[], Tensors]:
    """Returns what computes a case with a differentiable product."""
    inputs = [tensors[name] for name in case.wrt]

    def differentiate(
        a: torch.Tensor, output: torch.Tensor, weights: torch.Tensor
    ) -> Tensors:
        gradients = torch.autograd.grad(
            output, inputs, weights, retain_graph=case.is_gradient_alone
        )
        return {"a": a.detach(), **dict(zip(case.wrt, gradients, strict=True))}

    def run() -> Tensors:
        a = product()
        if not inputs:
            return {"a": a.detach()}
        return differentiate(a, *weighted(case, a, tensors))

    if not case.is_gradient_alone:
        return run
    a = product()
    return partial(differentiate, a, *weighted(case, a, tensors))
