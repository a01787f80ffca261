# SPDX-License-Identifier: MIT
"""Users' programs, run with the library and with a dense twin in float64.

A program is a function of a module `pk`, which has Kernel and kernel_product,
and of tensors. It returns a list of tensors. What it does with `pk` is what
users of KeOps up to 1.5 did with `pykeops.torch`.
"""

from types import SimpleNamespace

import torch

import gramless.torch
import oracle
from bounds import FORMATS, L
from oracle import assert_near

# What a kernel product may lose of its terms, in units of rounding: L + 8 in
# the sum and, for up to D = 10 dimensions, 4 + 2 (D + 2) in each term.
ROUNDINGS = (L + 8) + (4 + 2 * 12)


class _Log:
    """A kernel that is not negative, by its logarithm for all pairs."""

    def __init__(self, log):
        self.log = log

    def _log_of(self, other):
        if isinstance(other, _Log):
            return other.log
        return self.log.new_tensor(other).log()

    def __add__(self, other):
        return _Log(torch.logaddexp(self.log, self._log_of(other)))

    def __mul__(self, other):
        return _Log(self.log + self._log_of(other))

    def __pow__(self, exponent):
        return _Log(exponent * self.log)

    __radd__ = __add__
    __rmul__ = __mul__


def log_matrix(name, xs, ys, gammas):
    """Returns the (M, N) matrix of log k."""

    def atom(atom_name, pair, slot):
        given = xs[pair], ys[pair], gammas[slot]
        return _Log(oracle.atom_product(atom_name, *given).log)

    return oracle.evaluate(name, atom).log


def _as_list(value):
    return list(value) if isinstance(value, (tuple, list)) else [value]


def dense_product(params, x, y, b, *potentials, mode=None, backend=None):
    """Returns what kernel_product does, from the whole matrix."""
    mode = mode or params.get("mode", "sum")
    given = (params["id"], *map(_as_list, (x, y, params["gamma"])))
    if mode == "sum":
        return oracle.kernel_matrix(*given) @ b
    log = log_matrix(*given)
    if mode == "lse":
        return torch.logsumexp(log[:, :, None] + b, 1)
    assert mode == "log_scaled"
    i, j = potentials
    return torch.exp(log + i + j.T) @ b


DENSE = SimpleNamespace(Kernel=str, kernel_product=dense_product)


def leaves(tensors, dtype):
    """Returns copies that require gradients; integers stay as they are."""
    return [
        t.detach().to(dtype, copy=True).requires_grad_()
        if t.is_floating_point()
        else t
        for t in tensors
    ]


def assert_results(actual, expected, products=1):
    """Compares the results of a program with those of the dense twin.

    `products` is the number of kernel products that a result depends on, one
    after another. Each may lose ROUNDINGS units of its terms, and results are
    no smaller than the terms by much.
    """
    for one, exact in zip(actual, expected, strict=True):
        size = exact.abs().max()
        tolerance = products * ROUNDINGS * FORMATS[one.dtype].delta
        assert_near(one.double() / size, exact / size, tolerance)


def assert_agrees(program, *tensors, products=1):
    """Runs a program with the library and, in float64, with the dense twin."""
    expected = program(DENSE, *leaves(tensors, torch.float64))
    for dtype in FORMATS:
        actual = program(gramless.torch, *leaves(tensors, dtype))
        assert {result.dtype for result in actual} == {dtype}
        assert_results(actual, expected, products)
