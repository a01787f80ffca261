# SPDX-License-Identifier: MIT
"""The cases, computed by torch's own operations on blocks of rows.

-q comes from differences, x - y first; or from one product of matrices, as in
G |x|² - 2 G <x, y> + G |y|², which is faster, and less accurate far from the
origin; or from differences in what torch.compile makes of a block. A block is
differentiated before the next one is computed.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import torch

from autograd import Tensors, leaves, weighted
from cases import Case

# Each takes -q and overwrites it. Autograd allows that for the first one, the
# only one that is differentiated.
_KERNELS = {
    "gaussian": lambda p: p.exp_(),
    "laplacian": lambda p: p.neg_().clamp_(min=0).sqrt_().neg_().exp_(),
    "cauchy": lambda p: p.neg_().add_(1).reciprocal_(),
    "inverse_multiquadric": lambda p: p.neg_().add_(1).rsqrt_(),
    "rational_quadratic": lambda p: p.div_(-1.5).log1p_().mul_(-1.5).exp_(),
    "three gaussians": lambda p: (p / 4).exp_() + (p / 16).exp_() + p.exp_(),
    "gaussian laplacian": lambda p: p.sub_(
        p.neg().clamp_(min=0).sqrt_()
    ).exp_(),
}


def _columns(case: Case, part: Tensors) -> torch.Tensor:
    """Returns y with a contiguous row for each dimension."""
    return part["y"].mT.contiguous()


def _by_differences(
    case: Case, part: Tensors, columns: torch.Tensor
) -> torch.Tensor:
    x, gamma = part["x"], part["gamma"]
    deltas = (x[..., d, None] - columns[..., d, None, :] for d in range(case.D))
    if case.has_metrics:
        deltas = list(deltas)
        metrics = gamma.T.reshape(case.D, case.D, case.N)
        return -sum(
            metrics[a, b] * deltas[a] * deltas[b] * (1 if a == b else 2)
            for a in range(case.D)
            for b in range(a, case.D)
        )
    squares = next(deltas).square()
    for delta in deltas:
        squares.addcmul_(delta, delta)
    return squares * -gamma


def _features(case: Case, part: Tensors) -> torch.Tensor:
    """Returns what features of x are multiplied with."""
    y, gamma = part["y"], part["gamma"]
    if case.has_metrics:
        metrics = gamma.reshape(case.N, case.D, case.D)
        images = (metrics @ y[:, :, None])[:, :, 0]
        squares = (images * y).sum(1, keepdim=True)
        return torch.cat([gamma, images, squares], dim=1).T
    squares = (y * y).sum(-1, keepdim=True)
    return torch.cat([y, torch.ones_like(squares), squares], dim=-1).mT


def _by_products(
    case: Case, part: Tensors, features: torch.Tensor
) -> torch.Tensor:
    x, gamma = part["x"], part["gamma"]
    ones = torch.ones_like(x[..., :1])
    if case.has_metrics:
        squares = (x[:, :, None] * x[:, None, :]).flatten(1)
        return torch.cat([-squares, 2 * x, -ones], dim=1) @ features
    squares = (x * x).sum(-1, keepdim=True)
    left = [2 * gamma * x, -gamma * squares, -gamma * ones]
    return torch.cat(left, dim=-1) @ features


def _values(case: Case, part: Tensors, p: torch.Tensor) -> torch.Tensor:
    """Returns a for the rows of a block, given their -q."""
    if case.mode == "lse":
        p += part["b"].mT
        if case.order:
            return p.logsumexp(-1, keepdim=True)
        most = p.amax(-1, keepdim=True)
        return p.sub_(most).exp_().sum(-1, keepdim=True).log_() + most
    matrix = _KERNELS[case.kind](p)
    if case.is_oriented:
        matrix = matrix * (part["u"] @ part["v"].T).square()
    return matrix @ part["b"]


def _block_values(
    negated_q: Callable, case: Case, part: Tensors, side: torch.Tensor
) -> torch.Tensor:
    return _values(case, part, negated_q(case, part, side))


def _prepare(
    form: tuple, case: Case, data: dict[str, np.ndarray], entries: int
) -> Callable[[], dict]:
    """Returns what computes a case, in blocks of at most so many entries."""
    side_of_y, negated_q, compiler = form
    values = compiler(partial(_block_values, negated_q, case))
    tensors = leaves(case, data)
    size = case.block_parts(entries)
    names = [name for name in case.cut_arguments if name in tensors]

    def run() -> dict:
        for name in case.wrt:
            tensors[name].grad = None
        a = torch.empty_like(tensors["c"])
        side = side_of_y(case, tensors)
        for start in range(0, case.parts, size):
            block = slice(start, start + size)
            part = tensors | {name: tensors[name][block] for name in names}
            if case.wrt or case.problems > 1:
                # Differentiating a block ends with its graph.
                side = side_of_y(case, part)
            value = values(part, side)
            a[block] = value.detach()
            if case.wrt:
                torch.autograd.backward(*weighted(case, value, part))
        return {"a": a, **{name: tensors[name].grad for name in case.wrt}}

    return run


def _as_it_is(function: Callable) -> Callable:
    return function


differences = partial(_prepare, (_columns, _by_differences, _as_it_is))
products = partial(_prepare, (_features, _by_products, _as_it_is))
compiled = partial(
    _prepare,
    (_columns, _by_differences, partial(torch.compile, dynamic=False)),
)
