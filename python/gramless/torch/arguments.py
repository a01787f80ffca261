# SPDX-License-Identifier: MIT
"""The arguments of kernel products: types and dtypes checked, and sorted.

Counts and shapes are checked by the engine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any

import torch

from gramless import _core
from gramless.torch.formulas import is_text
from gramless.torch.kernel import Kernel

_HALF = (torch.float16, torch.bfloat16)
# Numbers of a trace, whose values it leaves open.
_SYMBOLS = (torch.SymInt, torch.SymFloat)
_DTYPES = {"float32": torch.float32, "float64": torch.float64}


def fail(kind: type[Exception], text: str) -> None:
    raise kind(f"kernel_product(): expected {text}")


def _type_name(value: object) -> str:
    return "None" if value is None else type(value).__name__


def _described(value: object) -> str:
    """Returns a short text for what stands in a gamma slot."""
    if isinstance(value, torch.Tensor):
        return f"a tensor {tuple(value.shape)}"
    if isinstance(value, (tuple, list)):
        is_flat = not any(isinstance(v, (tuple, list)) for v in value)
        return f"({', '.join(map(_described, value))})" if is_flat else "(...)"
    return repr(value)


def _as_list(value: Any) -> list:
    return list(value) if isinstance(value, (tuple, list)) else [value]


def _check_tensor(
    name: str, value: Any, wish: str = "a tensor"
) -> torch.Tensor:
    """Returns a strided float32 or float64 tensor, or raises TypeError."""
    if not isinstance(value, torch.Tensor):
        fail(TypeError, f"{name} to be {wish}, got {_type_name(value)}.")
    if value.layout != torch.strided:
        layout = str(value.layout).removeprefix("torch.")
        fail(TypeError, f"{name} to be a dense tensor, got {layout}.")
    if value.is_nested:
        fail(TypeError, f"{name} to be a dense tensor, got a nested one.")
    if value.dtype in _HALF and _is_autocast(value.device.type):
        return value.float()
    if value.dtype not in _DTYPES.values():
        dtype = str(value.dtype).removeprefix("torch.")
        fail(TypeError, f"{name} with dtype float32 or float64, got {dtype}.")
    return value


def _is_autocast(device_type: str) -> bool:
    try:
        return torch.is_autocast_enabled(device_type)
    except RuntimeError:  # A device that has none.
        return False


def check_memory(tensors: list[torch.Tensor]) -> None:
    """Raises RuntimeError for tensors whose memory is not there."""
    for tensor in tensors:
        count = tensor.numel()
        if tensor.is_meta or count == 0:
            continue
        last = tensor.storage_offset() + count - 1
        if not tensor.is_contiguous():
            last = tensor.storage_offset() + sum(
                (extent - 1) * stride
                for extent, stride in zip(
                    tensor.shape, tensor.stride(), strict=True
                )
            )
        size = (last + 1) * tensor.element_size()
        is_there = tensor.untyped_storage().nbytes() >= size
        if not is_there or tensor.data_ptr() == 0:
            fail(
                RuntimeError,
                f"tensors with memory, got one {tuple(tensor.shape)} whose "
                "storage is missing or too small.",
            )


def _check_tensors(name: str, values: Any) -> list[torch.Tensor]:
    return [
        _check_tensor(f"{name}[{position}]", value)
        for position, value in enumerate(_as_list(values))
    ]


def _gamma_slots(kernel: Kernel, params: Mapping) -> list:
    """Returns what stands in each gamma slot of `params`."""
    atoms = kernel._core.atoms if kernel._core else []
    gamma = params.get("gamma")
    if "gamma" not in params:
        return [None] * len(atoms)
    is_rows = isinstance(gamma, (tuple, list)) and len(gamma) == 2
    if is_rows and isinstance(gamma[0], str):
        return [gamma]
    return _as_list(gamma) if atoms or gamma is not None else []


def _number(name: str, value: Real) -> float:
    try:
        return float(value)
    except OverflowError:
        fail(ValueError, f"{name} within the range of float64, got more.")


def _check_gamma(
    position: int, value: Any, like: torch.Tensor | None
) -> tuple[torch.Tensor, str] | None:
    """Returns the tensor of a slot, and the axis of its rows if it has any."""
    name = f"gamma[{position}]"
    if value is None:
        return None
    if isinstance(value, (tuple, list)):
        is_named = len(value) == 2 and isinstance(value[0], str)
        is_valid = is_named and value[0] in ("i", "j")
        if not is_valid:
            got = _described(value)
            fail(ValueError, f'{name} as ("i", G) or ("j", G), got {got}.')
        rows, value = value
        if isinstance(value, torch.Tensor) and value.dim() < 2:
            fail(
                ValueError,
                f'("{rows}", G) in {name} with a 2-d G, got '
                f"{tuple(value.shape)}.",
            )
        return _check_tensor(name, value), rows
    if isinstance(value, _SYMBOLS) and like is not None:
        # Graphs leave numbers open in arithmetic of tensors, not in creation.
        value = value * like.new_ones(())
    if isinstance(value, Real) and like is not None:
        value = torch.tensor(
            _number(name, value), dtype=like.dtype, device=like.device
        )
    value = _check_tensor(name, value, "a tensor or a number")
    return value, "j" if value.dim() > 1 else ""


def check_dtype(name: str, value: Any, tensors: list[torch.Tensor]) -> None:
    if value is None:
        return
    wanted = _DTYPES.get(value, value) if isinstance(value, str) else value
    is_dtype = isinstance(wanted, torch.dtype)
    if not is_dtype or wanted not in _DTYPES.values():
        fail(ValueError, f"{name} 'float32' or 'float64', got {value!r}.")
    for tensor in tensors:
        if tensor.dtype != wanted:
            got = str(tensor.dtype).removeprefix("torch.")
            wish = str(wanted).removeprefix("torch.")
            fail(ValueError, f"tensors of the given {name} {wish}, got {got}.")


@dataclass(frozen=True)
class Mode:
    name: str
    older_name: str
    arguments: list[tuple[str, str]]
    is_logarithm: bool


_MODES = [Mode(*row) for row in _core.modes()]
_MODE_NAMES = {
    name: mode for mode in _MODES for name in (mode.name, mode.older_name)
}


def check_mode(name: str) -> Mode:
    if name not in _MODE_NAMES:
        _core.parse_mode(name)  # Raises, with the names there are.
    return _MODE_NAMES[name]


def option(params: Mapping, name: str, keyword: str | None, default: str):
    value = params.get(name) if keyword is None else keyword
    value = default if value is None else value
    if not isinstance(value, str):
        fail(TypeError, f"{name} to be a str, got {_type_name(value)}.")
    if not is_text(value):
        fail(ValueError, f"{name} of characters, got {value!r}.")
    return value


class Call:
    """The arguments of a call, of the right types, as tensors."""

    def __init__(self, params: Mapping, x: Any, y: Any, bs: tuple) -> None:
        if not isinstance(params, Mapping):
            fail(TypeError, f"params to be a dict, got {_type_name(params)}.")
        self.kernel = params.get("id")
        if not isinstance(self.kernel, Kernel):
            got = _type_name(self.kernel)
            fail(TypeError, f"params['id'] to be a Kernel, got {got}.")
        self.x = _check_tensors("x", x)
        self.y = _check_tensors("y", y)
        self.bs = [
            _check_tensor("b" if k == 0 else f"bs[{k}]", b)
            for k, b in enumerate(bs)
        ]
        like = next(iter(self.x + self.y + self.bs), None)
        self.gamma = [
            _check_gamma(position, value, like)
            for position, value in enumerate(_gamma_slots(self.kernel, params))
        ]
        gammas = [slot[0] for slot in self.gamma if slot is not None]
        self.tensors = self.x + self.y + gammas + self.bs
        """The tensors in the engine's order."""

    @property
    def device(self) -> str:
        """Where the first tensor lives; meta tensors are checked as CPU's."""
        device = self.tensors[0].device if self.tensors else "cpu"
        return str(device).replace("meta", "cpu")
