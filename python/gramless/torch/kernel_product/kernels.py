# SPDX-License-Identifier: MIT
"""Where programs for KeOps 1.0 to 1.5 find kernels and products."""

from gramless.torch.formulas import Formula, kernel_formulas
from gramless.torch.kernel import Kernel
from gramless.torch.kernel_product import kernel_product

__all__ = ["Formula", "Kernel", "kernel_formulas", "kernel_product"]
