# SPDX-License-Identifier: MIT
"""How torch.compile sees a product: as one node of its graph.

Dynamo traces Python, but for functions that it is told to call as they are.
It gives them tensors and constants alone, so a kernel comes as its text.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import torch
from torch._dynamo.exc import Unsupported
from torch._guards import TracingContext

from gramless.torch.kernel import Kernel
from gramless.torch.kernel_product import kernel_product
from gramless.torch.transforms import is_traced

_kernel_of = lru_cache(maxsize=512)(Kernel.of_text)


@torch.compiler.disable
def _text(name: str | None, formulas: tuple) -> str:
    return Kernel(name, *formulas).text


@torch.compiler.assume_constant_result
def text_of(name: str | None, formulas: tuple, own: str) -> str:
    """Returns the text of a kernel that is made inside of a graph.

    `own` says what there is beside the catalogue: graphs go by it.
    """
    try:
        return _text(name, formulas)
    except (TypeError, ValueError) as error:
        if TracingContext.try_get() is None:
            raise
        raise Unsupported(str(error)) from error


@torch.compiler.allow_in_graph
@torch.compiler.disable
def product(
    kernel: str | None, params: Any, x: Any, y: Any, bs: tuple, choices: dict
) -> torch.Tensor:
    """Calls kernel_product(), whose checks end the graph where they fail.

    What runs then is the call itself, which raises what it raises elsewhere.
    """
    if kernel is not None:
        params = {**params, "id": _kernel_of(kernel)}
    try:
        return kernel_product(params, x, y, *bs, **choices)
    except Exception as error:
        if is_traced(()) and str(error).startswith("kernel_product(): "):
            raise Unsupported(str(error)) from error
        raise
