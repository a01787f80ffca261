# SPDX-License-Identifier: MIT
"""Prints how fast batches of small problems run, beside one large problem.

Each batch has as many pairs as the large problem, about 10^7, and runs in turn
with it and with torch, which holds the matrices. One thread; medians of the
ratios of neighbouring turns.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

import torch

from gramless.torch import Kernel, kernel_product

TURNS = 31
GAMMA = 4.0
LARGE = 3162
SIZES = (32, 100, 316, 1000)
GAUSSIAN = {"id": Kernel("gaussian(x,y)"), "gamma": GAMMA}


def arguments(size: int, order: int) -> tuple[torch.Tensor, ...]:
    problems = LARGE**2 // size**2
    shapes = [(problems, size, columns) for columns in (3, 3, 1)]
    return tuple(
        torch.rand(shape).requires_grad_(order > 0) for shape in shapes
    )


def gramless(x: torch.Tensor, y: torch.Tensor, b: torch.Tensor) -> object:
    return kernel_product(GAUSSIAN, x, y, b)


def dense(x: torch.Tensor, y: torch.Tensor, b: torch.Tensor) -> object:
    ones = torch.ones_like(b)
    left = torch.cat([2 * x, (x * x).sum(-1, keepdim=True), ones], -1)
    right = torch.cat([y, -ones, -(y * y).sum(-1, keepdim=True)], -1)
    return (GAMMA * left @ right.mT).exp_() @ b


def seconds(
    product: Callable, tensors: tuple[torch.Tensor, ...], order: int
) -> float:
    start = time.perf_counter()
    a = product(*tensors)
    if order:
        torch.autograd.grad(a.sum(), tensors)
    return time.perf_counter() - start


def main() -> None:
    torch.set_num_threads(1)
    for order, title in enumerate(("forward", "gradients of x, y, b")):
        large = arguments(LARGE, order)
        for size in SIZES:
            batch = arguments(size, order)
            turns = [
                (
                    seconds(gramless, large, order),
                    seconds(gramless, batch, order),
                    seconds(dense, batch, order),
                )
                for _ in range(TURNS)
            ][1:]
            share = median(one / ours for one, ours, _ in turns)
            peer = median(other / ours for _, ours, other in turns)
            print(
                f"{title}, {len(batch[0])} of {size} × {size}: {share:.0%} of "
                f"the speed of {LARGE} × {LARGE}, {peer:.1f} times torch",
                flush=True,
            )


if __name__ == "__main__":
    main()
