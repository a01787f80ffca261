# SPDX-License-Identifier: MIT
"""A mixture of Gaussians for handwritten digits, fitted by gradient descent.

The digits are projected to D = 2 or 3 coordinates by principal components.
The mixture has the density

    p(x) = sum_j w_j |det A_j| (2 pi)^(-D/2) exp(-|A_j^T (x - m_j)|^2 / 2),

which is a kernel product in the mode "lse",

    log p(x) = log sum_j exp(-<x - m_j, G_j (x - m_j)> + b_j),

with a metric for each component, G_j = A_j A_j^T / 2, and with b_j = log w_j +
log |det A_j| - D/2 log(2 pi). The A_j are triangular, so that the determinant
is a product. Adam finds the weights w, the means m and the factors A of the
largest mean of log p over the digits.
"""

from __future__ import annotations

import argparse
import itertools
import math
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
import torch
from sklearn.cluster import kmeans_plusplus
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.mixture import GaussianMixture
from tqdm import tqdm

from gramless.torch import Kernel, kernel_product

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.image import AxesImage
from matplotlib.patches import Ellipse

GAUSSIAN = Kernel("gaussian(x,y)")
LEARNING_RATE = 0.03
FIRST_DEVIATION = 0.5  # Of each component, where digits have 1.
TOLERANCE = 1e-4  # Of the log-likelihood.
GRID = 400
RANGE = 6.5  # Of the log-densities that the picture shows.
HEAT = LinearSegmentedColormap.from_list(
    "heat", ["#ffffff", "#f0f5f9", "#dde8f1", "#c2d5e5"]
)
COLOURS = 0.8 * np.array(plt.get_cmap("tab10").colors)  # Dark on light.


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="A mixture of Gaussians with full covariances, fitted to "
        "handwritten digits by gradient descent."
    )
    add = parser.add_argument
    add("--components", type=int, default=15, help="how many Gaussians")
    add("--steps", type=int, default=400, help="of Adam, with all digits")
    add("--dimensions", type=int, default=2, choices=(2, 3), help="of digits")
    add("--seed", type=int, default=0, help="of the first means")
    add("--output", type=Path, default=Path("build/digits_mixture.png"))
    add("--dpi", type=int, default=120, help="of the picture")
    return parser.parse_args()


@dataclass
class Mixture:
    """Weights (N, 1) by their logarithms, means (N, D), factors (N, D, D).

    The weights need not sum to 1, and the factors have their lower triangles.
    """

    weights: torch.Tensor
    means: torch.Tensor
    factors: torch.Tensor

    def log_density(self, x: torch.Tensor) -> torch.Tensor:
        count, dimensions = self.means.shape
        factors = self.factors.tril()
        gamma = (factors @ factors.mT / 2).reshape(count, dimensions**2)
        volumes = factors.diagonal(dim1=1, dim2=2).abs().log().sum(1)
        b = torch.log_softmax(self.weights, 0) + volumes[:, None]
        b = b - dimensions / 2 * math.log(2 * math.pi)
        params = {"id": GAUSSIAN, "gamma": gamma}
        return kernel_product(params, x, self.means, b, mode="lse")

    def covariances(self) -> torch.Tensor:
        factors = self.factors.tril()
        return torch.linalg.inv(factors @ factors.mT)

    def marginal(self, pair: list[int]) -> Mixture:
        """Returns the mixture of two of the coordinates."""
        covariances = self.covariances()[:, pair][:, :, pair]
        factors = torch.linalg.cholesky(torch.linalg.inv(covariances))
        return Mixture(self.weights, self.means[:, pair], factors)


def first_mixture(x: torch.Tensor, components: int, seed: int) -> Mixture:
    """Returns round components at digits far from each other."""
    _, chosen = kmeans_plusplus(x.numpy(), components, random_state=seed)
    eye = torch.eye(x.shape[1]) / FIRST_DEVIATION
    return Mixture(
        torch.zeros(components, 1),
        x[chosen].clone(),
        eye.repeat(components, 1, 1),
    )


def fit(x: torch.Tensor, mixture: Mixture, steps: int) -> list[float]:
    """Improves the mixture, and returns the log-likelihoods on the way."""
    leaves = [mixture.weights, mixture.means, mixture.factors]
    optimizer = torch.optim.Adam(leaves, lr=LEARNING_RATE)
    history = []
    for leaf in leaves:
        leaf.requires_grad_()
    progress = tqdm(range(steps), "fit", unit="step", ncols=80)
    for _ in progress:
        optimizer.zero_grad()
        likelihood = mixture.log_density(x).mean()
        (-likelihood).backward()
        optimizer.step()
        history.append(likelihood.item())
        progress.set_postfix_str(f"log-likelihood {history[-1]:.4f}", False)
    for leaf in leaves:
        leaf.requires_grad_(False)
    history.append(mixture.log_density(x).mean().item())
    return history


def likelihood_sklearn(mixture: Mixture, data: np.ndarray) -> float:
    """Returns the log-likelihood of the mixture by scikit-learn."""
    same = GaussianMixture(len(mixture.means))
    same.weights_ = torch.softmax(mixture.weights[:, 0], 0).numpy()
    same.means_ = mixture.means.numpy()
    same.precisions_cholesky_ = mixture.factors.tril().numpy()
    return same.score(data)


def draw_ellipses(axis: plt.Axes, mixture: Mixture) -> None:
    """Shows each component where it is one standard deviation off its mean."""
    squares, directions = torch.linalg.eigh(mixture.covariances())
    for mean, square, direction in zip(
        mixture.means, squares, directions, strict=True
    ):
        height, width = (2 * square.sqrt()).tolist()
        angle = math.degrees(math.atan2(direction[1, 1], direction[0, 1]))
        ellipse = Ellipse(mean.tolist(), width, height, angle=angle)
        ellipse.set(fill=False, edgecolor="black", linewidth=1.2)
        axis.add_patch(ellipse)
    mark = {"markersize": 14, "markerfacecolor": "none", "color": "black"}
    what = "a Gaussian: one standard deviation around its mean"
    axis.plot([], [], "o", label=what, **mark)
    axis.legend(loc="upper right")


def draw_marginal(
    axis: plt.Axes, mixture: Mixture, x: torch.Tensor, digits: np.ndarray
) -> AxesImage:
    """Shows a mixture of two coordinates, and returns its heat map."""
    side = 1.15 * x.abs().max().item()
    line = torch.linspace(-side, side, GRID)
    heat = mixture.log_density(torch.cartesian_prod(line, line))
    heat = heat.reshape(GRID, GRID).T.numpy()
    image = axis.imshow(
        heat,
        extent=(-side, side, -side, side),
        origin="lower",
        cmap=HEAT,
        vmin=heat.max() - RANGE,
        vmax=heat.max(),
    )
    for digit in range(10):
        marks = {"marker": f"${digit}$", "s": 32, "linewidths": 0.2}
        axis.scatter(*x[digits == digit].T, color=COLOURS[digit], **marks)
    draw_ellipses(axis, mixture)
    return image


def draw(
    mixture: Mixture,
    x: torch.Tensor,
    digits: np.ndarray,
    output: Path,
    dpi: int,
) -> None:
    """Saves one panel for each pair of coordinates."""
    pairs = list(itertools.combinations(range(x.shape[1]), 2))
    figure, axes = plt.subplots(
        1,
        len(pairs),
        figsize=(9 * len(pairs), 8),
        layout="constrained",
        squeeze=False,
    )
    for axis, pair in zip(axes[0], map(list, pairs), strict=True):
        image = draw_marginal(axis, mixture.marginal(pair), x[:, pair], digits)
        axis.set_xlabel(f"principal component {pair[0] + 1}")
        axis.set_ylabel(f"principal component {pair[1] + 1}")
        bar = {"extend": "min", "shrink": 0.8, "pad": 0.02}
        figure.colorbar(image, ax=axis, label="log-density", **bar)
    figure.suptitle(
        f"{len(x)} handwritten digits and the density of a mixture of "
        f"{len(mixture.means)} Gaussians"
    )
    output.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(output, dpi=dpi)
    plt.close(figure)


def main() -> int:
    arguments = parse_arguments()
    components, seed = arguments.components, arguments.seed
    images, digits = load_digits(return_X_y=True)
    data = PCA(arguments.dimensions, whiten=True).fit_transform(images)
    x = torch.from_numpy(data.astype(np.float32))
    print(f"{len(x)} digits in {x.shape[1]} dimensions, {components} Gaussians")

    mixture = first_mixture(x, components, seed)
    start = time.perf_counter()
    history = fit(x, mixture, arguments.steps)
    elapsed = time.perf_counter() - start
    first, last = history[0], history[-1]
    print(f"{elapsed:.1f} s for {arguments.steps} steps")
    print(f"log-likelihood: {first:.4f} at first, {last:.4f} at last")
    same = likelihood_sklearn(mixture, data)
    print(f"the same by scikit-learn: {same:.4f} at last")
    for count in (components, 1):
        other = GaussianMixture(count, random_state=seed).fit(data)
        print(f"its own fit of {count}: {other.score(data):.4f}")
    draw(mixture, x, digits, arguments.output, arguments.dpi)
    print(f"picture: {arguments.output}")
    return 0 if abs(last - same) < TOLERANCE else 1


if __name__ == "__main__":
    sys.exit(main())
