# SPDX-License-Identifier: MIT
"""A kernel product that other threads and processes can be asked for."""

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
