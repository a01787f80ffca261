# SPDX-License-Identifier: MIT
"""The kernel product: arguments in, result out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch.utils._pytree import tree_map

from gramless import _core
from gramless.torch import map_reduce, operators
from gramless.torch.arguments import (
    Call,
    Mode,
    check_dtype,
    check_memory,
    check_mode,
    fail,
    option,
)
from gramless.torch.dense_batch import over_batch
from gramless.torch.dense_modes import dense_matrix, dense_product
from gramless.torch.formulas import Formula, kernel_formulas
from gramless.torch.kernel import Kernel
from gramless.torch.map_reduce import form_of
from gramless.torch.program import Program
from gramless.torch.transforms import is_traced, is_transforming

__all__ = ["Formula", "Kernel", "explain", "kernel_formulas", "kernel_product"]


_function_of = _core.ArrayFunction.of  # Tests build it in other ways.


_NO_GAMMA = _core.Gamma(None)


def _checked_function(
    call: Call, mode: Mode
) -> tuple[_core.ArrayFunction | None, list[_core.Array]]:
    """Checks the tensors against the kernel.

    Returns what to run, and views of the tensors in the engine's order.
    """
    if call.kernel._core is None:
        return None, []  # A routine: it checks what it takes.
    x = [form_of(tensor) for tensor in call.x]
    y = [form_of(tensor) for tensor in call.y]
    gamma = [slot and form_of(slot[0]) for slot in call.gamma]
    bs = [form_of(tensor) for tensor in call.bs]
    slots = [
        _core.Gamma(view, slot[1] or "j") if slot else _NO_GAMMA
        for view, slot in zip(gamma, call.gamma, strict=True)
    ]
    function = _function_of(call.kernel._core, x, y, slots, bs, mode.name)
    return function, [*x, *y, *filter(None, gamma), *bs]


def _check_routines(kernel: Kernel, is_dense: bool, backend: str) -> None:
    if kernel.needs_routines and not is_dense:
        fail(
            NotImplementedError,
            "backend 'pytorch' for a kernel of routines without formulas, "
            f"got '{backend}'.",
        )


def _in_graph(params: Any, x: Any, y: Any, *bs: Any, **choices: Any) -> Any:
    """What kernel_product() is while torch.compile traces it.

    Makes it a node of the graph; where that is impossible, the graph ends
    before the product, and the next one starts behind it.
    """
    kernel = params.get("id") if isinstance(params, Mapping) else None
    text = kernel.text if isinstance(kernel, Kernel) else None
    if text == "":
        return torch.compiler.disable(kernel_product)(
            params, x, y, *bs, **choices
        )
    if text:  # What a graph can hold.
        names = ("gamma", "mode", "backend")
        params = {name: params[name] for name in names if name in params}
    # Here and not above, because it takes a second.
    from gramless.torch.compiled import product

    return product(text, params, x, y, bs, choices)


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
            order, or for each variable G_k of a formula; for a kernel with
            one slot it may be bare. A slot is None
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

            All tensors may have leading dimensions, (..., M, D), (..., N, D),
            (..., N, E), which count the problems of a batch and broadcast. A
            gamma with leading dimensions is (..., 1, K), a constant for each
            problem, or has rows, (..., N, K) or ("i", (..., M, K)).

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
        A tensor of shape (..., M, E), or (..., M, 1) where there is no b,
        with the dtype and device of the arguments, differentiable to any
        order with respect to all tensors in x, y, bs and gamma. A tensor
        without leading dimensions, or with some of extent 1, is shared by
        the problems, and its gradient is their sum. Each problem has the
        bits that it has alone. A root has derivative 0 at 0. The logarithm
        of an empty sum, or of zeros, is -inf, with derivative 0.

    Raises:
        ValueError: a wrong shape, count, name of a mode or of a backend.
        TypeError: not a tensor, or a wrong or mixed dtype.
        RuntimeError: tensors on different devices, or no engine for one.
        NotImplementedError: on other backends than "pytorch", a kernel of
            routines alone, and a call inside of torch.jit.trace; a formula
            that writes out long vectors.

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
    if torch.compiler.is_dynamo_compiling():
        return _in_graph(
            params,
            x,
            y,
            *bs,
            mode=mode,
            backend=backend,
            dtype=dtype,
            cuda_type=cuda_type,
        )
    call = Call(params, x, y, bs)
    mode = check_mode(option(params, "mode", mode, "sum"))
    backend = option(params, "backend", backend, "auto")
    if backend not in ("pytorch", "matrix"):
        _core.check_backend(backend, call.device)
    if backend.startswith("GPU") and call.tensors[0].device.type == "cpu":
        choices = {"mode": mode.name, "backend": backend}
        choices |= {"dtype": dtype, "cuda_type": cuda_type}
        return _on_gpu(params, x, y, bs, choices)
    check_dtype("dtype", dtype, call.tensors)
    check_dtype("cuda_type", cuda_type, call.tensors)
    is_dense = backend in ("pytorch", "matrix")
    _check_routines(call.kernel, is_dense, backend)
    function, views = _checked_function(call, mode)
    if is_dense:
        dense = dense_matrix if backend == "matrix" else dense_product
        return over_batch(dense, call, mode.name)
    if is_traced(call.tensors):
        operators.check_sizes(function, call.tensors)
        views = ()
    elif is_transforming():  # Tensors wrap others, that only torch can reach.
        views = ()
    else:
        check_memory(call.tensors)
    program = Program(function, call.kernel, mode.name)
    return map_reduce.map_reduce(program, backend, views, *call.tensors)[0]


def _on_gpu(
    params: Mapping, x: Any, y: Any, bs: Sequence, choices: dict
) -> torch.Tensor:
    """Copies tensors to the current device, and the product back."""
    if not torch.cuda.is_available():
        fail(
            RuntimeError,
            f"a torch with CUDA for backend {choices['backend']!r}, got torch "
            f"{torch.__version__} without.",
        )

    def copied(value: Any) -> Any:
        return value.cuda() if isinstance(value, torch.Tensor) else value

    gamma = tree_map(copied, params.get("gamma"))
    if "gamma" in params:
        params = {**params, "gamma": gamma}
    x, y, bs = tree_map(copied, (x, y, bs))
    return kernel_product(params, x, y, *bs, **choices).cpu()


def explain(
    params: Mapping[str, Any],
    x: Any,
    y: Any,
    *bs: torch.Tensor,
    mode: str | None = None,
    code: str | None = None,
    arch: str = "sm_80",
) -> str:
    """Returns what `kernel_product` runs for these arguments, as text.

    For the forward pass, and for a backward pass to all tensors that require
    a gradient: the formula with its shared nodes; for each sweep the program
    with its instructions by rate, and the plan with the reason of each
    choice; the time of each stage. Takes the arguments of `kernel_product`
    and raises what it raises.

    Args:
        code: "llvm" or "assembly" adds the generated code of each sweep;
            "ptx" shows the plan and the code for an NVIDIA GPU.
        arch: The GPU that PTX is for, "sm_75" or a newer one. None is needed.
    """
    call = Call(params, x, y, bs)
    mode = check_mode(option(params, "mode", mode, "sum"))
    _check_routines(call.kernel, False, "auto")
    function, views = _checked_function(call, mode)
    functions = [function]
    wrt = [
        position
        for position, tensor in enumerate(call.tensors)
        if tensor.requires_grad
    ]
    if wrt:
        functions.append(function.vjp(wrt, [0]))
    return "\n".join(
        each.explain(views, code or "", arch, map_reduce.FORCED_OPTIONS)
        for each in functions
    )
