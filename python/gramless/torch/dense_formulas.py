# SPDX-License-Identifier: MIT
"""Own formulas of the backend "pytorch", by plain torch operations.

A value is a tensor (M or 1, N or 1, width). Like `dense`, this leaves
derivatives to autograd and shares no formula with the engine.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from torch.nn.functional import pad

from gramless.torch.dense_math import integer_power, real_power, root

_SINE_TERMS = 11  # The next one, 1/25!, is far below the last bit.


def _dot(a: tuple, b: tuple) -> tuple:
    return ("call", "Sum", ("multiply", a, b))


def _square_norm(a: tuple) -> tuple:
    return _dot(a, a)


def _weighted(g: tuple, a: tuple) -> tuple:
    return ("call", "WeightedSqNorm", g, a)


# Operators that are others: the trees that they stand for.
_SYNONYMS: dict[str, Callable[..., tuple]] = {
    "Add": lambda a, b: ("add", a, b),
    "Subtract": lambda a, b: ("subtract", a, b),
    "Mult": lambda a, b: ("multiply", a, b),
    "Scal": lambda s, a: ("multiply", s, a),
    "Divide": lambda a, b: ("divide", a, b),
    "Minus": lambda a: ("negate", a),
    "Inv": lambda a: ("divide", ("number", 1.0), a),
    "Scalprod": _dot,
    "IntCst": lambda n: n,
    "IntInv": lambda n: ("divide", ("number", 1.0), n),
    "Zero": lambda d: ("call", "SumT", ("number", 0.0), d),
    "Square": lambda a: ("power", a, 2.0),
    "Sqrt": lambda a: ("power", a, 0.5),
    "Rsqrt": lambda a: ("power", a, -0.5),
    "Pow": lambda a, n: ("power", a, _number(n)),
    "SqNorm2": _square_norm,
    "Norm2": lambda a: ("power", _square_norm(a), 0.5),
    "SqDist": lambda a, b: _square_norm(("subtract", a, b)),
    "WeightedSqDist": lambda g, a, b: _weighted(g, ("subtract", a, b)),
}


def _number(tree: tuple) -> float:
    """Returns the value of a number, which may have signs."""
    return tree[1] if tree[0] == "number" else -_number(tree[1])


def _plain(tree: tuple) -> tuple:
    """Returns the tree that an operator stands for."""
    if tree[0] == "dot":
        return _dot(*tree[1:])
    while tree[0] == "call" and tree[1] in _SYNONYMS:
        tree = _SYNONYMS[tree[1]](*tree[2:])
    return tree


def _is_whole(exponent: float) -> bool:
    return exponent == math.trunc(exponent)


def _factors(tree: tuple) -> dict[tuple[tuple, bool], float]:
    """Returns the exponents of the factors of a product, in reading order.

    Powers of one factor merge where their exponents have the same sign, which
    is what the flag tells: the product of two roots of f is f itself.
    """
    exponents: dict[tuple[tuple, bool], float] = defaultdict(float)
    waiting = [(tree, 1.0)]
    while waiting:
        tree, exponent = waiting.pop()
        tree = _plain(tree)
        is_whole = _is_whole(exponent)
        if is_whole and tree[0] == "power" and tree[2] != 0:
            waiting.append((tree[1], tree[2] * exponent))
        elif is_whole and exponent > 0 and tree[0] == "multiply":
            waiting += [(tree[2], exponent), (tree[1], exponent)]
        elif is_whole and exponent > 0 and tree[0] == "divide":
            waiting += [(tree[2], -exponent), (tree[1], exponent)]
        elif is_whole and exponent > 0 and tree[0] == "negate":
            waiting += [(tree[1], exponent), (("number", -1.0), exponent)]
        else:
            exponents[tree, exponent > 0] += exponent
    return exponents


def _power(base: Tensor, exponent: float) -> Tensor:
    if _is_whole(exponent):
        return integer_power(base, int(exponent))
    return root(base) if exponent == 0.5 else real_power(base, exponent)


def _truth(is_true: Tensor, a: Tensor) -> Tensor:
    """Returns 1 or 0 in the format of a, without a derivative."""
    return is_true.to(a.dtype)


def _sign(a: Tensor) -> Tensor:
    a = a.detach()
    return torch.where(a.isnan(), a, a.sign())


def _x_log_x(a: Tensor) -> Tensor:
    is_zero = a == 0
    positive = torch.where(is_zero, 1.0, a)
    return torch.where(is_zero, 0.0, positive * positive.log())


def _sin_x_div_x(a: Tensor) -> Tensor:
    """Returns sin(a)/a, up to 1 by its series."""
    is_near = a.abs() <= 1
    square = torch.where(is_near, a, 0.0) ** 2
    near = torch.ones_like(a)
    for k in range(_SINE_TERMS, 0, -1):
        near = 1 - near * square / (2 * k * (2 * k + 1))
    far = torch.where(is_near, 1.0, a)
    return torch.where(is_near, near, far.sin() / far)


def _clamp(a: Tensor, low: Tensor, high: Tensor) -> Tensor:
    return torch.where(a < low, low, torch.where(a > high, high, a))


def _normalize(a: Tensor) -> Tensor:
    square = (a * a).sum(2, keepdim=True)
    is_zero = square == 0
    return torch.where(
        is_zero, 0.0, a * torch.where(is_zero, 1.0, square) ** -0.5
    )


def _matrix_times_vector(matrix: Tensor, v: Tensor) -> Tensor:
    width = v.shape[2]
    rows = matrix.unflatten(2, (matrix.shape[2] // width, width))
    return (rows * v[:, :, None, :]).sum(3)


def _vector_times_matrix(v: Tensor, matrix: Tensor) -> Tensor:
    width = v.shape[2]
    rows = matrix.unflatten(2, (width, matrix.shape[2] // width))
    return (v[:, :, :, None] * rows).sum(2)


def _weighted_square(g: Tensor, a: Tensor) -> Tensor:
    if g.shape[2] in (1, a.shape[2]):
        return (g * a * a).sum(2, keepdim=True)
    return (a * _matrix_times_vector(g, a)).sum(2, keepdim=True)


def _concat(a: Tensor, b: Tensor) -> Tensor:
    shape = torch.broadcast_shapes(a.shape[:2], b.shape[:2])
    return torch.cat([a.expand(*shape, -1), b.expand(*shape, -1)], 2)


# Operators of values.
_FUNCTIONS: dict[str, Callable[..., Tensor]] = {
    "Exp": torch.exp,
    "Log": torch.log,
    "Sin": torch.sin,
    "Cos": torch.cos,
    "Tan": torch.tan,
    "Asin": torch.asin,
    "Acos": torch.acos,
    "Atan": torch.atan,
    "Sinh": torch.sinh,
    "Cosh": torch.cosh,
    "Tanh": torch.tanh,
    "Abs": lambda a: a * _sign(a),
    "Sign": _sign,
    "Floor": lambda a: a.detach().floor(),
    "Atan2": torch.atan2,
    "Powf": lambda a, b: torch.exp(b * torch.log(a)),
    "XLogX": _x_log_x,
    "SinXDivX": _sin_x_div_x,
    "Mod": lambda a, m, o: a - m * ((a - o) / m).detach().floor(),
    "Step": lambda a: _truth(a >= 0, a),
    "ReLU": lambda a: torch.where(a < 0, 0.0, a),
    "Clamp": _clamp,
    "IfElse": lambda a, b, c: torch.where(a >= 0, b, c),
    "Equal": lambda a, b: _truth(a == b, a),
    "NotEqual": lambda a, b: _truth(a != b, a),
    "LessThan": lambda a, b: _truth(a < b, a),
    "LessOrEqual": lambda a, b: _truth(a <= b, a),
    "Normalize": _normalize,
    "WeightedSqNorm": _weighted_square,
    "Sum": lambda a: a.sum(2, keepdim=True),
    "Max": lambda a: a.gather(2, a.argmax(2, keepdim=True)),
    "Min": lambda a: a.gather(2, a.argmin(2, keepdim=True)),
    "Concat": _concat,
    "MatVecMult": _matrix_times_vector,
    "VecMatMult": _vector_times_matrix,
    "TensorProd": lambda a, b: (a[..., None] * b[:, :, None, :]).flatten(2),
}


def _one_hot(a: Tensor, width: int) -> Tensor:
    places = torch.arange(width, device=a.device)
    return _truth(a.detach().round() == places, a)


# Operators of a value and of integers.
_FUNCTIONS_OF_INTEGERS: dict[str, Callable[..., Tensor]] = {
    "Round": lambda a, digits: a.detach().round(decimals=digits),
    "SumT": lambda a, width: a.expand(-1, -1, width),
    "Elem": lambda a, m: a[:, :, m : m + 1],
    "ElemT": lambda a, n, m: pad(a, (m, n - m - 1)),
    "Extract": lambda a, m, d: a[:, :, m : m + d],
    "ExtractT": lambda a, m, n: pad(a, (m, n - m - a.shape[2])),
    "OneHot": _one_hot,
}


class _Evaluator:
    """Evaluates trees for given values of the variables."""

    def __init__(self, variables: Mapping[str, Tensor]) -> None:
        self._variables = variables
        self._like = next(
            iter(variables.values()),
            torch.empty(0, dtype=torch.float64, device="cpu"),
        )

    def evaluate(self, tree: tuple) -> Tensor:
        tree = _plain(tree)
        kind = tree[0]
        if kind == "number":
            return self._like.new_full((1, 1, 1), tree[1])
        if kind == "name":
            return self._variables[tree[1]]
        if kind == "negate":
            return -self.evaluate(tree[1])
        if kind in ("add", "subtract"):
            return self._sum(tree)
        if kind == "call":
            return self._call(tree[1], tree[2:])
        if kind == "power" and tree[2] == 0:
            return torch.ones_like(self.evaluate(tree[1]))
        return self._product(tree)

    def _sum(self, tree: tuple) -> Tensor:
        terms = []
        while tree[0] in ("add", "subtract"):  # Sums can be long.
            terms.append((tree[0], tree[2]))
            tree = tree[1]
        total = self.evaluate(tree)
        for kind, term in reversed(terms):
            value = self.evaluate(term)
            total = total + value if kind == "add" else total - value
        return total

    def _product(self, tree: tuple) -> Tensor:
        product: Tensor | float = 1.0
        for (base, is_above), exponent in _factors(tree).items():
            value = self.evaluate(base)
            if _is_whole(exponent) and not is_above:
                product = product / _power(value, -exponent)
            elif isinstance(product, float):
                product = _power(value, exponent)
            else:
                product = product * _power(value, exponent)
        return product

    def _call(self, name: str, operands: tuple) -> Tensor:
        if name == "Grad":
            return self._gradient(*operands)
        if name in _FUNCTIONS:
            return _FUNCTIONS[name](*map(self.evaluate, operands))
        integers = (int(_number(operand)) for operand in operands[1:])
        value = self.evaluate(operands[0])
        return _FUNCTIONS_OF_INTEGERS[name](value, *integers)

    def _gradient(self, tree: tuple, variable: tuple, weights: tuple) -> Tensor:
        """Returns the product of the transposed Jacobian with weights."""
        with torch.inference_mode(False), torch.enable_grad():
            gradient = self._recorded_gradient(tree, variable[1], weights)
        is_wanted = any(each.requires_grad for each in self._variables.values())
        if is_wanted and torch.is_grad_enabled():
            return gradient
        return gradient.detach()

    def _recorded_gradient(self, tree: tuple, name: str, weights: tuple):
        variables = {
            key: value.clone() if value.is_inference() else value
            for key, value in self._variables.items()
        }
        pairs = torch.broadcast_shapes(
            *(value.shape[:2] for value in variables.values())
        )
        # The variable has a copy for each pair, so that pairs do not mix.
        along = variables[name].expand(*pairs, -1)
        if not along.requires_grad:
            along = along.detach().requires_grad_()
        value = _Evaluator({**variables, name: along}).evaluate(tree)
        if not value.requires_grad:
            return torch.zeros_like(along)
        weight = _Evaluator(variables).evaluate(weights).expand_as(value)
        return torch.autograd.grad(
            value, along, weight, create_graph=True, materialize_grads=True
        )[0]


def formula_values(tree: tuple, variables: Mapping[str, Tensor]) -> Tensor:
    """Returns the values of a formula for all pairs, (M or 1, N or 1, width).

    The tree is one that was checked. A variable X_k is (M, 1, D), Y_k is
    (1, N, D), and G_k one of them or (1, 1, K). Without variables the result
    is float64 on the CPU.
    """
    return _Evaluator(variables).evaluate(tree)
