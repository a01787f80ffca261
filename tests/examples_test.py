# SPDX-License-Identifier: MIT
"""Runs the Python examples, at a small size."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np

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
    size = ("--pixels", 2000, "--colours", 400, "--output", picture)
    printed = run("photograph.py", *size)
    deviations = re.findall(r"from NumPy: (\S+)", printed)
    assert len(deviations) == 2
    assert all(float(deviation) < 1e-5 for deviation in deviations)
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert picture.stat().st_size > 10_000
