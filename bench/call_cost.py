# SPDX-License-Identifier: MIT
"""Prints what a warm call costs beside its arithmetic, in microseconds.

A product of 32 × 32 pairs on one thread, less an empty autograd.Function of
as many tensors, both timed in turn: medians, and lower quartiles, which other
programs on the machine disturb less.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch

from gramless.torch import Kernel, kernel_product

ROUNDS = 6000
WARM_UP = 500
SIZE = 32


class Empty(torch.autograd.Function):
    """Allocates results, as many as the product has."""

    @staticmethod
    def forward(ctx, *tensors):
        ctx.save_for_backward(*tensors)
        return tensors[0].new_empty(SIZE, 1)

    @staticmethod
    def backward(ctx, cotangent):
        needed = zip(ctx.saved_tensors, ctx.needs_input_grad, strict=True)
        return tuple(
            torch.empty_like(tensor) if is_needed else None
            for tensor, is_needed in needed
        )


def times(
    product: Callable, empty: Callable
) -> tuple[list[float], list[float]]:
    """Returns the times of both, each run in turn."""
    marks = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        product()
        middle = time.perf_counter()
        empty()
        marks.append((middle - start, time.perf_counter() - middle))
    first, second = zip(*marks[WARM_UP:], strict=True)
    return list(first), list(second)


def report(title: str, product: Callable, empty: Callable) -> None:
    first, second = times(product, empty)
    median = statistics.median(first) - statistics.median(second)
    quartile = statistics.quantiles(first)[0] - statistics.quantiles(second)[0]
    print(f"{title:24} {1e6 * median:6.0f} µs, quartile {1e6 * quartile:6.0f}")


def main() -> None:
    torch.set_num_threads(1)
    x, y = torch.randn(2, SIZE, 3).unbind()
    b = torch.randn(SIZE, 1)
    gamma = torch.tensor([0.5])
    kernel = Kernel("gaussian(x,y)")
    cotangent = torch.ones(SIZE, 1)
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
            lambda p=params, t=leaves[:3], f=derivative: f(
                kernel_product(p, *t)
            ),
            lambda t=leaves, f=derivative: f(Empty.apply(*t)),
        )


if __name__ == "__main__":
    main()
