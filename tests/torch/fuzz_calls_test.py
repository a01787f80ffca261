# SPDX-License-Identifier: MIT
"""Random wrong calls: refused with a message, or right; never anything else."""

from fractions import Fraction

import numpy as np
import torch
from hypothesis import given, note
from hypothesis import strategies as st

import mode_oracle
import oracle
from fuzzing import fuzz
from gramless.torch import Kernel
from mode_oracle import MODES, NEED_LOGARITHM
from oracle import Data
from wrong_calls import (
    BACKENDS,
    MODE_NAMES,
    SIGNED,
    UnsureError,
    WrongCallError,
    call_of,
    right_case,
    snapshot,
)

# They keep their relative accuracy for metrics of any sign: none has a pole.
NAMES = (
    "gaussian(x,y)",
    *SIGNED,
    "laplacian(x,y) * linear(u,v)**2",
    "0.5*gaussian_oriented(u,v) + gaussian(x,y)",
)
KINDS = (ValueError, TypeError, RuntimeError, NotImplementedError)
START = "kernel_product(): "
DTYPES = (
    *(torch.float32, torch.float64, torch.float16, torch.bfloat16),
    *(torch.int64, torch.bool, torch.uint8, torch.complex64, torch.complex128),
)
TOLERANCES = {torch.float32: 1e-4, torch.float64: 1e-11}


class Opaque:
    """An object that is nothing that a call knows."""


OBJECTS = (
    None,
    "",
    "b",
    b"b",
    0,
    1.5,
    True,
    1j,
    Opaque(),
    Opaque,
    [],
    (),
    {},
    {"a": 1},
    [[1.0, 2.0]],
    np.float64(1.0),
    torch.float32,
    torch.ones(3, 2).to_sparse(),
    torch.ones(0),
    range(3),
    iter(()),
    Kernel("cauchy(x,y)"),
)
FOREIGN = (*OBJECTS, np.ones((3, 2)))
NUMBERS = (
    *(0, 1, -1, 0.0, -0.0, -0.5, 2.5, float("nan"), float("inf")),
    *(-float("inf"), 1e-300, True, 1j, "0.5", b"1", Fraction(1, 2)),
    *(np.float32(0.5), np.int64(1), np.complex64(1), [], (), [0.5], {}),
)


def with_entry(value):
    def change(tensor, data):
        if not tensor.numel() or not tensor.is_floating_point():
            return tensor
        tensor = tensor.clone()
        place = data.draw(st.integers(0, tensor.numel() - 1))
        tensor.view(-1)[place] = value
        return tensor

    return change


def with_gaps(tensor, data):
    """Returns a copy whose elements lie far apart in memory."""
    storage = torch.empty(1 << 24, dtype=tensor.dtype)
    strides = [(1 << 21) - 3, (1 << 19) + 1, 7][: tensor.dim()]
    if any(size > 6 for size in tensor.shape) or tensor.dim() > 3:
        return tensor
    return storage.as_strided(tensor.shape, strides).copy_(tensor)


def expanded(tensor, data):
    """Returns a tensor whose rows are one row, or whose numbers are one."""
    if not tensor.numel() or not tensor.dim():
        return tensor
    first = tensor[:1] if data.draw(st.booleans()) else tensor.flatten()[:1]
    return first.expand(tensor.shape)


def cast(dtype):
    return lambda tensor, data: tensor.to(dtype)


# Changes of a tensor that leave a right call right, and those that may not.
HARMLESS = (
    expanded,
    with_gaps,
    lambda t, data: t.mT.contiguous().mT if t.dim() > 1 else t,
    lambda t, data: t.flip(0).flip(0) if t.dim() else t,
    lambda t, data: t.clone().requires_grad_(t.is_floating_point()),
    lambda t, data: torch.zeros_like(t),
    lambda t, data: torch.nn.Parameter(t, requires_grad=False),
)
CHANGES = (
    *HARMLESS,
    *(with_entry(v) for v in (-1.0, np.nan, np.inf, -np.inf)),
    lambda t, data: t[0] if t.dim() and len(t) else t,
    lambda t, data: t[None],
    lambda t, data: t.flatten(),
    lambda t, data: t.sum(),
    lambda t, data: t[:-1] if t.dim() else t,
    lambda t, data: t[:0] if t.dim() else t,
    lambda t, data: torch.cat([t, t]) if t.dim() else t,
    lambda t, data: t[:, :-1] if t.dim() > 1 else t,
    lambda t, data: t[:, :0] if t.dim() > 1 else t,
    lambda t, data: torch.cat([t, t], 1) if t.dim() > 1 else t,
    lambda t, data: t.mT if t.dim() > 1 else t,
    lambda t, data: t.unflatten(-1, (1, -1)) if t.dim() else t,
    lambda t, data: t.to_sparse() if t.dim() else t,
    lambda t, data: t.to("meta"),
    lambda t, data: t.numpy(force=True),
    lambda t, data: t.tolist(),
    *map(cast, DTYPES),
)
GROUPS = (
    lambda group, data: [],
    lambda group, data: group[:-1],
    lambda group, data: group + group[:1],
    lambda group, data: [*group, None],
    lambda group, data: [group],
    lambda group, data: tuple(group),
    lambda group, data: dict(enumerate(group)),
    lambda group, data: iter(group),
    lambda group, data: group[0] if group else None,
)


def changed_tensor(value, data):
    """Returns a changed tensor, or something else in its place."""
    if not isinstance(value, torch.Tensor) or value.layout != torch.strided:
        return data.draw(st.sampled_from(FOREIGN))
    if data.draw(st.integers(0, 5)) == 0:
        return data.draw(st.sampled_from(FOREIGN))
    if value.is_meta:  # It has no numbers that torch could copy.
        return value
    changes = HARMLESS if data.draw(st.booleans()) else CHANGES
    return data.draw(st.sampled_from(changes))(value, data)


def changed_group(group, data):
    """Returns a list with one changed tensor, or changed itself."""
    if not isinstance(group, list):
        return data.draw(st.sampled_from(FOREIGN))
    if data.draw(st.integers(0, 3)) == 0 or not group:
        return data.draw(st.sampled_from(GROUPS))(group, data)
    place = data.draw(st.integers(0, len(group) - 1))
    group[place] = changed_tensor(group[place], data)
    return group


def changed_slot(slot, data):
    """Returns another gamma slot."""
    kind = data.draw(st.integers(0, 3))
    is_slot = not isinstance(slot, tuple) or len(slot) == 2
    tensor = oracle.gamma_tensor(slot) if is_slot else None
    if kind == 0 or tensor is None:
        return data.draw(st.sampled_from(NUMBERS))
    if kind == 1:
        rows = data.draw(st.sampled_from(["i", "j", "k", "", "ij", None, 1]))
        tensor = changed_tensor(tensor, data)
        pairs = [(rows, tensor), [rows, tensor], (tensor, rows)]
        is_array = isinstance(tensor, np.ndarray)
        return data.draw(st.sampled_from(pairs[:2] if is_array else pairs))
    if kind == 2:
        return oracle.with_tensor(slot, -tensor)
    return oracle.with_tensor(slot, changed_tensor(tensor, data))


def change_gamma(call, data):
    gamma = call.params["gamma"]
    if not isinstance(gamma, (tuple, list)) or not gamma:
        call.params["gamma"] = data.draw(st.sampled_from(NUMBERS))
    elif data.draw(st.integers(0, 3)) == 0:
        change = data.draw(st.sampled_from(GROUPS))
        call.params["gamma"] = change(list(gamma), data)
    else:
        place = data.draw(st.integers(0, len(gamma) - 1))
        slot = changed_slot(gamma[place], data)
        call.params["gamma"] = (*gamma[:place], slot, *gamma[place + 1 :])


def change_option(call, data):
    values = {
        "mode": (*MODE_NAMES, "sums", "", "Sum", "sum ", "s" * 10000, "\0"),
        "backend": (*BACKENDS, "GPU", "GPU_2D", "GPU_1D_host", "cuda", "", "é"),
        "dtype": ("float32", "float64", "double", "float16", torch.float64),
    }
    values["cuda_type"] = values["dtype"]
    name = data.draw(st.sampled_from(tuple(values)))
    value = data.draw(st.sampled_from(values[name]) | st.sampled_from(OBJECTS))
    is_keyword = name not in ("mode", "backend") or data.draw(st.booleans())
    (call.keywords if is_keyword else call.params)[name] = value


def change(call, data):
    """Replaces one argument of a call."""
    target = data.draw(st.sampled_from(["x", "y", "bs", "gamma", "option", ""]))
    if target in ("x", "y"):
        setattr(call, target, changed_group(getattr(call, target), data))
    elif target == "bs":
        bs = changed_group(call.bs, data)
        call.bs = list(bs) if isinstance(bs, (list, tuple)) else [bs]
    elif target == "gamma":
        change_gamma(call, data)
    elif target == "option":
        change_option(call, data)
    else:
        place = data.draw(st.sampled_from(["id", "gamma", "extra"]))
        call.params[place] = data.draw(st.sampled_from(FOREIGN))


@st.composite
def cases(draw):
    """Draws a case that is right, and its backend."""
    name = draw(st.sampled_from(NAMES))
    modes = [m for m in MODES if m not in NEED_LOGARITHM or name not in SIGNED]
    mode = draw(st.sampled_from(modes))
    shape = (
        draw(st.sampled_from((3, 2, 1, 0))),
        draw(st.sampled_from((4, 2, 1, 0))),
        draw(st.sampled_from((2, 1))),
        draw(st.sampled_from((1, 2))),
    )
    forms = [
        draw(st.sampled_from(oracle.forms_of(atom)))
        for atom in oracle.atoms_of(name)
    ]
    dtype = draw(st.sampled_from((torch.float64, torch.float32)))
    data = Data(draw(st.integers(0, 9)))
    case = mode_oracle.random_case(data, (name, forms), mode, shape)
    return case.to(dtype), draw(st.sampled_from(BACKENDS))


def check_refusal(call):
    """Runs a call; returns its result, or None where it is refused well."""
    before = snapshot(call)
    result = error = None
    try:
        result = call.run()
    except KINDS as raised:
        error = raised
    assert snapshot(call) == before, "a changed argument"
    if error is not None:
        assert type(error) in KINDS
        assert str(error).startswith(START), f"{type(error)}: {error}"
        assert len(str(error)) > len(START)
    return result


def check_right(result, case, backend):
    """Compares a result to the dense formula."""
    assert result is not None, "a right call is refused"
    assert result.dtype == case.tensors[0].dtype
    wide = case.to(torch.float64)
    if backend == "matrix":
        assert result.shape == case.rows
        if case.mode != "sum":
            return
        expected = mode_oracle.matrix(wide)
    else:
        expected = mode_oracle.dense(wide)
    assert result.shape == expected.shape
    if result.is_meta:
        return
    result = result.detach().double()
    expected = expected.detach()
    is_finite = expected.isfinite()
    if case.mode == "sum":
        assert torch.equal(result.isnan(), expected.isnan())
        assert torch.equal(result.isfinite(), is_finite)
    tolerance = TOLERANCES[case.tensors[0].dtype]
    kept = torch.where(is_finite, expected, 0.0)
    error = torch.where(is_finite, result - expected, 0.0).abs()
    scale = max(1.0, kept.abs().max().item() if kept.numel() else 0.0)
    assert error.max().item() <= tolerance * scale if error.numel() else True


@fuzz(400)
@given(cases(), st.integers(0, 3), st.data())
def test_calls(case_and_backend, changes, data):
    case, backend = case_and_backend
    call = call_of(case, backend=backend)
    for _ in range(changes):
        change(call, data)
    note(repr(call))
    result = check_refusal(call)
    try:
        right = right_case(call)
    except WrongCallError as why:
        note(f"wrong: {why}")
        right = None
    except UnsureError:
        return
    if right is None:
        assert result is None, "a wrong call has a result"
    else:
        check_right(result, *right)
