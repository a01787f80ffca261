# SPDX-License-Identifier: MIT
"""The operator gramless::map_reduce, which traces of torch consist of.

It says its program as text, so that a graph runs in any process that has
imported this package. Derivatives are calls of it with other programs.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from gramless import _core
from gramless.torch.map_reduce import compute, evaluate_batch, map_reduce
from gramless.torch.program import program_of


def _compute(
    program: str, backend: str, tensors: list[torch.Tensor]
) -> list[torch.Tensor]:
    # No views: torch may pass tensors without memory.
    return list(compute(program_of(program), backend, tensors, ()))


def _allocate(
    program: str, backend: str, tensors: list[torch.Tensor]
) -> list[torch.Tensor]:
    return [
        tensors[0].new_empty(shape, dtype=dtype)
        for shape, dtype in program_of(program).result_forms(tensors, backend)
    ]


def _differentiate(
    program: str, backend: str, tensors: list[torch.Tensor]
) -> list[torch.Tensor]:
    return list(map_reduce(program_of(program), backend, None, *tensors))


def _compute_gradients(
    program: str, backend: str, tensors: list[torch.Tensor]
) -> list[torch.Tensor]:
    # What torch.compile made of a derivative, in a batch of gradients.
    return list(evaluate_batch(program_of(program), backend, tensors))


# Not by torch.library.register_autograd and register_vmap: such operators have
# no gradients inside of torch.func, and zeros for tangents.
_KERNELS = {
    "CPU": _compute,
    "CUDA": _compute,
    "Autograd": _differentiate,
    "FuncTorchDynamicLayerFrontMode": _differentiate,
    "Batched": _compute_gradients,
}


def _define() -> torch.library.Library:
    library = torch.library.Library("gramless", "DEF")
    library.define(
        "map_reduce(str program, str backend, Tensor[] tensors) -> Tensor[]",
        tags=torch.Tag.pt2_compliant_tag,
    )
    for key, kernel in _KERNELS.items():
        library.impl("map_reduce", kernel, key)
    torch.library.register_fake("gramless::map_reduce", _allocate, lib=library)
    return library


# An operator outlives this module, where it is removed and imported again.
_LIBRARY = None if hasattr(torch.ops.gramless, "map_reduce") else _define()


def check_sizes(
    function: _core.ArrayFunction, tensors: Sequence[torch.Tensor]
) -> None:
    """Tells a trace which sizes have to be equal.

    The engine has checked numbers that stand for them.
    """
    rows: dict[str, int | torch.SymInt] = {}
    for (_, pair, columns, _), tensor in zip(
        function.arguments, tensors, strict=True
    ):
        if tensor.dim() > 0:
            torch._check(tensor.shape[-1] == columns)
        if tensor.dim() > 1:
            size = tensor.shape[-2]
            torch._check(size == (rows.setdefault(pair, size) if pair else 1))
