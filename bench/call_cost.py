# SPDX-License-Identifier: MIT
"""Prints what a warm call costs beside its arithmetic, in microseconds.

A product of 32 × 32 pairs on one thread, less an empty autograd.Function and
an empty operator of as many tensors, all timed in turn: medians, and in
brackets the differences of lower quartiles, which other programs on the machine
disturb less.
"""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Callable

import torch

from gramless.torch import Kernel, kernel_product

ROUNDS = 6000
WARM_UP = 500
SIZE = 32


def empty(*tensors: torch.Tensor) -> torch.Tensor:
    """Allocates a result, as the product does."""
    return tensors[0].new_empty(SIZE, 1)


def save(ctx, inputs, output) -> None:
    ctx.save_for_backward(*inputs)


def gradients(ctx, cotangent) -> tuple[torch.Tensor | None, ...]:
    """Allocates the gradients that are needed."""
    needed = zip(ctx.saved_tensors, ctx.needs_input_grad, strict=True)
    return tuple(
        torch.empty_like(tensor) if is_needed else None
        for tensor, is_needed in needed
    )


class Empty(torch.autograd.Function):
    @staticmethod
    def forward(ctx, *tensors):
        save(ctx, tensors, None)
        return empty(*tensors)

    backward = staticmethod(gradients)


def empty_operator() -> Callable:
    """Defines an operator of torch that does the same."""
    library = torch.library.Library("call_cost", "DEF")
    library.define("empty(Tensor x, Tensor y, Tensor b, Tensor g) -> Tensor")
    library.impl("empty", empty, "CPU")
    torch.library.register_autograd(
        "call_cost::empty", gradients, setup_context=save, lib=library
    )
    operator = torch.ops.call_cost.empty.default
    operator.library = library  # Which takes the operator along when it ends.
    return operator


def times(functions: list[Callable]) -> list[list[float]]:
    """Returns the times of functions, in microseconds, run in turn."""
    rounds = []
    for _ in range(ROUNDS):
        marks = [time.perf_counter()]
        for function in functions:
            function()
            marks.append(time.perf_counter())
        rounds.append([1e6 * (b - a) for a, b in itertools.pairwise(marks)])
    return [list(each) for each in zip(*rounds[WARM_UP:], strict=True)]


def report(title: str, functions: list[Callable]) -> None:
    """Prints medians, and what is left of the product's less each other one."""
    measured = times(functions)
    product, *others = [statistics.median(each) for each in measured]
    lowest, *quartiles = [statistics.quantiles(each)[0] for each in measured]
    cells = [f"{product:8.0f}"]
    for other, quartile in zip(others, quartiles, strict=True):
        cells.append(f"{other:6.0f} {product - other:6.0f}")
        cells.append(f"({lowest - quartile:3.0f})")
    print(f"{title:14}", *cells)


def main() -> None:
    torch.set_num_threads(1)
    x, y = torch.randn(2, SIZE, 3).unbind()
    b = torch.randn(SIZE, 1)
    gamma = torch.tensor([0.5])
    kernel = Kernel("gaussian(x,y)")
    cotangent = torch.ones(SIZE, 1)
    operator = empty_operator()
    print("Microseconds: a product; an empty autograd.Function of as many")
    print("tensors, and the difference; an empty operator, and the difference.")
    for title, count in [("forward", 0), ("gradient of x", 1), ("of all", 4)]:
        leaves = [
            tensor.clone().requires_grad_(k < count)
            for k, tensor in enumerate((x, y, b, gamma))
        ]
        params = {"id": kernel, "gamma": leaves[3]}

        def derivative(a, wrt=leaves[:count]):
            return torch.autograd.grad(a, wrt, cotangent) if wrt else a

        report(
            title,
            [
                lambda p=params, t=leaves[:3], f=derivative: f(
                    kernel_product(p, *t)
                ),
                lambda t=leaves, f=derivative: f(Empty.apply(*t)),
                lambda t=leaves, f=derivative: f(operator(*t)),
            ],
        )


if __name__ == "__main__":
    main()
