# SPDX-License-Identifier: MIT
"""Kernel products of torch tensors, differentiable to any order."""

from gramless.torch.formulas import Formula, kernel_formulas
from gramless.torch.kernel import Kernel
from gramless.torch.kernel_product import explain, kernel_product

__all__ = ["Formula", "Kernel", "explain", "kernel_formulas", "kernel_product"]
