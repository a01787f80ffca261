# SPDX-License-Identifier: MIT
"""The modes, read literally, as dense torch functions in float64.

A case is what one call is given. `product` runs the library on it; all the
rest shares nothing with the library.
"""
# ruff: noqa: N806 (M, N, D and E are the sizes' own names)

import math
import random
from dataclasses import dataclass, replace

import torch

import oracle
from gramless.torch import Kernel, kernel_product

# What stands behind y, in order, and the older name.
ARGUMENTS = {
    "sum": "b",
    "lse": "b",
    "log_scaled": "bAB",
    "log_scaled_lse": "bAB",
    "log_scaled_barycenter": "bABC",
    "lse_mult_i": "bH",
    "sinkhorn_cost": "ST",
    "sinkhorn_primal": "STUV",
}
OLDER_NAMES = {
    "lse": "log",
    "log_scaled_lse": "log_scaled_log",
    "log_scaled_barycenter": "log_barycenter",
    "lse_mult_i": "log_mult_i",
    "sinkhorn_cost": "log_cost",
    "sinkhorn_primal": "log_primal",
}
MODES = tuple(ARGUMENTS)
LOGARITHMS = ("lse", "log_scaled_lse", "lse_mult_i")
NEED_LOGARITHM = ("lse_mult_i", "sinkhorn_cost")
BY_I = "AHSUC"
BACKENDS = ("auto", "reference", "pytorch")
FLOATS = (torch.float32, torch.float64)
DELTA = {torch.float32: 2.0**-24, torch.float64: 2.0**-53}
ROW_POTENTIALS, COLUMN_POTENTIALS = "AS", "BT"


# Kernels that are not negative, with forms of gamma. Where there is a scalar
# product, tests draw positive vectors, so that none cancels.
KERNELS = (
    ("gaussian(x,y)", ("(D,)",)),
    ("laplacian(x,y)", ("(N,D)",)),
    ("cauchy(x,y)", ("i(M,DD)",)),
    ("gaussian(x,y) * linear(u,v)**2", ("(1,)", "none")),
    ("cauchy(x,y) + gaussian(x,y)", ("(DD,)", "(N,1)")),
    (
        "gaussian(x,y) * (1 + cauchy(u,v)**2) + distance(x,y)",
        ("(N,DD)", "i(M,1)", "()"),
    ),
    ("matern32(x,y)**1.5 / (1 + distance(u,v))", ("(D,)", "j(N,1)")),
    ("laplacian(x,y)**6 * inverse_multiquadric(x,y)**0.5", ("()", "i(M,D)")),
    ("distance(x,y)**3 * matern52(u,v)", ("(1,)", "(D,)")),
    ("multiquadric(x,y)**-6 * gaussian_oriented(u,v)", ("(N,D)", "i(M,1)")),
    ("(cauchy(x,y) + gaussian(u,v))**5", ("(1,)", "(1,)")),
    ("binet(u,v) * gaussian_unoriented(u,v) * 0.5", ("none", "(N,1)")),
)
# Kernels that may be negative, but are not where vectors are positive.
SIGNED = (
    ("linear(x,y)", ("none",)),
    ("2 - gaussian(x,y)", ("(1,)",)),
    ("-2 * gaussian(x,y) / -cauchy(u,v)", ("(N,D)", "(1,)")),
    ("linear(x,y)**3 * laplacian(u,v)", ("none", "i(M,1)")),
    ("linear(x,y)**7 + linear(x,y)", ("none", "none")),
)
# Kernels without variables.
PAIRLESS = (("2 + 3", ()), ("0.25", ()))


@dataclass(frozen=True)
class Case:
    """The arguments of a kernel product in a mode."""

    name: str
    mode: str
    x: list
    y: list
    gamma: list
    bs: list

    @property
    def given(self):
        """What stands behind y, by letter."""
        return dict(zip(ARGUMENTS[self.mode], self.bs, strict=True))

    @property
    def rows(self):
        """M and N. Without a pair of variables the mode's arguments tell."""
        if self.x:
            return self.x[0].shape[0], self.y[0].shape[0]
        rows = {
            letter in BY_I: b.shape[0]
            for letter, b in zip(ARGUMENTS[self.mode], self.bs, strict=True)
        }
        return rows[True], rows[False]

    @property
    def tensors(self):
        gammas = map(oracle.gamma_tensor, self.gamma)
        return [
            *self.x,
            *self.y,
            *(g for g in gammas if g is not None),
            *self.bs,
        ]

    def with_tensors(self, tensors):
        """Returns the case with other tensors, in the order of `tensors`."""
        rest = iter(tensors)
        x, y = ([next(rest) for _ in group] for group in (self.x, self.y))
        gamma = [
            slot
            if oracle.gamma_tensor(slot) is None
            else oracle.with_tensor(slot, next(rest))
            for slot in self.gamma
        ]
        return replace(self, x=x, y=y, gamma=gamma, bs=list(rest))

    def to(self, dtype):
        return self.with_tensors([t.detach().to(dtype) for t in self.tensors])

    def leaves(self):
        """Returns copies of the tensors, which require gradients."""
        return [t.detach().clone().requires_grad_() for t in self.tensors]


def random_case(data, kernel, mode, shape):
    """Returns a case of the shape (M, N, D, E) for a name with its forms."""
    (name, forms), (M, N, D, E) = kernel, shape
    pairs = range(len(oracle.pairs_of(name)))
    has_products = {*oracle.atoms_of(name)} & {
        *oracle.ATOMS_OF_S,
        *oracle.ATOMS_OF_S_AND_G,
    }
    draw = data.positive if has_products else data.normal
    columns = {"b": 1 if mode == "lse_mult_i" else E, "C": E}
    return Case(
        name,
        mode,
        [draw(M, D) for _ in pairs],
        [draw(N, D) for _ in pairs],
        [data.gamma(form, M, N, D) for form in forms],
        [
            data.normal(M if letter in BY_I else N, columns.get(letter, 1))
            for letter in ARGUMENTS[mode]
        ],
    )


def random_shape(seed, most=130):
    """Returns M, N, D and E, most of them no multiple of 8."""
    choose = random.Random(seed).choice
    rows = [rows for rows in (1, 2, 3, 7, 9, 13, 65, 67, 130) if rows <= most]
    return (
        *(choose(rows) for _ in "MN"),
        *(choose((1, 2, 3, 5)) for _ in "DE"),
    )


def product(case, backend="auto"):
    """Returns the library's result."""
    params = {"id": Kernel(case.name), "gamma": tuple(case.gamma)}
    return kernel_product(
        params,
        tuple(case.x),
        tuple(case.y),
        *case.bs,
        mode=case.mode,
        backend=backend,
    )


def functions(case, backend="auto"):
    """Returns product and dense product, as functions of the tensors."""
    return (
        lambda *tensors: product(case.with_tensors(tensors), backend),
        lambda *tensors: dense(case.with_tensors(tensors)),
    )


def matrix(case):
    """Returns the matrix of the k(x_i, y_j)."""
    M, N = case.rows
    x = case.x or [case.bs[0].new_zeros(M, 0)]
    y = case.y or [case.bs[0].new_zeros(N, 0)]
    return oracle.kernel_matrix(case.name, x, y, case.gamma)


def dense(case, dtype=torch.float64, k=None):
    """Returns the result in a mode, from the whole matrix.

    Potentials and logits count as the range of the dtype has them. What a row
    has in common leaves the exponentials, so that logits have any size.
    """
    k, given = matrix(case) if k is None else k, case.given
    if case.mode == "lse_mult_i":
        # k**H is exp(H c). At k = 0 it is no function of H.
        zeros, others = torch.where(k == 0, k, 1.0), torch.where(k == 0, 1.0, k)
        H = given["H"]
        k = zeros ** H.detach() * torch.exp(H * others.log())
        logits = bounded(given["b"].T, dtype)
        return _log_sum(k[:, :, None], logits[:, :, None].expand(*k.shape, 1))
    exponents = potentials(case, dtype)
    if case.mode in LOGARITHMS:
        logits = exponents[:, :, None] + bounded(given["b"], dtype)
        return _log_sum(k[:, :, None], logits)
    weights = _product(k, exponents)
    if case.mode == "sinkhorn_cost":
        return (-_log_or_0(k) * weights).sum(1, keepdim=True)
    if case.mode == "sinkhorn_primal":
        factor = given["U"] + given["V"].T - 1
        return (factor * weights).sum(1, keepdim=True)
    centers = given.get("C", torch.zeros(1, 1, dtype=k.dtype))
    differences = given["b"][None, :, :] - centers[:, None, :]
    return (weights[:, :, None] * differences).sum(1)


def _log_or_0(k):
    """Returns log k, but 0 where k = 0."""
    return torch.where(k == 0, 1.0, k).log()


def _product(k, exponents):
    """Returns k exp(exponents), 0 where k is, whatever the exponent."""
    largest = math.log(torch.finfo(k.dtype).max) - 1
    limited = torch.where(k == 0, exponents.clamp(max=largest), exponents)
    return k * limited.exp()


def _log_sum(k, logits):
    """Returns log Σ_j k exp(logits)."""
    if not k.shape[1]:
        return logits.sum(1) - math.inf
    sizes = torch.where(k == 0, -math.inf, logits).detach()
    largest = sizes.amax(1, keepdim=True).nan_to_num(0.0, 0.0, 0.0)
    total = _product(k, logits - largest).sum(1)
    is_zero = total == 0
    log = torch.where(is_zero, 1.0, total).log() + largest[:, 0]
    return torch.where(is_zero, -math.inf, log)


def bounded(t, dtype=torch.float64):
    """Returns t, limited to a quarter of the range, with derivative 1."""
    most = torch.finfo(dtype).max / 4
    limited = t.detach().clamp(-most, most) + (t - t.detach())
    return torch.where(t.isfinite() & (t.abs() > most), limited, t)


def potentials(case, dtype=torch.float64):
    """Returns A_i + B_j or S_i + T_j as a matrix, zeros in other modes."""
    M, N = case.rows
    total = torch.zeros(M, N, dtype=case.bs[0].dtype)
    for letter, b in case.given.items():
        if letter in ROW_POTENTIALS:
            total = total + bounded(b, dtype)
        elif letter in COLUMN_POTENTIALS:
            total = total + bounded(b, dtype).T
    return total


def line_derivatives(function, tensors, directions, weights, order):
    """Returns the derivatives at t = 0, of the orders 0 to `order`, of

    Σ weights * function(tensors + t * directions).
    """
    total = (weights * function(*tensors)).sum()
    results = [total.item()]
    for step in range(order):
        gradients = torch.autograd.grad(
            total,
            tensors,
            create_graph=step + 1 < order,
            materialize_grads=True,
        )
        total = sum(
            (gradient * direction).sum()
            for gradient, direction in zip(gradients, directions, strict=True)
        )
        results.append(total.item())
    return results


def sizes(case, c):
    """Returns |c| + |A| + |B| for all pairs, or |H c|, with c = log |k|.

    Where that is infinite there is no term, and so no error: it counts as 0.
    """
    c = torch.where(c.isfinite(), c, 0.0)
    if case.mode == "lse_mult_i":
        return (case.given["H"] * c).abs()
    total = c.abs()
    for letter, b in case.given.items():
        if letter in ROW_POTENTIALS:
            total = total + b.abs()
        elif letter in COLUMN_POTENTIALS:
            total = total + b.T.abs()
    return torch.where(total.isfinite(), total, 0.0)


def logarithm_bound(case, c, delta):
    """Returns 4 δ max_j (|c| + |A| + |B| + |b|) + 16 δ for each result."""
    b = case.given["b"].abs()
    total = sizes(case, c)[:, :, None] + torch.where(b.isfinite(), b, 0.0)
    return 4 * delta * total.amax(1) + 16 * delta


def sum_bound(case, c, delta):
    """Returns a bound on the error of each sum of k exp(A_i + B_j).

    A term has the relative error of a logarithm of its size, and blocks of 64
    terms are added.
    """
    error = delta * (4 * sizes(case, c) + 16 + 64 + 8)
    given = case.given
    if case.mode == "sinkhorn_cost":
        factor = 1 + torch.where(c.isfinite(), c.abs(), 0.0)
    elif case.mode == "sinkhorn_primal":
        factor = given["U"].abs() + given["V"].T.abs() + 1
    else:
        factor = torch.ones(1)
    noise = error * factor * (c + potentials(case)).exp()
    if "b" not in given:
        return noise.sum(1, keepdim=True)
    center = given["C"].abs() if "C" in given else torch.zeros(1, 1)
    signal = given["b"].abs()[None, :, :] + center[:, None, :]
    return (noise[:, :, None] * signal).sum(1)


def error_bound(case, c, delta):
    is_logarithm = case.mode in LOGARITHMS
    return (logarithm_bound if is_logarithm else sum_bound)(case, c, delta)
