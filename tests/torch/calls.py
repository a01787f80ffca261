# SPDX-License-Identifier: MIT
"""Calls of several kernels in any mode, as functions of their tensors.

The backend "pytorch", in float64, is the measure of what is computed.
"""
# ruff: noqa: N803, N806 (M, N, D and E are the sizes' own names)

import copy

import torch

from gramless import _core
from gramless.torch import Formula, Kernel, kernel_formulas, kernel_product
from oracle import Data, assert_near, gamma_tensor

D = 3
MODES = {name: arguments for name, _, arguments, _ in _core.modes()}
SOME_MODES = ("sum", "lse", "log_scaled_barycenter", "sinkhorn_cost")
TOLERANCES = {torch.float32: 2e-5, torch.float64: 1e-10}


def own_kernel():
    """Returns a kernel of an atom that no other process knows."""
    kernel_formulas["mine"] = Formula(
        formula_sum="Inv(IntCst(1) + WeightedSqDist({G}, {X}, {Y}))"
    )
    kernel = Kernel("mine(x,y)**2 * gaussian(x,y)")
    del kernel_formulas["mine"]
    return kernel


# Kernels with the forms of their gamma.
KERNELS = {
    "sum": (Kernel("matern32(x,y) + 2 * cauchy(x,y)"), ("(1,)", "(N,1)")),
    "product": (
        Kernel("gaussian(x,y) * linear(u,v)**2"),
        ("i(M,1)", "none"),
    ),
    "own atom": (own_kernel(), ("(D,)", "()")),
    "formula": (Kernel(formula_sum="Exp(-G_0 * SqDist(X_0, Y_0))"), ("(1,)",)),
}


class Call:
    """A product as a function of x, y, the tensors of gamma, and the rest."""

    def __init__(self, kernel, mode="sum", dtype=torch.float64, backend="auto"):
        self.kernel, self.forms = KERNELS[kernel]
        self.mode, self.dtype, self.backend = mode, dtype, backend
        self.pairs = max(1, len(self.kernel._core.pairs))

    @property
    def dense(self):
        """The same call of dense matrices."""
        call = copy.copy(self)
        call.backend = "pytorch"
        return call

    def tensors(self, M, N):
        """Returns tensors for M and N, the same each time."""
        data = Data(M + 100 * N, self.dtype)
        gamma = [gamma_tensor(data.gamma(form, M, N, D)) for form in self.forms]
        rows = {"i": M, "j": N}
        E = 1 if self.mode == "lse_mult_i" else 2
        return [
            *(data.normal(M, D) for _ in range(self.pairs)),
            *(data.normal(N, D) for _ in range(self.pairs)),
            *(tensor for tensor in gamma if tensor is not None),
            *(
                data.normal(rows[pair], E if name in "bC" else 1)
                for name, pair in MODES[self.mode]
            ),
        ]

    def __call__(self, *tensors):
        first, second = self.pairs, 2 * self.pairs
        bs = second
        gamma = []
        for form in self.forms:
            slot = None
            if form != "none":
                rows = form[0]
                slot = tensors[bs]
                slot = (rows, slot) if rows in ("i", "j") else slot
                bs += 1
            gamma.append(slot)
        return kernel_product(
            {"id": self.kernel, "gamma": tuple(gamma)},
            tensors[:first],
            tensors[first:second],
            *tensors[bs:],
            mode=self.mode,
            backend=self.backend,
        )


def with_gradients(function, tensors):
    """Returns a result, and the gradients of the sum of its squares."""
    leaves = [tensor.detach().clone().requires_grad_() for tensor in tensors]
    a = function(*leaves)
    return [a.detach(), *torch.autograd.grad(a.square().sum(), leaves)]


def assert_right(results, function, tensors):
    """Asserts that results are those of a function of dense matrices."""
    expected = with_gradients(function, [t.double() for t in tensors])
    tolerance = TOLERANCES[tensors[0].dtype]
    for actual, right in zip(results, expected, strict=True):
        assert actual.dtype == tensors[0].dtype
        assert_near(actual.double(), right, tolerance)
