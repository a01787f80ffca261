# SPDX-License-Identifier: MIT
"""Kernel products that other threads and processes can be asked for."""

import hashlib
import os
import subprocess
import sys

import numpy as np
import torch

from gramless.torch import Kernel, kernel_product


def compute(
    name: str, seed: int = 0, rows: int = 300
) -> tuple[np.ndarray, np.ndarray]:
    """Returns a product and its gradient in x, as NumPy arrays."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.rand(rows, 3, generator=generator, requires_grad=True)
    y = torch.rand(2000, 3, generator=generator)
    b = torch.rand(2000, 2, generator=generator)
    a = kernel_product({"id": Kernel(name), "gamma": 2.0}, x, y, b)
    a.sum().backward()
    return a.detach().numpy(), x.grad.numpy()


def digest(rows: int, columns: int) -> str:
    """Returns a digest of the bits of products and all their gradients."""
    bits = hashlib.sha256()
    for dtype in (torch.float32, torch.float64):
        generator = torch.Generator().manual_seed(0)
        sizes = ((rows, 3), (columns, 3), (columns, 2), (3,))
        tensors = [
            torch.rand(
                size, generator=generator, dtype=dtype, requires_grad=True
            )
            for size in sizes
        ]
        x, y, b, gamma = tensors
        params = {"id": Kernel("matern52(x,y)"), "gamma": gamma}
        a = kernel_product(params, x, y, b)
        gradients = torch.autograd.grad(a.square().sum(), tensors)
        for result in (a.detach(), *gradients):
            bits.update(result.numpy().tobytes())
    return bits.hexdigest()


def run_python(code: str, **environment: str) -> str:
    """Returns what Python prints, run in another process."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
