# SPDX-License-Identifier: MIT
"""Kernel products of torch tensors, differentiable to any order."""

from gramless.torch.kernel_product import explain, kernel_product
from gramless.torch.kernels import Formula, Kernel, kernel_formulas

__all__ = ["Formula", "Kernel", "explain", "kernel_formulas", "kernel_product"]
