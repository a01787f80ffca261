# SPDX-License-Identifier: MIT
"""Dense kernel matrices: NumPy for values, torch autograd for derivatives.

A name is read by Python's own parser, whose rules of precedence and order of
evaluation are those of names. Nothing here comes from the library.
"""
# ruff: noqa: N803, N806 (M, N, D and E are the sizes' own names)

from __future__ import annotations

import ast
import itertools
import re

import numpy as np
import torch

import atoms

ATOMS_OF_Q = tuple(atoms.OF_Q)
ATOMS_OF_S = tuple(atoms.OF_S)
ATOMS_OF_S_AND_G = tuple(atoms.OF_S_AND_G)
ATOMS = ATOMS_OF_Q + ATOMS_OF_S + ATOMS_OF_S_AND_G
# These have two gamma slots, all others one.
ATOMS_OF_TWO = (*atoms.OF_Q_AND_H, *atoms.OF_SINES)

SCALAR_FORMS = ("number", "()", "(1,)", "(N,1)", "j(N,1)", "i(M,1)")
METRIC_FORMS = (
    *SCALAR_FORMS,
    "(D,)",
    "(DD,)",
    "(N,D)",
    "(N,DD)",
    "j(N,D)",
    "j(N,DD)",
    "i(M,D)",
    "i(M,DD)",
)


def forms_of(atom):
    """Returns the forms that the gamma of an atom can have."""
    if atom in ATOMS_OF_S:
        return ("none",)
    return SCALAR_FORMS if atom in ATOMS_OF_S_AND_G else METRIC_FORMS


def slots_of(atom):
    """Returns the number of gamma slots of an atom."""
    return 2 if atom in ATOMS_OF_TWO else 1


def atoms_of(name):
    """Returns the atoms of a kernel's name, in reading order."""
    return re.findall(r"([a-z]\w*)\(", name)


def pairs_of(name):
    """Returns the distinct pairs of variables of a kernel's name."""
    found = re.findall(r"\(\s*([a-z]\w*)\s*,\s*([a-z]\w*)\s*\)", name)
    return list(dict.fromkeys(found))


class Data:
    """Random tensors, the same for the same seed."""

    def __init__(self, seed, dtype=torch.float64):
        self._generator = torch.Generator().manual_seed(seed)
        self._dtype = dtype

    def normal(self, *shape):
        values = torch.randn(
            shape, generator=self._generator, dtype=torch.float64, device="cpu"
        )
        return values.to(self._dtype)

    def positive(self, *shape):
        values = torch.rand(
            shape, generator=self._generator, dtype=torch.float64, device="cpu"
        )
        return (0.4 + values).to(self._dtype)

    def metrics(self, rows, dimension):
        """Positive definite matrices, plus antisymmetric ones."""
        root = self.normal(rows, dimension, dimension)
        skew = self.normal(rows, dimension, dimension)
        metric = root @ root.mT / (1 + dimension) + skew - skew.mT
        metric = metric + 0.4 * torch.eye(dimension, dtype=self._dtype)
        return metric.reshape(rows, dimension * dimension)

    def gamma(self, form, M, N, D):
        """Returns what stands in a gamma slot for a form, such as "i(M,D)"."""
        if form == "none":
            return None
        if form == "number":
            return 0.7
        if form in ("()", "(1,)"):
            return self.positive(*([1] if form == "(1,)" else []))
        rows = {"M": M, "N": N}.get(form.strip("ij(")[0], 1)
        if "DD" in form:
            values = self.metrics(rows, D)
        else:
            values = self.positive(rows, 1 if "1" in form else D)
        if form in ("(D,)", "(DD,)"):
            return values[0]
        return (form[0], values) if form[0] in "ij" else values


def gamma_tensor(slot):
    """Returns the tensor of a gamma slot, or None."""
    value = slot[1] if isinstance(slot, tuple) else slot
    return value if isinstance(value, torch.Tensor) else None


def with_tensor(slot, tensor):
    """Returns a gamma slot with another tensor in it."""
    return (slot[0], tensor) if isinstance(slot, tuple) else tensor


def as_numpy(value):
    """Returns a tensor, or the tensor of a gamma slot, as NumPy float64."""
    if isinstance(value, tuple):
        return (value[0], as_numpy(value[1]))
    if isinstance(value, torch.Tensor):
        return value.detach().numpy().astype(np.float64)
    return value


def per_pair(gamma):
    """Returns gamma in a shape that broadcasts to (M, N, K), or that it has."""
    if isinstance(gamma, float):
        return np.full((1, 1, 1), gamma)
    rows = "j"
    if isinstance(gamma, tuple):
        rows, gamma = gamma
    if gamma.ndim < 2:
        return gamma.reshape(1, 1, -1)
    if gamma.ndim == 3:
        return gamma
    return gamma[:, None, :] if rows == "i" else gamma[None, :, :]


def weighted_square(d, gamma):
    """Returns the sum of G[a,b] d[a] d[b] for all pairs."""
    g = per_pair(gamma)
    if isinstance(d, torch.Tensor) and not isinstance(g, torch.Tensor):
        g = torch.as_tensor(g, dtype=d.dtype)
    D = d.shape[2]
    if g.shape[2] in (1, D):
        return (g * d * d).sum(2)
    products = (d[:, :, :, None] * d[:, :, None, :]).reshape(
        *d.shape[:2], D * D
    )
    return (g * products).sum(2)


def quadratic_form(x, y, gamma):
    """Returns the sum of G[a,b] d[a] d[b], d = x - y, for all pairs."""
    return weighted_square(x[:, None, :] - y[None, :, :], gamma)


def arguments_of(name, x, y, gamma=None, second=None):
    """Returns what an atom is a function of, for all pairs: q, s, ..."""
    if name in ATOMS_OF_Q:
        return (quadratic_form(x, y, gamma),)
    if name in atoms.OF_Q_AND_H:
        return quadratic_form(x, y, gamma), _number(second, x)
    if name in atoms.OF_SINES:
        angle = np.pi * _number(second, x)[:, :, None] * (x[:, None, :] - y)
        library = torch if isinstance(x, torch.Tensor) else np
        return (weighted_square(library.sin(angle), gamma),)
    s = x @ y.T
    return (s,) if name in ATOMS_OF_S else (s, _number(gamma, x))


def _number(gamma, like):
    """Returns a scalar gamma in a shape that broadcasts to (M, N)."""
    g = per_pair(gamma)[:, :, 0]
    if isinstance(like, torch.Tensor) and not isinstance(g, torch.Tensor):
        g = torch.as_tensor(g, dtype=like.dtype)
    return g


def atom_product(name, x, y, gamma=None):
    """Returns an atom for all pairs, as a product."""
    return atoms.product_of(name, *arguments_of(name, x, y, gamma))


class _Names(dict):
    """Atoms by their name. Any other name is a variable: the name itself."""

    def __missing__(self, name):
        return name


def evaluate(name, atom_value):
    """Returns the value of a kernel's name: by Python's parser.

    Python evaluates from left to right, so slots and pairs come up in reading
    order: each atom is `atom_value` of its name, its pair and its first slot.
    """
    slots = 0
    pairs = {}

    def atom(atom_name):
        def apply(i_name, j_name):
            nonlocal slots
            pair = pairs.setdefault((i_name, j_name), len(pairs))
            slot, slots = slots, slots + slots_of(atom_name)
            return atom_value(atom_name, pair, slot)

        return apply

    names = _Names({a: atom(a) for a in (*ATOMS, *ATOMS_OF_TWO)})
    return eval(name.strip(), {"__builtins__": {}}, names)


class _Signs(ast.NodeTransformer):
    """Gives the sums of a name other signs, but for what is divided by."""

    def __init__(self, signs):
        self._signs = signs

    def visit_BinOp(self, node):
        is_power = isinstance(node.op, ast.Pow)
        if is_power and isinstance(node.right, ast.UnaryOp):
            return node
        if isinstance(node.op, (ast.Add, ast.Sub)):
            node.op = next(self._signs)
        return self.generic_visit(node)


def names_of_all_signs(name):
    """Returns a name with all combinations of signs in its sums.

    The largest of their values is that of the absolute terms.
    """
    count = name.count("+") + name.count("-")
    names = set()
    for signs in itertools.product((ast.Add(), ast.Sub()), repeat=count):
        tree = _Signs(iter(signs)).visit(ast.parse(name.strip(), mode="eval"))
        names.add(ast.unparse(tree))
    return sorted(names)


def kernel_matrix(name, xs, ys, gammas):
    """Returns the (M, N) matrix of a kernel, of the arrays' library."""
    is_torch = isinstance(xs[0], torch.Tensor)

    def atom(atom_name, pair, slot):
        slots = gammas[slot : slot + slots_of(atom_name)]
        given = arguments_of(atom_name, xs[pair], ys[pair], *slots)
        if is_torch:
            return atoms.product_of(atom_name, *given)
        return atoms.value(atoms.NUMPY, atom_name, *given)

    matrix = evaluate(name, atom)
    if isinstance(matrix, atoms.Product):
        matrix = matrix.value
    shape = xs[0].shape[0], ys[0].shape[0]
    if is_torch:
        return torch.as_tensor(matrix, dtype=xs[0].dtype).expand(shape)
    return np.broadcast_to(matrix, shape)


def numpy_matrix(name, xs, ys, gammas):
    """Returns the matrix of a kernel of tensors, in NumPy's float64."""
    return kernel_matrix(
        name,
        *([as_numpy(value) for value in group] for group in (xs, ys, gammas)),
    )


def derivatives(function, tensors, order, seed=0):
    """Returns the gradients of all orders up to `order`, as lists.

    Each order is the gradient to all tensors of the last one's product with
    fixed random numbers.
    """
    data = Data(1000 + seed)
    results = [function(*tensors)]
    gradients = []
    for step in range(order):
        weighted = [result * data.normal(*result.shape) for result in results]
        results = torch.autograd.grad(
            sum(term.sum() for term in weighted),
            tensors,
            create_graph=step + 1 < order,
            materialize_grads=True,
        )
        gradients.append([result.detach() for result in results])
    return gradients


def assert_near(actual, expected, tolerance=1e-11, size=1.0):
    """Asserts equality up to rounding, relative to the largest number.

    Where terms cancel the size of the absolute ones is to be given.
    """
    assert actual.shape == expected.shape
    assert torch.isfinite(actual).all()
    if expected.numel():
        scale = max(size, expected.abs().max().item())
        error = (actual - expected).abs().max().item()
        assert error <= tolerance * scale, f"error {error}, scale {scale}"
