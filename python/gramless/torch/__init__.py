# SPDX-License-Identifier: MIT
"""Kernel products of torch tensors, differentiable to any order."""

from importlib.util import find_spec

if find_spec("torch") is None:
    raise ModuleNotFoundError(
        "gramless.torch: expected torch 2.4 or later, got no module 'torch'. "
        "Install it: pip install 'gramless[torch]'.",
        name="torch",
    )

from gramless.torch.formulas import Formula, kernel_formulas
from gramless.torch.kernel import Kernel
from gramless.torch.kernel_product import explain, kernel_product

__all__ = ["Formula", "Kernel", "explain", "kernel_formulas", "kernel_product"]
