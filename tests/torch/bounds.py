# SPDX-License-Identifier: MIT
"""Bounds on the rounding errors of kernel products and their gradients.

A product is a sum of terms w h: for a value, w = b[j, e] and h = k; for a
gradient, w is the product of a row of the cotangent with a row of b, and h a
derivative of k. All E products in w are rounded, and so are h, each term, and
the sums of blocks of L terms. With delta the unit of rounding, W the sum of
the |products| in w (|b| for a value), h' what the plain formula gives in the
format itself, and `tiny` the smallest normal number,

    |error| <= (L + 8 + E') delta sum W |h|
               + sum W (2 |h' - h| + 4 delta |h|) + tiny sum max(1, W),

where E' is 0 for a value and E for a gradient. h itself comes from formulas
in a wider format.
"""
# ruff: noqa: N806 (M, N, D and E are the sizes' own names)

from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import torch

import atoms
import oracle

L = 64
CHUNK_PAIRS = 1 << 17  # What fits a cache.


class Format(NamedTuple):
    """A format, and one that is wide enough to be called exact."""

    delta: float
    tiny: float
    plain: type
    wide: type


FORMATS = {
    torch.float32: Format(2.0**-24, 2.0**-126, np.float32, np.float64),
    torch.float64: Format(2.0**-53, 2.0**-1022, np.float64, np.longdouble),
}
# Eleven more bits let sums be called exact.
HAS_WIDE_DOUBLE = np.finfo(np.longdouble).nmant >= 63


class Dual:
    """A number with its derivative along one direction; both are arrays."""

    __array_ufunc__ = None  # NumPy leaves the operators to this class.

    def __init__(self, value, slope=0):
        self.value = value
        self.slope = slope

    def __add__(self, other):
        other = _dual(other)
        return Dual(self.value + other.value, self.slope + other.slope)

    def __mul__(self, other):
        other = _dual(other)
        slope = self.slope * other.value + self.value * other.slope
        return Dual(self.value * other.value, slope)

    def __truediv__(self, other):
        other = _dual(other)
        ratio = self.value / other.value
        slope = (self.slope - ratio * other.slope) / other.value
        return Dual(ratio, slope)

    def __pow__(self, exponent):
        slope = exponent * self.value ** (exponent - 1) * self.slope
        return Dual(self.value**exponent, slope)

    def __neg__(self):
        return Dual(-self.value, -self.slope)

    def __sub__(self, other):
        return self + -_dual(other)

    def __rsub__(self, other):
        return other + -self

    def __rtruediv__(self, other):
        return Dual(other) / self

    __radd__ = __add__
    __rmul__ = __mul__


def _dual(value):
    return value if isinstance(value, Dual) else Dual(value)


def _exp(x):
    if not isinstance(x, Dual):
        return np.exp(x)
    value = np.exp(x.value)
    return Dual(value, value * x.slope)


def _sqrt(q):
    """Returns the root, whose derivative is 0 at 0."""
    if not isinstance(q, Dual):
        return np.sqrt(q)
    r = np.sqrt(q.value)
    with np.errstate(divide="ignore"):
        inverse = np.where(r == 0, r, 1 / r)
    return Dual(r, inverse / 2 * q.slope)


_FUNCTIONS = SimpleNamespace(exp=_exp, sqrt=_sqrt)


def _of_q(atom, q):
    if not isinstance(q, Dual) or atom not in atoms.SLOPES:
        return atoms.value(_FUNCTIONS, atom, q)
    factor, other = atoms.SLOPES[atom]
    slope = q.value.dtype.type(factor) * _of_q(other, q.value)
    return Dual(_of_q(atom, q.value), slope * q.slope)


def _dot(first, second):
    """Returns the sum of products, one after another, as in a plain loop."""
    total = None
    for a, b in zip(first, second, strict=True):
        total = a * b if total is None else total + a * b
    return total


def _atom_value(atom, x, y, g):
    """Returns an atom of lists of components."""
    if atom not in oracle.ATOMS_OF_Q:
        return atoms.value(_FUNCTIONS, atom, _dot(x, y), *g)
    d = [a - b for a, b in zip(x, y, strict=True)]
    D = len(d)
    if len(g) == 1:
        return _of_q(atom, g[0] * _dot(d, d))
    if len(g) == D:
        weighted = [a * b for a, b in zip(g, d, strict=True)]
    else:
        weighted = [_dot(g[D * a : D * a + D], d) for a in range(D)]
    return _of_q(atom, _dot(weighted, d))


class Call(NamedTuple):
    """The arguments of a product, as NumPy arrays."""

    name: str
    x: list
    y: list
    gammas: list
    b: np.ndarray

    @staticmethod
    def of(name, x, y, gammas, b):
        """Returns the call that has these tensors."""
        x, y, gammas = (
            [oracle.as_numpy(value) for value in group]
            for group in (x, y, gammas)
        )
        return Call(name, x, y, gammas, oracle.as_numpy(b))

    def chunks(self):
        """Yields slices of the rows of x, and the rest of the call for them."""
        M, N = self.x[0].shape[0], self.y[0].shape[0]
        step = max(1, CHUNK_PAIRS // max(1, N))
        for first in range(0, M, step):
            rows = slice(first, first + step)
            gammas = [
                ("i", g[1][rows]) if isinstance(g, tuple) and g[0] == "i" else g
                for g in self.gammas
            ]
            yield (
                rows,
                self._replace(x=[x[rows] for x in self.x], gammas=gammas),
            )

    def matrix(self, dtype, along=None):
        """Returns k for all pairs, or its derivative along a component.

        `along` is ("x" or "y", pair, component) or ("gamma", slot, component).
        """

        def components(group, which):
            value = {"x": self.x, "y": self.y, "gamma": self.gammas}[group]
            value = value[which]
            if value is None:
                return []
            if group == "gamma":
                value = oracle.per_pair(value)
            else:
                value = value[:, None] if group == "x" else value[None]
            parts = list(np.moveaxis(value.astype(dtype), 2, 0))
            if along is not None and along[:2] == (group, which):
                parts[along[2]] = Dual(parts[along[2]], 1)
            return parts

        def atom_value(atom, pair, slot):
            given = ("x", pair), ("y", pair), ("gamma", slot)
            return _atom_value(atom, *(components(*each) for each in given))

        result = oracle.evaluate(self.name, atom_value)
        if along is not None:
            result = _dual(result).slope
        shape = self.x[0].shape[0], self.y[0].shape[0]
        return np.broadcast_to(np.asarray(result, dtype), shape)


def _sum(terms, axis):
    """Adds along contiguous rows, where NumPy adds pairwise."""
    return np.ascontiguousarray(terms if axis == 1 else terms.T).sum(1)


class Sums:
    """Exact sums of terms, and the bounds on their errors."""

    def __init__(self, shape, dtype):
        self.format = FORMATS[dtype]
        self.exact = np.zeros(shape, self.format.wide)
        self.bound = np.zeros(shape)

    def add(self, at, terms, axis):
        """Adds terms (h, h', w, W, E') along an axis to the sums at a place."""
        h, plain, w, sizes, roundings = terms
        delta, tiny = self.format[:2]
        noise = (L + 8 + roundings + 4) * delta * np.abs(h)
        noise = noise + 2 * np.abs(plain - h)
        noise = sizes * noise + tiny * np.maximum(1, sizes)
        self.exact[at] += _sum(w * h, axis)
        self.bound[at] += _sum(noise.astype(np.float64), axis)

    def check(self, actual):
        """Asserts that a tensor is within the bounds; returns the ratio."""
        assert actual.shape == self.exact.shape
        error = np.abs(actual.detach().numpy() - self.exact)
        ratio = np.max(error / self.bound, initial=0)
        assert ratio <= 1, f"error / bound is {ratio}"
        return ratio


def product(call, dtype):
    """Returns the sums of a product."""
    M, E = call.x[0].shape[0], call.b.shape[1]
    sums = Sums((M, E), dtype)
    for rows, chunk in call.chunks():
        h, plain = (chunk.matrix(form) for form in _forms(sums))
        for e in range(E):
            w = call.b[:, e].astype(sums.format.wide)
            sums.add((rows, e), (h, plain, w, np.abs(w), 0), 1)
    return sums


def _forms(sums):
    return sums.format.wide, sums.format.plain


def gradient_of_b(call, cotangent, dtype):
    """Returns the sums of the product of the transposed matrix."""
    sums = Sums(call.b.shape, dtype)
    for rows, chunk in call.chunks():
        h, plain = (chunk.matrix(form) for form in _forms(sums))
        for e in range(call.b.shape[1]):
            w = cotangent[rows, e, None].astype(sums.format.wide)
            sums.add((slice(None), e), (h, plain, w, np.abs(w), 0), 0)
    return sums


def _axis(call, variable):
    """Returns the axis of pairs that a gradient is summed over, or None."""
    group, which = variable
    if group != "gamma":
        return 1 if group == "x" else 0
    gamma = call.gammas[which]
    if isinstance(gamma, tuple):
        return 1 if gamma[0] == "i" else 0
    return 0 if gamma.ndim == 2 else None


def gradient(call, cotangent, variable, dtype):
    """Returns the sums of a gradient to ("x" or "y", pair) or ("gamma", slot).

    `cotangent` is a NumPy array of the shape of the product.
    """
    group, which = variable
    values = {"x": call.x, "y": call.y, "gamma": call.gammas}[group][which]
    values = values[1] if isinstance(values, tuple) else values
    axis = _axis(call, variable)
    sums = Sums(values.shape, dtype)
    b = call.b.astype(sums.format.wide)
    for rows, chunk in call.chunks():
        c = cotangent[rows].astype(b.dtype)
        w, sizes = c @ b.T, np.abs(c) @ np.abs(b).T
        for k in range(values.shape[-1]):
            along = (*variable, k)
            h, plain = (chunk.matrix(form, along) for form in _forms(sums))
            terms = [h, plain, w, sizes]
            at = (rows if axis == 1 else slice(None), k)
            if axis is None:
                terms = [np.reshape(part, (1, -1)) for part in terms]
                at = slice(k, k + 1)
            sums.add(at, (*terms, b.shape[1]), 0 if axis == 0 else 1)
    return sums
