# SPDX-License-Identifier: MIT
"""Runs the Python examples, at a small size."""

import math
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist
from sklearn.datasets import load_sample_image

EXAMPLES = Path(__file__).parents[1] / "examples"


def run(name, *arguments):
    command = [sys.executable, str(EXAMPLES / name), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def seed_in_numpy():
    """Returns what the last block of seed.py prints, from plain formulas."""

    def wave(phase, rows, columns):
        k = np.arange(rows * columns, dtype=np.float64)
        return np.sin(phase + k**2).reshape(rows, columns)

    x, y, b = wave(0.0, 1000, 3), wave(1.0, 2000, 3), wave(2.0, 2000, 2)
    sigma = 0.5
    t = x[:, None, :] - y[None, :, :]
    q = (t**2).sum(2)
    k = np.exp(-q / (2 * sigma**2))
    a = k @ b
    weights = k * b.sum(1)
    slopes = -t / sigma**2 * weights[:, :, None]
    gradients = {
        "x": slopes.sum(1),
        "y": slopes.sum(0),
        "b": np.repeat(k.sum(0)[:, None], 2, axis=1),
        "sigma": (q * weights).sum() / sigma**3,
    }
    lines = [f"a[{i}] = {a[i, 0]:.6f} {a[i, 1]:.6f}" for i in (0, 1, 999)]
    lines += [f"norm of a: {np.linalg.norm(a):.6f}"]
    for name, gradient in gradients.items():
        norm = np.linalg.norm(gradient)
        lines += [f"norm of the gradient in {name}: {norm:.6f}"]
    return lines


def test_seed_prints_what_numpy_computes():
    printed = run("seed.py")
    block = printed[printed.index("the same as") :].splitlines()[1:]
    assert [line.strip() for line in block] == seed_in_numpy()
    assert "grad_fn: None" in printed
    assert "grad_fn=<MapReduceBackward" in printed


def test_photograph_checks_itself_and_saves_a_picture(tmp_path):
    picture = tmp_path / "photograph.png"
    size = ("--pixels", 2000, "--colours", 400, "--dpi", 50)
    size += ("--output", picture)
    printed = run("photograph.py", *size)
    deviations = re.findall(r"from NumPy: (\S+)", printed)
    assert len(deviations) == 2
    assert all(float(deviation) < 1e-5 for deviation in deviations)
    assert Image.open(picture).format == "PNG"
    assert Image.open(picture).size == (800, 195)


def numbers_after(label, printed):
    """Returns the numbers on each line that starts with a label."""
    lines = re.findall(rf"^{re.escape(label)}(.*)", printed, re.MULTILINE)
    return [
        [float(number) for number in re.findall(r"-?\d[\d.e+-]*", line)]
        for line in lines
    ]


def test_colour_transfer_finds_a_plan_close_to_the_cheapest(tmp_path):
    picture = tmp_path / "colours.png"
    count, blur = 500, 0.05
    size = ("--samples", count, "--blur", blur, "--dpi", 65)
    size += ("--output", picture)
    printed = run("colour_transfer.py", *size)
    [[error]] = numbers_after("marginal error of the plan: ", printed)
    assert error < 1e-3

    photographs = [
        load_sample_image(name).reshape(-1, 3) / 255.0
        for name in ("china.jpg", "flower.jpg")
    ]
    random = np.random.default_rng(0)
    samples = [
        colours[random.choice(len(colours), count, replace=False)]
        for colours in photographs
    ]
    costs = cdist(*samples, "sqeuclidean")
    cheapest = costs[linear_sum_assignment(costs)].mean()
    [[distance]] = numbers_after("distance that colours move: ", printed)
    # The plan minimizes its cost + blur^2 * (its divergence from independent
    # colours), and divergences lie between 0 and, for the cheapest plan,
    # log(count). An error in the marginals is so much mass at costs up to 3.
    slack = 3 * error + 2 * distance * 0.0005
    most = cheapest + blur**2 * math.log(count)
    assert cheapest - slack < distance**2 < most + slack

    # Of both means over all pixels, five standard errors of both samples.
    means = numbers_after("  ", printed)
    for (before, after), own, other in zip(
        ((line[:3], line[3:]) for line in means),
        photographs,
        photographs[::-1],
        strict=True,
    ):
        assert np.allclose(before, own.mean(axis=0), rtol=0, atol=0.001)
        errors = other.std(axis=0) * math.sqrt(2 / count)
        assert np.all(np.abs(after - other.mean(axis=0)) < 5 * errors)
    [[deviation]] = numbers_after("largest deviation", printed)
    assert deviation < 0.25 / 255
    assert Image.open(picture).size == (975, 494)


@pytest.mark.parametrize(("dimensions", "panels"), [(2, 1), (3, 3)])
def test_digits_mixture_is_as_likely_as_that_of_scikit_learn(
    dimensions, panels, tmp_path
):
    picture = tmp_path / "digits.png"
    size = ("--components", 8, "--steps", 150, "--dpi", 60)
    size += ("--output", picture)
    printed = run("digits_mixture.py", "--dimensions", dimensions, *size)
    [[first, last]] = numbers_after("log-likelihood: ", printed)
    [[same]] = numbers_after("the same by scikit-learn: ", printed)
    [[other]] = numbers_after("its own fit of 8: ", printed)
    [[single]] = numbers_after("its own fit of 1: ", printed)
    # Coordinates have unit variance with divisor n - 1, where the best single
    # Gaussian takes n.
    count = 1797
    entropy = 1 + math.log(2 * math.pi * (count - 1) / count)
    assert single == pytest.approx(-dimensions / 2 * entropy, abs=1e-4)
    assert last > first
    assert last > single + 0.2
    assert last > other - 0.02 * abs(other)
    assert last == pytest.approx(same, abs=2.1e-4)
    assert Image.open(picture).size == (540 * panels, 480)
