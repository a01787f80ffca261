# SPDX-License-Identifier: MIT
"""Kernel products without the Gram matrix. The front ends are subpackages.

>>> from gramless.torch import Kernel, kernel_product
"""

from importlib.metadata import version

__version__ = version("gramless")
