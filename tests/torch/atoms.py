# SPDX-License-Identifier: MIT
"""The atoms, each written once: for NumPy, torch, mpmath and dual numbers.

`f` holds the functions exp, log1p and sqrt of the numbers at hand.
"""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import torch

# Functions of q = <x - y, G (x - y)>.
OF_Q = {
    "gaussian": lambda f, q: f.exp(-q),
    "laplacian": lambda f, q: f.exp(-f.sqrt(q)),
    "cauchy": lambda f, q: 1 / (1 + q),
    "inverse_multiquadric": lambda f, q: 1 / f.sqrt(1 + q),
    "distance": lambda f, q: f.sqrt(q),
    "matern32": lambda f, q: (1 + f.sqrt(q)) * f.exp(-f.sqrt(q)),
    "matern52": lambda f, q: (1 + f.sqrt(q) + q / 3) * f.exp(-f.sqrt(q)),
    "multiquadric": lambda f, q: f.sqrt(1 + q),
}
# Derivatives with respect to q that the formula in sqrt(q) hides at q = 0:
# multiples of other atoms.
SLOPES = {"matern32": (-1 / 2, "laplacian"), "matern52": (-1 / 6, "matern32")}

# Functions of s = <x, y>.
OF_S = {
    "linear": lambda f, s: s,
    "binet": lambda f, s: s * s,
}
OF_S_AND_G = {
    "gaussian_oriented": lambda f, s, g: f.exp(2 * g * (s - 1)),
    "gaussian_unoriented": lambda f, s, g: f.exp(2 * g * (s * s - 1)),
}

# Functions of q and of a second parameter h.
OF_Q_AND_H = {
    "rational_quadratic": lambda f, q, h: f.exp(-h * f.log1p(q / h)),
}
# Functions of <t, G t>, t = sin(pi h (x - y)), with a second parameter h.
OF_SINES = {
    "periodic": lambda f, q: f.exp(-q),
}

NUMPY = SimpleNamespace(
    exp=np.exp,
    log1p=np.log1p,
    sqrt=lambda q: np.sqrt(np.maximum(q, 0)),
)


def value(f, name, *given):
    """Returns an atom of what it is a function of."""
    rows = {**OF_Q, **OF_S, **OF_S_AND_G, **OF_Q_AND_H, **OF_SINES}
    return rows[name](f, *given)


def root(q):
    """Returns the root of q, with derivative 0 at 0 at every order."""
    is_zero = q == 0
    return torch.where(is_zero, 0.0, torch.where(is_zero, 1.0, q).sqrt())


class Product:
    """A product of numbers, of one exponential and of powers of radicands.

    These two belong to the meaning of a kernel: exponents add, so that
    exp(a)**n is exp(n a), and powers of one root merge, so that sqrt(f)**2 is
    f. A sum closes its terms: they are numbers. All are arrays of NumPy, or
    tensors.
    """

    __array_ufunc__ = None  # NumPy leaves the operators to this class.

    def __init__(self, plain, exponent=None, powers=()):
        self.plain = plain
        self.exponent = exponent
        self.powers = powers  # Triples: radicand, power, is it above the bar.

    @property
    def value(self):
        result = self.plain
        for radicand, power, is_above in self.powers:
            whole = math.floor(power)
            factor = radicand**whole if whole else 1.0
            if power != whole:
                factor = factor * _fraction(radicand, power - whole)
            result = result * factor if is_above else result / factor
        if self.exponent is None:
            return result
        return result * _library(self.exponent).exp(self.exponent)

    @property
    def log(self):
        """Returns the logarithm of the absolute value."""
        numbers = [self.plain] + [radicand for radicand, _, _ in self.powers]
        signs = [1.0] + [p if above else -p for _, p, above in self.powers]
        total = 0.0 if self.exponent is None else self.exponent
        for number, sign in zip(numbers, signs, strict=True):
            if isinstance(number, (int, float)):
                total = total + sign * math.log(abs(number))
            else:
                total = total + sign * _library(number).log(abs(number))
        return total

    def __mul__(self, other):
        return self._times(as_product(other), 1)

    def __truediv__(self, other):
        return self._times(as_product(other), -1)

    def _times(self, other, sign):
        plain = (
            self.plain * other.plain if sign > 0 else self.plain / other.plain
        )
        exponent = self.exponent
        if other.exponent is not None:
            added = sign * other.exponent
            exponent = added if exponent is None else exponent + added
        powers = [
            (radicand, power, is_above == (sign > 0))
            for radicand, power, is_above in other.powers
        ]
        return _merged(plain, exponent, [*self.powers, *powers])

    def __pow__(self, n):
        exponent = None if self.exponent is None else n * self.exponent
        if n == 0:
            return Product(1.0)
        powers = [
            (radicand, power * abs(n), is_above == (n > 0))
            for radicand, power, is_above in self.powers
        ]
        plain = self.plain
        if n == int(n):
            plain = _whole_power(plain, int(n))
        elif not (isinstance(plain, (int, float)) and plain >= 0):
            powers.append((plain, abs(n), n > 0))
            plain = 1.0
        else:
            plain = plain**n
        return _merged(plain, exponent, powers)

    def __neg__(self):
        return Product(-self.plain, self.exponent, self.powers)

    def __pos__(self):
        return self

    def __add__(self, other):
        return Product(self.value + as_product(other).value)

    def __sub__(self, other):
        return Product(self.value - as_product(other).value)

    def __rsub__(self, other):
        return as_product(other) - self

    def __rtruediv__(self, other):
        return as_product(other) / self

    __radd__ = __add__
    __rmul__ = __mul__


def as_product(value):
    return value if isinstance(value, Product) else Product(value)


def _library(value):
    return torch if isinstance(value, torch.Tensor) else np


def _fraction(radicand, power):
    """Returns a power between 0 and 1, with derivative 0 at 0."""
    if not isinstance(radicand, torch.Tensor):
        return radicand**power
    is_zero = radicand == 0
    return torch.where(
        is_zero, 0.0, torch.where(is_zero, 1.0, radicand) ** power
    )


def _whole_power(base, n):
    if n < 0:
        return 1.0 / _whole_power(base, -n)
    result = base
    for _ in range(n - 1):
        result = result * base
    return result


def _merged(plain, exponent, powers):
    """Adds the powers of equal radicands; whole ones become numbers."""
    totals = {}
    for radicand, power, is_above in powers:
        key = id(radicand), is_above
        before = totals[key][1] if key in totals else 0.0
        totals[key] = radicand, before + power, is_above
    rest = []
    for radicand, power, is_above in totals.values():
        if is_above and power == int(power):
            positive = _where_not_negative(radicand)
            plain = plain * _whole_power(positive, int(power))
        else:
            rest.append((radicand, power, is_above))
    return Product(plain, exponent, tuple(rest))


def _where_not_negative(radicand):
    return _library(radicand).where(radicand < 0, math.nan, radicand)


class _Smooth(torch.autograd.Function):
    """An atom of q whose derivative is a multiple of another atom."""

    @staticmethod
    def forward(ctx, q, name):
        ctx.save_for_backward(q)
        ctx.name = name
        functions = SimpleNamespace(exp=torch.exp, sqrt=torch.sqrt)
        return value(functions, name, q)

    @staticmethod
    def backward(ctx, cotangent):
        (q,) = ctx.saved_tensors
        factor, other = SLOPES[ctx.name]
        return cotangent * factor * product_of(other, q).value, None


_PRODUCTS = SimpleNamespace(
    exp=lambda e: Product(1.0, e.value if isinstance(e, Product) else e),
    log1p=lambda q: _library(q).log1p(q),
    sqrt=lambda q: Product(1.0, None, ((q, 0.5, True),)),
)


def product_of(name, *given):
    """Returns an atom of arrays or tensors as a product."""
    is_tensor = isinstance(given[0], torch.Tensor)
    if name in SLOPES and is_tensor:
        return Product(_Smooth.apply(given[0], name))
    return as_product(value(_PRODUCTS, name, *given))
