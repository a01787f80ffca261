# SPDX-License-Identifier: MIT
"""Where programs for KeOps 0.0 find kernels and products."""

from gramless.torch.formulas import kernel_formulas
from gramless.torch.kernel import Kernel
from gramless.torch.kernel_product import kernel_product

__all__ = ["Kernel", "kernel_formulas", "kernel_product"]
