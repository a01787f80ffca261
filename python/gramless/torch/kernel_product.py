# SPDX-License-Identifier: MIT
"""The kernel product: arguments in, checked and sorted, result out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from numbers import Real
from typing import Any

import torch

from gramless import _core
from gramless.torch.dense_modes import dense_matrix, dense_product
from gramless.torch.kernels import Kernel
from gramless.torch.map_reduce import (
    MapReduce,
    explain_function,
    log_sum,
    view_of,
    vjp,
)

_HALF = (torch.float16, torch.bfloat16)
_DTYPES = {"float32": torch.float32, "float64": torch.float64}


def _fail(kind: type[Exception], text: str) -> None:
    raise kind(f"kernel_product(): expected {text}")


def _type_name(value: object) -> str:
    return "None" if value is None else type(value).__name__


def _described(value: object) -> str:
    """Returns a short text for what stands in a gamma slot."""
    if isinstance(value, torch.Tensor):
        return f"a tensor {tuple(value.shape)}"
    if isinstance(value, (tuple, list)):
        return f"({', '.join(map(_described, value))})"
    return repr(value)


def _as_list(value: Any) -> list:
    return list(value) if isinstance(value, (tuple, list)) else [value]


def _check_tensor(
    name: str, value: Any, wish: str = "a tensor"
) -> torch.Tensor:
    """Returns a strided float32 or float64 tensor, or raises TypeError."""
    if not isinstance(value, torch.Tensor):
        _fail(TypeError, f"{name} to be {wish}, got {_type_name(value)}.")
    if value.layout != torch.strided:
        layout = str(value.layout).removeprefix("torch.")
        _fail(TypeError, f"{name} to be a dense tensor, got {layout}.")
    if value.dtype in _HALF and torch.is_autocast_enabled(value.device.type):
        return value.float()
    if value.dtype not in _DTYPES.values():
        dtype = str(value.dtype).removeprefix("torch.")
        _fail(TypeError, f"{name} with dtype float32 or float64, got {dtype}.")
    return value


def _check_tensors(name: str, values: Any) -> list[torch.Tensor]:
    return [
        _check_tensor(f"{name}[{position}]", value)
        for position, value in enumerate(_as_list(values))
    ]


def _gamma_slots(kernel: Kernel, params: Mapping) -> list:
    """Returns what stands in each gamma slot of `params`."""
    atoms = kernel._core.atoms
    gamma = params.get("gamma")
    if "gamma" not in params:
        return [None] * len(atoms)
    is_rows = isinstance(gamma, (tuple, list)) and len(gamma) == 2
    if is_rows and isinstance(gamma[0], str):
        return [gamma]
    return _as_list(gamma) if atoms or gamma is not None else []


def _check_gamma(
    position: int, value: Any, like: torch.Tensor | None
) -> tuple[torch.Tensor, str] | None:
    """Returns the tensor of a slot, and the axis of its rows if it is 2-d."""
    name = f"gamma[{position}]"
    if value is None:
        return None
    if isinstance(value, (tuple, list)):
        is_valid = len(value) == 2 and value[0] in ("i", "j")
        if not is_valid:
            got = _described(value)
            _fail(ValueError, f'{name} as ("i", G) or ("j", G), got {got}.')
        rows, value = value
        if isinstance(value, torch.Tensor) and value.dim() != 2:
            _fail(
                ValueError,
                f'("{rows}", G) in {name} with a 2-d G, got '
                f"{tuple(value.shape)}.",
            )
        return _check_tensor(name, value), rows
    if isinstance(value, Real) and like is not None:
        value = torch.tensor(float(value), dtype=like.dtype, device=like.device)
    value = _check_tensor(name, value, "a tensor or a number")
    return value, "j" if value.dim() == 2 else ""


def _check_dtype(name: str, value: Any, tensors: list[torch.Tensor]) -> None:
    if value is None:
        return
    wanted = _DTYPES.get(value, value) if isinstance(value, str) else value
    if wanted not in _DTYPES.values():
        _fail(ValueError, f"{name} 'float32' or 'float64', got {value!r}.")
    for tensor in tensors:
        if tensor.dtype != wanted:
            got = str(tensor.dtype).removeprefix("torch.")
            wish = str(wanted).removeprefix("torch.")
            _fail(ValueError, f"tensors of the given {name} {wish}, got {got}.")


@dataclass(frozen=True)
class _Mode:
    name: str
    older_name: str
    arguments: list[tuple[str, str]]
    is_logarithm: bool


_MODES = [_Mode(*row) for row in _core.modes()]
_MODE_NAMES = {
    name: mode for mode in _MODES for name in (mode.name, mode.older_name)
}


def _check_mode(name: str) -> _Mode:
    if name not in _MODE_NAMES:
        _core.parse_mode(name)  # Raises, with the names there are.
    return _MODE_NAMES[name]


def _option(params: Mapping, name: str, keyword: str | None, default: str):
    value = params.get(name) if keyword is None else keyword
    value = default if value is None else value
    if not isinstance(value, str):
        _fail(TypeError, f"{name} to be a str, got {_type_name(value)}.")
    return value


@lru_cache(maxsize=256)
def _function(
    kernel: _core.Kernel, signature: _core.Signature
) -> _core.ArrayFunction:
    return _core.ArrayFunction(kernel, signature)


@lru_cache(maxsize=256)
def _shift_function(
    kernel: _core.Kernel, signature: _core.Signature
) -> _core.ArrayFunction:
    return _core.ArrayFunction.of_shift(kernel, signature)


class _Call:
    """The arguments of a call, checked."""

    def __init__(self, params: Mapping, x: Any, y: Any, bs: tuple) -> None:
        if not isinstance(params, Mapping):
            _fail(TypeError, f"params to be a dict, got {_type_name(params)}.")
        self.kernel = params.get("id")
        if not isinstance(self.kernel, Kernel):
            got = _type_name(self.kernel)
            _fail(TypeError, f"params['id'] to be a Kernel, got {got}.")
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

    @property
    def tensors(self) -> list[torch.Tensor]:
        """The tensors in the engine's order."""
        gammas = [slot[0] for slot in self.gamma if slot is not None]
        return self.x + self.y + gammas + self.bs

    @property
    def device(self) -> str:
        """Where the first tensor lives; meta tensors are checked as CPU's."""
        device = self.tensors[0].device if self.tensors else "cpu"
        return str(device).replace("meta", "cpu")

    def functions(self, mode: _Mode) -> list[_core.ArrayFunction]:
        """Checks the tensors against the kernel; returns what to run.

        In a mode that is a logarithm, this is the scaled sum and its scale.
        """
        signature = _core.check_arguments(
            self.kernel._core,
            [view_of(tensor) for tensor in self.x],
            [view_of(tensor) for tensor in self.y],
            [
                _core.Gamma(view_of(slot[0]), slot[1] or "j")
                if slot
                else _core.Gamma(None)
                for slot in self.gamma
            ],
            [view_of(tensor) for tensor in self.bs],
            mode.name,
        )
        functions = [_function(self.kernel._core, signature)]
        if mode.is_logarithm:
            functions.append(_shift_function(self.kernel._core, signature))
        return functions


def kernel_product(
    params: Mapping[str, Any],
    x: Any,
    y: Any,
    *bs: torch.Tensor,
    mode: str | None = None,
    backend: str | None = None,
    dtype: Any = None,
    cuda_type: Any = None,
) -> torch.Tensor:
    r"""Computes a_i = Σ_j k(x_i, y_j) b_j, without the M-by-N matrix.

    Args:
        params: a dict with "id", a `Kernel`; "gamma", its parameters; and
            optionally "mode" and "backend". Other keys are ignored.

            "gamma" has one slot for each atom of the kernel, in reading
            order; for a kernel with one atom it may be bare. A slot is None
            for an atom without a parameter (linear, binet), otherwise G in
            q = <x - y, G (x - y)>: a number or a tensor of shape () or (1,)
            (a scalar), (D,) (a diagonal) or (D*D,) (a matrix, row-major,
            used as given); or with one row for each j, (N, 1), (N, D) or
            (N, D*D), the same as ("j", G); or ("i", G) with M rows.
        x: the targets: a tensor (M, D), or one for each pair of variables.
        y: the sources: a tensor (N, D), likewise.
        bs: what the mode takes: the signal b, (N, E), and so on.
        mode: what is computed; the keyword wins over `params`. With
            c = log k(x_i, y_j), and bs in this order,

            - "sum", the default, b: Σ_j k b_j
            - "lse", b: log Σ_j exp(c + b_j), column by column
            - "log_scaled", b, A, B: Σ_j exp(c + A_i + B_j) b_j
            - "log_scaled_lse", b, A, B: log Σ_j exp(c + A_i + B_j + b_j)
            - "log_scaled_barycenter", b, A, B, C:
              Σ_j exp(c + A_i + B_j) (b_j - C_i)
            - "lse_mult_i", b, H: log Σ_j exp(H_i c + b_j)
            - "sinkhorn_cost", S, T: Σ_j -c exp(c + S_i + T_j)
            - "sinkhorn_primal", S, T, U, V:
              Σ_j (U_i + V_j - 1) exp(c + S_i + T_j)

            b is (N, E) and C (M, E); in the mode "lse_mult_i" b is (N, 1);
            A, H, S and U are (M, 1), and B, T and V (N, 1). Of a kernel that
            can be negative, exp(c) is k, and the logarithm of a sum is NaN
            where the sum is negative; the modes "lse_mult_i" and
            "sinkhorn_cost", which use c itself, take no such kernel.
        backend: "auto", the default, runs the engine of the tensors' device;
            "reference" runs plain float64 loops; "checked" runs the engine
            twice, between guard pages, and compares it with "reference";
            "pytorch" runs plain torch operations, which hold the matrix;
            "matrix" returns the (M, N) matrix itself; "CPU" and "GPU*" are
            older names of the engines.
        dtype, cuda_type: if given, "float32" or "float64", or torch's dtypes:
            checked against the tensors.

    Returns:
        A tensor of shape (M, E), or (M, 1) where there is no b, with the
        dtype and device of the arguments, differentiable to any order with
        respect to all tensors in x, y, bs and gamma. A root has derivative 0
        at 0. The logarithm of an empty sum, or of zeros, is -inf, with
        derivative 0.

    Raises:
        ValueError: a wrong shape, count, name of a mode or of a backend.
        TypeError: not a tensor, or a wrong or mixed dtype.
        RuntimeError: tensors on different devices, or no engine for one.

    Example:
        >>> import torch
        >>> x = torch.tensor([[0.0], [1.0]])
        >>> y = torch.tensor([[0.0], [2.0]])
        >>> b = torch.tensor([[1.0], [1.0]])
        >>> params = {"id": Kernel("cauchy(x,y)"), "gamma": 1.0}
        >>> kernel_product(params, x, y, b)
        tensor([[1.2000],
                [1.0000]])
    """
    call = _Call(params, x, y, bs)
    mode = _check_mode(_option(params, "mode", mode, "sum"))
    backend = _option(params, "backend", backend, "auto")
    if backend not in ("pytorch", "matrix"):
        _core.check_backend(backend, call.device)
    _check_dtype("dtype", dtype, call.tensors)
    _check_dtype("cuda_type", cuda_type, call.tensors)
    functions = call.functions(mode)
    if backend in ("pytorch", "matrix"):
        dense = dense_matrix if backend == "matrix" else dense_product
        given = (call.x, call.y, call.gamma, call.bs)
        return dense(call.kernel._core, *given, mode.name)
    if mode.is_logarithm:
        return log_sum(*functions, backend, call.tensors)
    return MapReduce.apply(functions[0], backend, *call.tensors)[0]


def explain(
    params: Mapping[str, Any],
    x: Any,
    y: Any,
    *bs: torch.Tensor,
    mode: str | None = None,
    code: str | None = None,
) -> str:
    """Returns what `kernel_product` runs for these arguments, as text.

    For the forward pass, and for a backward pass to all tensors that require
    a gradient: the formula with its shared nodes; for each sweep the program
    with its instructions by rate, and the plan with the reason of each
    choice; the time of each stage. Takes the arguments of `kernel_product`
    and raises what it raises.

    Args:
        code: "llvm" or "assembly" adds the generated code of each sweep.
    """
    call = _Call(params, x, y, bs)
    mode = _check_mode(_option(params, "mode", mode, "sum"))
    functions = call.functions(mode)
    wrt = tuple(
        position
        for position, tensor in enumerate(call.tensors)
        if tensor.requires_grad
    )
    if wrt:
        functions.append(vjp(functions[0], wrt, (0,)))
    return "\n".join(
        explain_function(each, call.tensors, code) for each in functions
    )
