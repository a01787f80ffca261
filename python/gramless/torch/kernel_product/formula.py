# SPDX-License-Identifier: MIT
"""Where programs for KeOps 1.0 to 1.5 find Formula, and with a star torch."""

import torch

from gramless.torch.formulas import Formula

__all__ = ["Formula", "torch"]
