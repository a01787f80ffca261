# SPDX-License-Identifier: MIT
"""Own formulas by NumPy, one pair after another.

A formula is read by Python's own parser, as a tree for the library and as code
for the operators here. Nothing here comes from the library.
"""
# ruff: noqa: N806 (M and N are the sizes' own names)

import ast
import math

import numpy as np

OPERATORS = {
    ast.Add: "add",
    ast.Sub: "subtract",
    ast.Mult: "multiply",
    ast.Div: "divide",
    ast.BitOr: "dot",
}


def tree_of(node):
    """Returns the tree of a formula or of a node of Python's syntax."""
    if isinstance(node, str):
        return tree_of(ast.parse(node, mode="eval").body)
    if isinstance(node, ast.Constant):
        return ("number", float(node.value))
    if isinstance(node, ast.Name):
        return ("name", node.id)
    if isinstance(node, ast.Call):
        return ("call", node.func.id, *map(tree_of, node.args))
    if isinstance(node, ast.UnaryOp):
        return ("negate", tree_of(node.operand))
    if isinstance(node.op, ast.Pow):
        exponent = float(ast.literal_eval(node.right))
        return ("power", tree_of(node.left), exponent)
    return (
        OPERATORS[type(node.op)],
        tree_of(node.left),
        tree_of(node.right),
    )


class Vector(np.ndarray):
    """A vector of one pair."""

    def __or__(self, other):
        return as_vector(sum(self * other))


def as_vector(value):
    return np.atleast_1d(np.asarray(value, dtype=np.float64)).view(Vector)


def quadratic_form(g, a):
    n = len(a)
    g = {1: np.eye(n) * g[0], n: np.diag(g)}.get(len(g), g)
    g = g.reshape(n, n)
    return sum(g[k, m] * a[k] * a[m] for k in range(n) for m in range(n))


def matrix_times_vector(matrix, v):
    rows = len(matrix) // len(v)
    return [
        sum(matrix[k * len(v) + m] * v[m] for m in range(len(v)))
        for k in range(rows)
    ]


def vector_times_matrix(v, matrix):
    n = len(matrix) // len(v)
    return [
        sum(v[m] * matrix[m * n + k] for m in range(len(v))) for k in range(n)
    ]


def placed(values, first, width):
    return [
        values[k - first] if first <= k < first + len(values) else 0.0
        for k in range(width)
    ]


def norm(a):
    return math.sqrt(sum(component**2 for component in a))


FUNCTIONS = {
    "Add": lambda a, b: a + b,
    "Subtract": lambda a, b: a - b,
    "Mult": lambda a, b: a * b,
    "Divide": lambda a, b: a / b,
    "Minus": lambda a: -a,
    "Inv": lambda a: 1 / a,
    "Scal": lambda a, b: a * b,
    "Scalprod": lambda a, b: sum(a * b),
    "IntCst": lambda n: n,
    "IntInv": lambda n: 1 / n,
    "Zero": lambda d: [0.0] * d,
    "Exp": np.exp,
    "Log": np.log,
    "Sin": np.sin,
    "Cos": np.cos,
    "Tan": np.tan,
    "Asin": np.arcsin,
    "Acos": np.arccos,
    "Atan": np.arctan,
    "Sinh": np.sinh,
    "Cosh": np.cosh,
    "Tanh": np.tanh,
    "Abs": np.abs,
    "Sign": np.sign,
    "Sqrt": np.sqrt,
    "Rsqrt": lambda a: 1 / np.sqrt(a),
    "Square": lambda a: a * a,
    "Floor": np.floor,
    "Atan2": np.arctan2,
    "Pow": lambda a, n: a**n,
    "Powf": lambda a, b: a**b,
    "XLogX": lambda a: a * np.log(a),
    "SinXDivX": lambda a: np.sin(a) / a,
    "Round": lambda a, d: np.round(a, d),
    "Mod": lambda a, m, o: o + np.mod(a - o, m),
    "Step": lambda a: [float(c >= 0) for c in a],
    "ReLU": lambda a: [max(c, 0.0) for c in a],
    "Clamp": lambda a, low, high: np.minimum(np.maximum(a, low), high),
    "IfElse": lambda a, b, c: b if a[0] >= 0 else c,
    "Equal": lambda a, b: a == b,
    "NotEqual": lambda a, b: a != b,
    "LessThan": lambda a, b: a < b,
    "LessOrEqual": lambda a, b: a <= b,
    "SqNorm2": lambda a: norm(a) ** 2,
    "Norm2": norm,
    "Normalize": lambda a: a / norm(a),
    "SqDist": lambda a, b: norm(a - b) ** 2,
    "WeightedSqNorm": quadratic_form,
    "WeightedSqDist": lambda g, a, b: quadratic_form(g, a - b),
    "Sum": sum,
    "SumT": lambda a, d: [a[0]] * d,
    "Max": max,
    "Min": min,
    "Elem": lambda a, m: a[m],
    "ElemT": lambda a, n, m: placed(a, m, n),
    "Extract": lambda a, m, d: a[m : m + d],
    "ExtractT": lambda a, m, n: placed(a, m, n),
    "Concat": lambda a, b: [*a, *b],
    "OneHot": lambda a, d: [float(k == round(a[0])) for k in range(d)],
    "MatVecMult": matrix_times_vector,
    "VecMatMult": vector_times_matrix,
    "TensorProd": lambda a, b: [c * d for c in a for d in b],
}

OF_VECTORS = {
    name: lambda *operands, f=f: as_vector(f(*operands))
    for name, f in FUNCTIONS.items()
}


def numpy_values(code, variables):
    """Returns the values of compiled code, (M, N, width).

    Variables are arrays that broadcast to the same M and N.
    """
    M, N = np.broadcast_shapes(*(v.shape[:2] for v in variables.values()))
    pairs = {
        name: np.broadcast_to(value, (M, N, value.shape[2])).view(Vector)
        for name, value in variables.items()
    }
    return np.array(
        [
            [
                eval(code, OF_VECTORS, {k: v[i, j] for k, v in pairs.items()})
                for j in range(N)
            ]
            for i in range(M)
        ]
    )
