# SPDX-License-Identifier: MIT
"""Own formulas of the backend "pytorch", by plain torch operations.

A value is a tensor (M or 1, N or 1, width). Like `dense`, this leaves
derivatives to autograd and shares no formula with the engine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from torch.nn.functional import pad

from gramless.torch.dense_scaled import (
    ARITHMETIC,
    Arithmetic,
    Scaled,
    value,
)
from gramless.torch.dense_tree import TreeEvaluator

_ZERO = ("number", 0.0)
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


# Operators that choose: the condition, and what is chosen if it holds, and
# otherwise.
_CHOICES: dict[str, Callable[..., tuple]] = {
    "IfElse": lambda a, b, c: (("not below", a, _ZERO), b, c),
    "ReLU": lambda a: (("below", a, _ZERO), _ZERO, a),
    "Clamp": lambda a, low, high: (
        ("below", a, low),
        low,
        ("choice", ("below", high, a), high, a),
    ),
}


class _Evaluator(TreeEvaluator):
    """Evaluates trees for given values of the variables."""

    def __init__(
        self,
        variables: Mapping[str, Tensor],
        arithmetic: Arithmetic = ARITHMETIC,
        owner: object = None,
        choices: dict[tuple, Tensor] | None = None,
    ) -> None:
        super().__init__(arithmetic)
        self._variables = variables
        self._owner = owner
        self._choices = {} if choices is None else choices
        self._like = next(
            iter(variables.values()),
            torch.empty(0, dtype=torch.float64, device="cpu"),
        )

    def plain(self, tree: tuple) -> tuple:
        return _plain(tree)

    def key(self, tree: tuple) -> object:
        return self._owner, tree

    def number(self, number: float) -> Tensor:
        return self._like.new_full((1, 1, 1), number)

    def evaluate(self, tree: tuple) -> Tensor:
        """Returns the numbers themselves."""
        return value(self._with(self._variables).scaled(tree))

    def _with(self, variables: Mapping[str, Tensor]) -> _Evaluator:
        """Returns an evaluator for variables of the same values."""
        return _Evaluator(variables, choices=self._choices)

    def leaf(self, tree: tuple) -> Scaled:
        if tree[0] == "name":
            return self.arithmetic.leaf(self._variables[tree[1]])
        if tree[:2] == ("call", "Exp"):
            e = self.evaluate(tree[2])
            return Scaled(torch.ones_like(e), e)
        if tree[0] == "choice":
            return self.arithmetic.leaf(self._choice(*tree[1:]))
        return self.arithmetic.leaf(self._call(tree[1], tree[2:]))

    def _call(self, name: str, operands: tuple) -> Tensor:
        if name == "Grad":
            return self._gradient(*operands)
        if name in _CHOICES:
            return self._choice(*_CHOICES[name](*operands))
        if name in _FUNCTIONS:
            return _FUNCTIONS[name](*map(self.evaluate, operands))
        integers = (int(_number(operand)) for operand in operands[1:])
        return _FUNCTIONS_OF_INTEGERS[name](
            self.evaluate(operands[0]), *integers
        )

    def _choice(self, condition: tuple, first: tuple, second: tuple) -> Tensor:
        """Returns values of two trees, each with its own derivatives only."""
        is_first = self._choices.get(condition)
        if is_first is None:
            kind, a, b = condition
            with torch.no_grad():
                a, b = self.evaluate(a), self.evaluate(b)
            is_first = a < b if kind == "below" else a >= b
            self._choices[condition] = is_first
        return torch.where(
            is_first,
            self._where(is_first, first),
            self._where(~is_first, second),
        )

    def _where(self, is_chosen: Tensor, tree: tuple) -> Tensor:
        """Returns a tree's values, without derivatives where it is not chosen.

        There they may be NaN: they are cut off where they reach a variable.
        """
        if not self._is_recording():
            return self.evaluate(tree)
        parts = []
        for mask in is_chosen.split(1, dim=2):
            variables = {
                name: torch.where(mask, v, v.detach())
                for name, v in self._variables.items()
            }
            parts.append(self._with(variables).evaluate(tree))
        if len(parts) == 1 or parts[0].shape[2] == 1:
            return torch.cat(parts, 2)
        return torch.cat([p[..., k : k + 1] for k, p in enumerate(parts)], 2)

    def _is_recording(self) -> bool:
        is_wanted = any(each.requires_grad for each in self._variables.values())
        return is_wanted and torch.is_grad_enabled()

    def _gradient(self, tree: tuple, variable: tuple, weights: tuple) -> Tensor:
        """Returns the product of the transposed Jacobian with weights."""
        with torch.inference_mode(False), torch.enable_grad():
            gradient = self._recorded_gradient(tree, variable[1], weights)
        return gradient if self._is_recording() else gradient.detach()

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
        value = self._with({**variables, name: along}).evaluate(tree)
        if not value.requires_grad:
            return torch.zeros_like(along)
        weight = self._with(variables).evaluate(weights).expand_as(value)
        return torch.autograd.grad(
            value, along, weight, create_graph=True, materialize_grads=True
        )[0]


def scaled_formula(
    tree: tuple,
    variables: Mapping[str, Tensor],
    arithmetic: Arithmetic,
    owner: object,
) -> Scaled:
    """Returns the values of a formula; the owner tells it from others."""
    return _Evaluator(variables, arithmetic, owner).scaled(tree)


def formula_values(tree: tuple, variables: Mapping[str, Tensor]) -> Tensor:
    """Returns the values of a formula for all pairs, (M or 1, N or 1, width).

    The tree is one that was checked. A variable X_k is (M, 1, D), Y_k is
    (1, N, D), and G_k one of them or (1, 1, K). Without variables the result
    is float64 on the CPU.
    """
    return _Evaluator(variables).evaluate(tree)
