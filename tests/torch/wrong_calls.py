# SPDX-License-Identifier: MIT
"""Calls that may be wrong: how they are made, and which of them are right.

A call starts as a case that is right, and then single arguments are replaced.
What is right is told here from the documentation alone.
"""
# ruff: noqa: N806 (M, N and D are the sizes' own names)

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from numbers import Real
from typing import Any

import numpy as np
import torch

import mode_oracle
import oracle
from gramless.torch import Kernel, kernel_product
from mode_oracle import ARGUMENTS, BY_I, NEED_LOGARITHM, OLDER_NAMES

BACKENDS = ("auto", "reference", "pytorch", "matrix", "CPU", "checked")
SIGNED = ("linear(x,y)",)
MODE_NAMES = {mode: mode for mode in ARGUMENTS} | {
    older: mode for mode, older in OLDER_NAMES.items()
}


class WrongCallError(Exception):
    """A call is wrong: it is to be refused."""


class UnsureError(Exception):
    """The documentation does not tell whether a call is right."""


@dataclass
class Call:
    """What one call is given."""

    params: Any
    x: Any
    y: Any
    bs: list
    keywords: dict = field(default_factory=dict)

    def run(self):
        return kernel_product(
            self.params, self.x, self.y, *self.bs, **self.keywords
        )

    def get(self, name):
        """Returns an option: the keyword wins over the dict."""
        value = self.keywords.get(name)
        return self.params.get(name) if value is None else value


def call_of(case, **keywords):
    """Returns the call that has the arguments of a case."""
    params = {"id": Kernel(case.name), "gamma": tuple(case.gamma)}
    keywords["mode"] = case.mode
    return Call(params, list(case.x), list(case.y), list(case.bs), keywords)


def snapshot(value):
    """Returns something that differs if a value has been changed."""
    if isinstance(value, torch.Tensor):
        numbers = None
        if value.layout == torch.strided and not value.is_meta:
            numbers = repr(value.tolist())
        shape = tuple(value.shape), value.dtype, value.requires_grad
        return (id(value), shape, value._version, value.grad, numbers)
    if isinstance(value, np.ndarray):
        return (id(value), value.shape, value.tobytes())
    if isinstance(value, (list, tuple)):
        return (id(value), [snapshot(part) for part in value])
    if isinstance(value, dict):
        parts = [(key, snapshot(part)) for key, part in value.items()]
        return (id(value), parts)
    if isinstance(value, Call):
        return snapshot(vars(value))
    return id(value)


def _as_list(value):
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _need(condition, why):
    if not condition:
        raise WrongCallError(why)


def _check_tensor(value):
    _need(isinstance(value, torch.Tensor), "not a tensor")
    _need(value.layout == torch.strided, "not dense")
    _need(value.dtype in (torch.float32, torch.float64), "dtype")
    return value


def _slots(kernel_name, params):
    """Returns the gamma slots of a dict."""
    atoms = oracle.atoms_of(kernel_name)
    if "gamma" not in params:
        return [None] * len(atoms)
    gamma = params["gamma"]
    if not atoms and gamma is None:
        return []
    if isinstance(gamma, (tuple, list)) and len(gamma) == 2:
        is_rows = isinstance(gamma[0], str)
        if is_rows and isinstance(gamma, list):
            raise UnsureError
        if is_rows:
            return [gamma]
    return _as_list(gamma)


def _check_slot(atom, value, sizes, like):
    """Returns the slot as the oracle takes it."""
    M, N, D = sizes
    if atom in oracle.ATOMS_OF_S:
        _need(value is None, "no parameter")
        return None
    rows = None
    if isinstance(value, (tuple, list)):
        _need(len(value) == 2, "not a pair")
        rows, value = value
        _need(isinstance(rows, str) and rows in ("i", "j"), "i or j")
    elif isinstance(value, Real):
        if isinstance(value, (bool, np.generic, Fraction)):
            raise UnsureError
        return float(value)
    _check_tensor(value)
    _need(value.dtype == like.dtype, "dtype")
    _need(value.dim() <= 2 and (rows is None or value.dim() == 2), "rank")
    if value.dim() == 2:
        _need(value.shape[0] == (M if rows == "i" else N), "rows")
    columns = value.shape[-1] if value.dim() else 1
    is_scalar = atom in oracle.ATOMS_OF_S_AND_G
    _need(columns in ((1,) if is_scalar else (1, D, D * D)), "columns")
    return value if rows is None else (rows, value)


def _check_options(call, mode_and_backend, dtype):
    mode, backend = mode_and_backend
    _need(isinstance(mode, str) and mode in MODE_NAMES, "mode")
    _need(isinstance(backend, str) and backend in BACKENDS, "backend")
    for name in ("dtype", "cuda_type"):
        value = call.keywords.get(name)
        if isinstance(value, str):
            value = {"float32": torch.float32, "float64": torch.float64}.get(
                value, "unknown"
            )
        is_dtype = isinstance(value, torch.dtype)
        _need(value is None or (is_dtype and value == dtype), name)


def _check_shapes(x, y, bs, letters):
    """Checks pairs and the arguments of the mode; returns M and N."""
    for tensor in (*x, *y, *bs):
        _need(tensor.dim() == 2, "rank")
    rows = {True: [], False: []}
    for first, second in zip(x, y, strict=True):
        _need(first.shape[1] == second.shape[1], "columns of a pair")
        rows[True].append(first.shape[0])
        rows[False].append(second.shape[0])
    columns = set()
    for letter, tensor in zip(letters, bs, strict=True):
        rows[letter in BY_I].append(tensor.shape[0])
        has_signal = letter in "bC" and letters != "bH"
        _need(has_signal or tensor.shape[1] == 1, "one column")
        columns |= {tensor.shape[1]} if has_signal else set()
    _need(len(columns) <= 1, "columns of b and C")
    _need(all(rows.values()), "nothing tells M or N")
    _need(all(len(set(each)) == 1 for each in rows.values()), "rows")
    return rows[True][0], rows[False][0]


def right_case(call):
    """Returns the case and the backend of a right call."""
    _need(isinstance(call.params, Mapping), "params")
    kernel = call.params.get("id")
    _need(isinstance(kernel, Kernel), "id")
    x, y = ([_check_tensor(t) for t in _as_list(g)] for g in (call.x, call.y))
    bs = [_check_tensor(b) for b in call.bs]
    pairs = oracle.pairs_of(kernel.name)
    _need(len(x) == len(y) == len(pairs), "pairs")
    _need(x or bs, "no tensor")
    like = (x + y + bs)[0]
    options = [call.get(name) for name in ("mode", "backend")]
    options = [
        default if value is None else value
        for default, value in zip(("sum", "auto"), options, strict=True)
    ]
    _check_options(call, options, like.dtype)
    mode = MODE_NAMES[options[0]]
    _need(len(bs) == len(ARGUMENTS[mode]), "count of bs")
    M, N = _check_shapes(x, y, bs, ARGUMENTS[mode])
    atoms = oracle.atoms_of(kernel.name)
    slots = _slots(kernel.name, call.params)
    _need(len(slots) == len(atoms), "count of gamma")
    pair_of = _pairs_of_atoms(kernel.name)
    gamma = [
        _check_slot(atom, slot, (M, N, x[pair].shape[1]), like)
        for atom, slot, pair in zip(atoms, slots, pair_of, strict=True)
    ]
    is_signed = kernel.name in SIGNED
    _need(mode not in NEED_LOGARITHM or not is_signed, "may be negative")
    case = mode_oracle.Case(kernel.name, mode, x, y, gamma, bs)
    _need(len({t.dtype for t in case.tensors}) == 1, "one dtype")
    _need(len({t.device for t in case.tensors}) == 1, "one device")
    return case, options[1]


def _pairs_of_atoms(name):
    """Returns the number of the pair of each atom."""
    pairs = []
    if oracle.atoms_of(name):
        oracle.evaluate(
            name, lambda atom, pair, slot: pairs.append(pair) or Fraction(1)
        )
    return pairs
