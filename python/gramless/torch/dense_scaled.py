# SPDX-License-Identifier: MIT
"""Arithmetic of kernels on the backend "pytorch": literal, but for two things.

exp(a) exp(b) is exp(a + b) and exp(a)**n is exp(n a), so exponents stand apart
in products. And powers of one root merge: sqrt(f) sqrt(f) is f. All else is
what torch's operations do, one after another.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from gramless.torch.dense_math import (
    integer_power,
    log_size,
    product,
    together,
)

Term = tuple[Tensor, Tensor | None]
"""Numbers m exp(e); e may be None for 0."""

_MOST_TERMS = 8
_NEAR = 40.0  # Exponents that differ by no more can share a scale.


class Scaled(NamedTuple):
    """The numbers m exp(e), with what these two alone would lose.

    `roots` are factors f**h, kept for their derivatives where f = 0: elsewhere
    f is 1, and m has the factor. A key tells what f is, and whether it stands
    above the fraction bar; h is positive. `zeros` are terms that are 0 but
    have derivatives, with exponents far from e. `log` is log|k|, where it is
    known better than by m and e.
    """

    m: Tensor
    e: Tensor | None = None
    roots: Mapping[tuple, tuple[Tensor, float]] = {}
    zeros: tuple[Term, ...] = ()
    log: Tensor | None = None

    def with_exponent(self, e: Tensor | None) -> Scaled:
        """Returns the numbers times exp(e); there are no zeros yet."""
        log = None if self.log is None else _sum(self.log, e)
        return self._replace(e=_sum(self.e, e), log=log)

    def map(self, function: Callable[[Tensor], Tensor]) -> Scaled:
        """Applies a change of shape to all tensors."""

        def changed(tensor: Tensor | None) -> Tensor | None:
            return None if tensor is None else function(tensor)

        return Scaled(
            changed(self.m),
            changed(self.e),
            {key: (changed(f), h) for key, (f, h) in self.roots.items()},
            tuple((changed(m), changed(e)) for m, e in self.zeros),
            changed(self.log),
        )


def _sum(a: Tensor | None, b: Tensor | None, factor: float = 1) -> Tensor:
    """Returns a + factor * b, where None is 0."""
    if b is None:
        return a
    b = b if factor == 1 else factor * b
    return b if a is None else a + b


def _power_of_root(f: Tensor, h: float, is_above: bool) -> Tensor:
    """Returns f**h or f**-h, where a root is 0 without a derivative."""
    whole = math.floor(h)
    power = integer_power(f, whole) if whole else torch.ones_like(f)
    if whole != h:
        power = power * (f.detach() != 0)
    return power if is_above else 1 / power


def closed(k: Scaled) -> Scaled:
    """Returns a kernel with its roots in m."""
    m = k.m
    for (_, is_above), (f, h) in k.roots.items():
        m = m * _power_of_root(f, h, is_above)
    return k._replace(m=m, roots={})


def collapsed(k: Scaled) -> Scaled:
    """Returns a kernel as one term, as far as its derivatives can be one."""
    k = closed(k)
    m = k.m
    for zero, e in k.zeros:
        m = m + product(zero, _sum(e, k.e, -1))
    return k._replace(m=m, zeros=())


def terms(k: Scaled) -> list[Term]:
    """Returns terms whose sum is the kernel."""
    k = closed(k)
    return [(k.m, k.e), *k.zeros]


def value(k: Scaled) -> Tensor:
    """Returns the numbers themselves."""
    return sum(product(*term) for term in terms(k))


def logarithm(k: Scaled) -> Tensor:
    """Returns log|k|, which is -inf and has no derivative at 0."""
    if k.log is not None:
        return k.log
    k = collapsed(k)
    return _sum(log_size(k.m), k.e)


def _folded(roots: dict, m: Tensor) -> tuple[dict, Tensor]:
    """Moves roots whose powers are whole into m."""
    rest = {}
    for key, (f, h) in roots.items():
        if key[1] and h == math.floor(h):
            m = m * integer_power(f, int(h))
        else:
            rest[key] = (f, h)
    return rest, m


def _zero_times(zero: Term, factor: Term) -> Term:
    """Returns a zero term times a factor: still 0 if that is infinite."""
    m, e = factor
    return zero[0] * torch.where(m.isfinite(), m, 0.0), _sum(zero[1], e)


class Arithmetic:
    """Operations on kernels where each sum is a number."""

    is_log = False
    has_log = False

    def leaf(self, m: Tensor) -> Scaled:
        """Returns numbers as a kernel."""
        return self._normal(Scaled(m))

    def negate(self, k: Scaled) -> Scaled:
        zeros = tuple((-m, e) for m, e in k.zeros)
        return k._replace(m=-k.m, zeros=zeros)

    def add(self, a: Scaled, b: Scaled) -> Scaled:
        return Scaled(value(a) + value(b))

    def subtract(self, a: Scaled, b: Scaled) -> Scaled:
        return self.add(a, self.negate(b))

    def multiply(self, a: Scaled, b: Scaled) -> Scaled:
        if a.zeros or b.zeros:
            if (1 + len(a.zeros)) * (1 + len(b.zeros)) > _MOST_TERMS:
                a, b = collapsed(a), collapsed(b)
            ones, others = terms(a), terms(b)
            zeros = [_zero_times(z, ones[0]) for z in b.zeros]
            zeros += [_zero_times(z, t) for z in a.zeros for t in others]
        else:
            zeros = []
        return self._combined(a.m * b.m, a, b, 1, zeros)

    def divide(self, a: Scaled, b: Scaled) -> Scaled:
        b = collapsed(b) if a.zeros or b.zeros else b
        zeros = []
        if a.zeros:
            inverse = (1 / b.m, None if b.e is None else -b.e)
            zeros = [_zero_times(zero, inverse) for zero in a.zeros]
        return self._combined(a.m / b.m, a, b, -1, zeros)

    def power(self, k: Scaled, n: float, key: object) -> Scaled:
        """Returns k**n. The key says what k is, as a radicand."""
        if n == 0:
            return Scaled(torch.ones_like(k.m if k.e is None else k.m + k.e))
        k = collapsed(k) if k.zeros else k
        roots = {
            (radicand, is_above == (n > 0)): (f, h * abs(n))
            for (radicand, is_above), (f, h) in k.roots.items()
        }
        if n == math.trunc(n):
            m, e = self._whole_power(k.m, int(n))
        else:
            is_zero = k.m == 0
            at = (key, n > 0)
            roots[at] = (torch.where(is_zero, k.m, 1.0), abs(n))
            m, e = self._real_power(torch.where(is_zero, 1.0, k.m), n)
        roots, m = _folded(roots, m)
        log = n * logarithm(k) if self.has_log else None
        e = _sum(e, k.e, n)
        return self._normal(Scaled(m, e, roots))._replace(log=log)

    def _combined(
        self, m: Tensor, a: Scaled, b: Scaled, sign: int, zeros: list[Term]
    ) -> Scaled:
        """Returns a b or a/b, whose m is given."""
        roots = dict(a.roots)
        for (radicand, is_above), (f, h) in b.roots.items():
            at = (radicand, is_above == (sign > 0))
            roots[at] = (f, h + roots[at][1] if at in roots else h)
        roots, m = _folded(roots, m)
        log = logarithm(a) + sign * logarithm(b) if self.has_log else None
        k = Scaled(m, _sum(a.e, b.e, sign), roots, tuple(zeros))
        return self._normal(k)._replace(log=log)

    def _whole_power(self, m: Tensor, n: int) -> Term:
        return integer_power(m, n), None

    def _real_power(self, m: Tensor, n: float) -> Term:
        return m**n, None

    def _normal(self, k: Scaled) -> Scaled:
        return k


class LogArithmetic(Arithmetic):
    """Operations that keep exponents apart in sums, too.

    `dtype` is that of the results. With `has_log`, log|k| is kept as well.
    """

    is_log = True

    def __init__(self, dtype: torch.dtype, has_log: bool = False) -> None:
        self._is_narrow = dtype == torch.float32
        self.has_log = has_log

    def add(self, a: Scaled, b: Scaled) -> Scaled:
        a, b = (collapsed(k) if len(k.zeros) > 4 else closed(k) for k in (a, b))
        zeros = [*a.zeros, *b.zeros]
        if a.e is None and b.e is None:
            return self._normal(Scaled(a.m + b.m, zeros=tuple(zeros)))
        exponents = [
            torch.zeros_like(k.m) if k.e is None else k.e for k in (a, b)
        ]
        m, n, e, f = together(a.m, b.m, *exponents)
        scale = _scale([(m, e), (n, f)])
        total = None
        for factor, exponent in ((m, e), (n, f)):
            # A zero far from the scale would lose its derivatives.
            is_far = (factor == 0) & ((exponent - scale).abs() > _NEAR)
            zeros.append((torch.where(is_far, factor, 0.0), exponent))
            factor = torch.where(is_far, 0.0, factor)
            total = _sum(total, product(factor, exponent - scale))
        return self._normal(Scaled(total, scale, zeros=tuple(zeros)))

    def _whole_power(self, m: Tensor, n: int) -> Term:
        base = result = self._normal(Scaled(m))
        for bit in bin(abs(n))[3:]:
            result = self._square_of(result)
            if bit == "1":
                e = _sum(result.e, base.e)
                result = self._normal(Scaled(result.m * base.m, e))
        if n > 0:
            return result.m, result.e
        return 1 / result.m, _sum(None, result.e, -1)

    def _square_of(self, k: Scaled) -> Scaled:
        return self._normal(Scaled(k.m * k.m, _sum(k.e, k.e)))

    def _real_power(self, m: Tensor, n: float) -> Term:
        if abs(n) <= 4:
            return m**n, None
        return torch.ones_like(m), n * m.log()

    def _normal(self, k: Scaled) -> Scaled:
        """Moves a power of two from m to e where m is very large or small."""
        if k.m.is_meta:
            return k
        size = k.m.detach()
        bits = torch.frexp(size).exponent
        most, largest = (30, 126) if self._is_narrow else (250, 1000)
        is_far = (bits.abs() > most) & size.isfinite() & (size != 0)
        bits = torch.where(is_far, bits, 0).clamp(-largest, largest)
        bits = bits.to(size.dtype)
        e = _sum(math.log(2) * bits, k.e)
        return k._replace(m=k.m * torch.exp2(-bits), e=e)


def _scale(given: list[Term]) -> Tensor:
    """Returns the largest exponent of terms with m in it, a constant.

    Terms that are 0 count only where all are.
    """
    sizes = [e.detach() + log_size(m.detach()) for m, e in given]
    scale = torch.maximum(*sizes)
    of_zeros = torch.maximum(*(e.detach() for _, e in given))
    scale = torch.where(scale == -math.inf, of_zeros, scale)
    return finite(scale)


def finite(shift: Tensor) -> Tensor:
    """Returns a shift that differences can be taken to."""
    return shift.nan_to_num(0.0, posinf=0.0, neginf=0.0)


ARITHMETIC = Arithmetic()
