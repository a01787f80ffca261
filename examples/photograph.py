# SPDX-License-Identifier: MIT
"""Where a photograph has the colours of another one, and how that depends.

For each pixel of a photograph, this computes the density of the colours of
another photograph at the pixel's colour, by Gaussians around them, and the
derivative of the density in the bandwidth of the Gaussians.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from pathlib import Path

import matplotlib
import numpy as np
import torch
from sklearn.datasets import load_sample_image
from tqdm import tqdm

from gramless.torch import Kernel, kernel_product

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.colors import LogNorm, TwoSlopeNorm
from matplotlib.ticker import MaxNLocator

BANDWIDTH = 0.05
TOLERANCE = 1e-5
CHUNK = 1000  # Pixels at a time.
GAUSSIAN = Kernel("gaussian(x,y)")


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="The density of a photograph's colours in another one, "
        "with its derivative in the bandwidth."
    )
    add = parser.add_argument
    add("--colours", type=int, default=20000, help="how many to compare with")
    add("--pixels", type=int, help="at most so many, instead of all")
    add("--seconds", type=float, default=30, help="time to compute for")
    add("--seed", type=int, default=0, help="of the choice of colours")
    add("--rows-check", type=int, default=200, help="rows to compute twice")
    add("--output", type=Path, default=Path("build/photograph.png"))
    add("--dpi", type=int, default=110, help="of the picture")
    return parser.parse_args()


def load(name: str) -> np.ndarray:
    return load_sample_image(name).astype(np.float32) / 255


def normalization(bandwidth: float, colours: int) -> float:
    return (2 * math.pi * bandwidth**2) ** -1.5 / colours


def density(
    pixels: torch.Tensor, colours: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns the density at each pixel, and its derivative.

    The bandwidth is given once for each pixel, so that one backward pass
    gives the derivative of each pixel's density.
    """
    bandwidth = torch.full((len(pixels), 1), BANDWIDTH, requires_grad=True)
    params = {"id": GAUSSIAN, "gamma": ("i", 0.5 / bandwidth**2)}
    ones = torch.ones(len(colours), 1)
    total = kernel_product(params, pixels, colours, ones)
    value = normalization(bandwidth, len(colours)) * total
    (slope,) = torch.autograd.grad(value.sum(), bandwidth)
    return value.detach()[:, 0], slope[:, 0]


def density_numpy(
    pixels: np.ndarray, colours: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Does the same in float64, with the whole matrix."""
    pixels, colours = pixels.astype(np.float64), colours.astype(np.float64)
    squares = sum(
        np.subtract.outer(pixels[:, channel], colours[:, channel]) ** 2
        for channel in range(3)
    )
    gaussians = np.exp(squares / (-2 * BANDWIDTH**2))
    factor = normalization(BANDWIDTH, len(colours))
    value = factor * gaussians.sum(axis=1)
    slope = factor * (gaussians * squares).sum(axis=1) / BANDWIDTH**3
    return value, slope - 3 / BANDWIDTH * value


def pairs_per_second(pixels: torch.Tensor, colours: torch.Tensor) -> float:
    """Measures, with a first call that may build something left out."""
    density(pixels[:1], colours)
    start = time.perf_counter()
    density(pixels, colours)
    elapsed = time.perf_counter() - start
    return len(pixels) * len(colours) / elapsed


def thin_out(photograph: np.ndarray, pixels: int) -> np.ndarray:
    """Returns evenly spaced rows and columns, of `pixels` pixels at most."""
    height, width = photograph.shape[:2]
    scale = min(1.0, math.sqrt(pixels / (height * width)))
    rows, columns = (
        ((np.arange(count) + 0.5) * (size / count)).astype(int)
        for size, count in (
            (size, max(1, int(size * scale))) for size in (height, width)
        )
    )
    return photograph[rows[:, None], columns]


def compute(
    photograph: np.ndarray, colours: np.ndarray
) -> tuple[np.ndarray, np.ndarray, float]:
    """Returns densities and derivatives of all pixels, and the seconds."""
    sources = torch.from_numpy(colours)
    chunks = torch.from_numpy(photograph.reshape(-1, 3)).split(CHUNK)
    start = time.perf_counter()
    results = []
    with tqdm(total=sum(map(len, chunks)), unit="pixel", ncols=80) as progress:
        for chunk in chunks:
            results.append(density(chunk, sources))
            progress.update(len(chunk))
    elapsed = time.perf_counter() - start
    value, slope = (
        torch.cat(parts).numpy() for parts in zip(*results, strict=True)
    )
    shape = photograph.shape[:2]
    return value.reshape(shape), slope.reshape(shape), elapsed


def deviations(
    photograph: np.ndarray,
    colours: np.ndarray,
    results: tuple[np.ndarray, np.ndarray],
    rows: np.ndarray,
) -> list[float]:
    """Returns the largest deviations, relative to the largest values."""
    expected = density_numpy(photograph.reshape(-1, 3)[rows], colours)
    return [
        float(
            np.abs(is_.reshape(-1)[rows] - should).max() / np.abs(should).max()
        )
        for is_, should in zip(results, expected, strict=True)
    ]


def draw(
    photograph: np.ndarray,
    value: np.ndarray,
    slope: np.ndarray,
    output: Path,
    dpi: int,
) -> None:
    """Saves the photograph beside its density and the derivative.

    d log(density) / d log(bandwidth) is a mean of squared distances in units
    of the bandwidth, less 3: it is -3 where all colours that count are the
    pixel's own, 0 at the bandwidth of the largest density, and above that
    where they are further away.
    """
    figure, axes = plt.subplots(1, 3, figsize=(16, 3.9), layout="constrained")
    axes[0].imshow(photograph)
    axes[0].set_title("china.jpg")
    density_image = axes[1].imshow(
        value,
        norm=LogNorm(max(value.max() * 1e-4, 1e-30), value.max()),
        cmap="magma",
    )
    axes[1].set_title("density of its colours in flower.jpg")
    figure.colorbar(density_image, ax=axes[1], shrink=0.85)
    # Relative to the density, so that rare colours show as well.
    relative = BANDWIDTH * slope / np.maximum(value, 1e-30)
    most = max(1.0, float(np.quantile(relative, 0.9)))
    slope_image = axes[2].imshow(
        relative, cmap="RdBu_r", norm=TwoSlopeNorm(0.0, -3.0, most)
    )
    axes[2].set_title("d log(density) / d log(bandwidth), never below −3")
    bar = figure.colorbar(slope_image, ax=axes[2], shrink=0.85, extend="max")
    bar.set_ticks([-3, -2, -1, *MaxNLocator(5).tick_values(0, most)[:-1]])
    for axis in axes:
        axis.set_axis_off()
    output.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(output, dpi=dpi)
    plt.close(figure)


def main() -> int:
    arguments = parse_arguments()
    random = np.random.default_rng(arguments.seed)
    photograph = load("china.jpg")
    palette = load("flower.jpg").reshape(-1, 3)
    colours = palette[
        random.choice(len(palette), arguments.colours, replace=False)
    ]

    flat = torch.from_numpy(photograph.reshape(-1, 3)[:CHUNK])
    rate = pairs_per_second(flat, torch.from_numpy(colours))
    pixels = int(0.9 * arguments.seconds * rate / len(colours))
    pixels = min(pixels, arguments.pixels or pixels)
    photograph = thin_out(photograph, pixels)
    height, width = photograph.shape[:2]
    print(
        f"china.jpg at {width} x {height} pixels, among {len(colours)} colours "
        "of flower.jpg"
    )

    value, slope, elapsed = compute(photograph, colours)
    pairs = photograph.size // 3 * len(colours)
    rate = pairs / elapsed / 1e6
    print(f"{rate:.0f} million pairs per second, with the derivative")

    rows = random.integers(height * width, size=arguments.rows_check)
    worst = deviations(photograph, colours, (value, slope), rows)
    for name, deviation in zip(("density", "derivative"), worst, strict=True):
        print(f"largest deviation of the {name} from NumPy: {deviation:.1e}")
    draw(photograph, value, slope, arguments.output, arguments.dpi)
    print(f"picture: {arguments.output}")
    return 0 if max(worst) < TOLERANCE else 1


if __name__ == "__main__":
    sys.exit(main())
