# SPDX-License-Identifier: MIT
"""Two photographs that exchange their colours, by optimal transport.

Colours are points x_i and y_j of the cube [0, 1]^3, M and N of them. The
cheapest plan to move the ones to the others, with distances below a blur s
left undecided, is

    P_ij = exp((f_i + g_j - |x_i - y_j|^2) / s^2) / (M N),

with the potentials f and g that make its rows sum to 1/M and its columns to
1/N. Sinkhorn's iteration finds them, in the log domain, because exp(f / s^2)
itself would leave the range of numbers:

    f_i = -s^2 log(1/N sum_j exp((g_j - |x_i - y_j|^2) / s^2)),

and so for g, in turns. Given g, the formula has a value f(x) for any colour x,
and the pixel of that colour moves to the mean of its row:

    T(x) = 1/N sum_j exp((f(x) + g_j - |x - y_j|^2) / s^2) y_j.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
import torch
from sklearn.datasets import load_sample_image
from tqdm import tqdm

from gramless.torch import Kernel, kernel_product

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from mpl_toolkits.mplot3d import Axes3D

GAUSSIAN = Kernel("gaussian(x,y)")
SHRINKAGE = 0.9  # Of the blur, between two steps.
RELAXATION = 1.9  # Steps at the last blur go so much further, as in SOR.
LARGEST_ERROR = 1e-3  # Of the sums of rows and columns, in the L1 norm.
MOST_STEPS = 1000
CHUNK = 16384  # Pixels at a time.
TOLERANCE = 0.25 / 255  # A quarter of what a pixel can show.
NAMES = ("china.jpg", "flower.jpg")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Two photographs that exchange their colours, by optimal "
        "transport between samples of them."
    )
    add = parser.add_argument
    add("--samples", type=int, default=4000, help="colours of each, for a fit")
    add("--blur", type=float, default=0.04, help="distance left undecided")
    add("--seed", type=int, default=0, help="of the choice of colours")
    add("--output", type=Path, default=Path("build/colour_transfer.png"))
    add("--dpi", type=int, default=130, help="of the picture")
    return parser.parse_args()


def load(name: str) -> torch.Tensor:
    return torch.from_numpy(load_sample_image(name).astype(np.float32) / 255)


def soft_minimum(
    x: torch.Tensor, y: torch.Tensor, g: torch.Tensor, blur: float
) -> torch.Tensor:
    """Returns the f at x that goes with g at y."""
    params = {"id": GAUSSIAN, "gamma": 1 / blur**2}
    sums = kernel_product(params, x, y, g / blur**2, mode="lse")
    return -(blur**2) * (sums - math.log(len(y)))


@dataclass(frozen=True)
class Plan:
    """Moves colours x to colours y."""

    x: torch.Tensor
    y: torch.Tensor
    f: torch.Tensor
    g: torch.Tensor
    blur: float

    def backwards(self) -> Plan:
        return Plan(self.y, self.x, self.g, self.f, self.blur)

    def product(self, *bs: torch.Tensor, mode: str) -> torch.Tensor:
        """Returns a kernel product with the potentials in the exponent."""
        params = {"id": GAUSSIAN, "gamma": 1 / self.blur**2}
        f, g = self.f / self.blur**2, self.g / self.blur**2
        bs = (*bs, f - math.log(len(self.y)), g)
        return kernel_product(params, self.x, self.y, *bs, mode=mode)

    def times(self, b: torch.Tensor) -> torch.Tensor:
        """Returns M sum_j P_ij b_j."""
        return self.product(b, mode="log_scaled")

    def distance(self) -> float:
        """Returns how far colours move, as a root mean square."""
        cost = self.product(mode="sinkhorn_cost").mean()
        return self.blur * cost.sqrt().item()

    def error(self) -> float:
        """Returns how far rows and columns are from their sums, in L1."""
        sums = [
            plan.times(torch.ones(len(plan.y), 1))
            for plan in (self, self.backwards())
        ]
        return max((each - 1).abs().mean().item() for each in sums)


def fit(x: torch.Tensor, y: torch.Tensor, blur: float) -> Plan:
    """Takes steps at ever smaller blurs, then at the last one."""
    f, g = torch.zeros(len(x), 1), torch.zeros(len(y), 1)
    stages = max(0, math.ceil(math.log(blur) / math.log(SHRINKAGE)))
    for stage in range(stages):
        coarse = blur ** (stage / stages)
        f = soft_minimum(x, y, g, coarse)
        g = soft_minimum(y, x, f, coarse)
    steps = tqdm(range(MOST_STEPS), "fit", unit="step", ncols=80)
    for _ in steps:
        f = f + RELAXATION * (soft_minimum(x, y, g, blur) - f)
        exact = soft_minimum(y, x, f, blur)
        error = torch.expm1((g - exact) / blur**2).abs().mean().item()
        g = g + RELAXATION * (exact - g)
        steps.set_postfix_str(f"error {error:.1e}", refresh=False)
        if error < LARGEST_ERROR / 2:
            break
    steps.close()
    return Plan(x, y, soft_minimum(x, y, g, blur), g, blur)


def transfer(photograph: torch.Tensor, plan: Plan, label: str) -> torch.Tensor:
    """Returns the photograph with T of each pixel."""
    chunks = photograph.reshape(-1, 3).split(CHUNK)
    count = sum(map(len, chunks))
    results = []
    with tqdm(desc=label, total=count, unit="pixel", ncols=80) as progress:
        for chunk in chunks:
            f = soft_minimum(chunk, plan.y, plan.g, plan.blur)
            own = Plan(chunk, plan.y, f, plan.g, plan.blur)
            results.append(own.times(plan.y))
            progress.update(len(chunk))
    return torch.cat(results).reshape(photograph.shape)


def deviation(
    photograph: torch.Tensor,
    result: torch.Tensor,
    plan: Plan,
    rows: np.ndarray,
) -> float:
    """Returns how far colours are from those of NumPy in float64."""
    x, y, g = (
        each.numpy().astype(np.float64)
        for each in (photograph.reshape(-1, 3)[rows], plan.y, plan.g)
    )
    squares = ((x[:, None, :] - y) ** 2).sum(axis=2)
    exponents = (g[:, 0] - squares) / plan.blur**2
    weights = np.exp(exponents - exponents.max(axis=1, keepdims=True))
    expected = weights @ y / weights.sum(axis=1, keepdims=True)
    return np.abs(result.reshape(-1, 3)[rows].numpy() - expected).max()


def draw_cloud(axis: Axes3D, colours: torch.Tensor) -> None:
    """Shows colours as points of the cube."""
    axis.scatter(*colours.T, c=colours, s=4, linewidths=0, alpha=1)
    axis.view_init(elev=18, azim=-55)
    axis.set_box_aspect((1, 1, 1), zoom=1.15)
    axis.set(xlim=(0, 1), ylim=(0, 1), zlim=(0, 1))
    axis.set(xlabel="red", ylabel="green", zlabel="blue")
    for side in (axis.xaxis, axis.yaxis, axis.zaxis):
        side.set_pane_color("0.72")  # White and black show before it.
        side.set_ticks([0, 0.5, 1], labels=[])
        side.labelpad = -12


def draw(rows: list[tuple], output: Path, dpi: int) -> None:
    """Saves each photograph, its colours, and the result."""
    figure = plt.figure(figsize=(15, 7.6), layout="constrained")
    grid = figure.add_gridspec(len(rows), 3, width_ratios=(1.4, 1, 1.4))
    for row, (names, photograph, colours, result) in enumerate(rows):
        axis = figure.add_subplot(grid[row, 0])
        axis.imshow(photograph)
        axis.set(title=names[0])
        axis = figure.add_subplot(grid[row, 1], projection="3d")
        draw_cloud(axis, colours)
        axis = figure.add_subplot(grid[row, 2])
        axis.imshow(result.clamp(0, 1))
        axis.set(title="{} with the colours of {}".format(*names))
    for axis in figure.axes:
        if axis.name != "3d":
            axis.set_axis_off()
    output.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(output, dpi=dpi)
    plt.close(figure)


def mean(photograph: torch.Tensor) -> str:
    values = photograph.mean(dim=(0, 1)).tolist()
    return " ".join(f"{value:.3f}" for value in values)


def main() -> int:
    arguments = parse_arguments()
    random = np.random.default_rng(arguments.seed)
    photographs = [load(name) for name in NAMES]
    pixels = photographs[0][:, :, 0].numel()
    samples = [
        photograph.reshape(-1, 3)[
            random.choice(pixels, arguments.samples, replace=False)
        ]
        for photograph in photographs
    ]
    start = time.perf_counter()
    plan = fit(*samples, arguments.blur)
    elapsed = time.perf_counter() - start
    error = plan.error()
    print(f"{elapsed:.1f} s to fit to {len(plan.x)} colours of each photograph")
    print(f"marginal error of the plan: {error:.1e}")
    print(f"distance that colours move: {plan.distance():.3f}")

    some = random.integers(pixels, size=200)
    rows, deviations = [], []
    for names, photograph, own in (
        (NAMES, photographs[0], plan),
        (NAMES[::-1], photographs[1], plan.backwards()),
    ):
        start = time.perf_counter()
        result = transfer(photograph, own, names[0])
        elapsed = time.perf_counter() - start
        print(f"{elapsed:.1f} s to move {pixels} pixels of {names[0]}, of mean")
        print(f"  {mean(photograph)} before, {mean(result)} after")
        deviations.append(deviation(photograph, result, own, some))
        rows.append((names, photograph, own.x, result))
    print(f"largest deviation of a colour from NumPy: {max(deviations):.1e}")
    draw(rows, arguments.output, arguments.dpi)
    print(f"picture: {arguments.output}")
    is_right = error < LARGEST_ERROR and max(deviations) < TOLERANCE
    return 0 if is_right else 1


if __name__ == "__main__":
    sys.exit(main())
