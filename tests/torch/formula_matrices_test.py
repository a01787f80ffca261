# SPDX-License-Identifier: MIT
"""Matrices in own formulas, next to vectors of as many entries.

The engine indexes both by rows and columns; the other backend knows vectors.
"""

import pytest

from gramless.torch import Formula, Kernel, kernel_formulas, kernel_product
from oracle import Data, assert_near, derivatives

M, N = 4, 5

# Each formula with the widths of its X, Y and G.
FORMULAS = {
    "(MatVecMult(G_0, X_1)|X_0 - Y_0)": ([3, 20], [3], [60]),
    "Exp(-(VecMatMult(X_0 - Y_0, G_0)|X_1)/9)": ([3, 20], [3], [60]),
    "(TensorProd(X_0 - Y_0, X_1)|G_0)": ([3, 20], [3], [60]),
    # A matrix whose rows are those of another one.
    "SqNorm2(TensorProd(TensorProd(X_0, Y_0), X_0))*Sum(G_0)": ([3], [3], [27]),
    "(MatVecMult(G_0, TensorProd(X_0, Y_0))|TensorProd(Y_0, X_0))": (
        [2],
        [2],
        [16],
    ),
    # Of two shapes with as many entries, the first is indexed.
    "Sum(MatVecMult(G_0, X_0)*Y_0)*Sum(MatVecMult(G_0, Y_1))": (
        [4],
        [4, 2],
        [16],
    ),
    "Sum(G_0*G_0)*Sum(MatVecMult(G_0, X_1))*Elem(G_0, 7) + Sum(Y_0)": (
        [1, 5],
        [1],
        [15],
    ),
    "(Concat(MatVecMult(G_0, X_1), Y_0)|Concat(Y_0, Y_0))": (
        [1, 5],
        [3],
        [15],
    ),
    "Sum(Extract(G_0, 4, 5)*X_0)*(MatVecMult(G_0, X_0)|Y_0)": ([5], [3], [15]),
    "Max(MatVecMult(G_0, X_0)) + Sum(Y_0)": ([5], [3], [15]),
    "(Grad((MatVecMult(G_0, X_0)**2|Y_0), G_0, 1)|G_0)": ([5], [3], [15]),
    "Sum(Grad(MatVecMult(G_0, X_0), X_0, Y_0)*X_0**2)": ([5], [3], [15]),
    # A point that is a matrix.
    "Sum(MatVecMult(X_0 - Y_0, X_1)**2)*Sum(VecMatMult(X_1, Y_0)*X_1)": (
        [9, 3],
        [9],
        [],
    ),
    "Sum(IfElse(Y_0, MatVecMult(X_0, Y_1), Y_0))": ([6], [2, 3], []),
    # Rows or columns alone.
    "Sum(MatVecMult(G_0, X_0))*Sum(VecMatMult(X_0, G_0)*Y_0)": ([3], [1], [3]),
    "Sum(MatVecMult(G_0, Y_0)*X_0)": ([300], [2], [600]),
}


def tensors_of(text):
    data = Data(11)
    x, y, gamma = FORMULAS[text]
    widths = [len(x), len(y)]
    tensors = [data.normal(M, width) for width in x]
    tensors += [data.normal(N, width) for width in y]
    tensors += [data.normal(width) for width in gamma]
    return [*tensors, data.normal(N, 2)], widths


@pytest.mark.parametrize("backend", ["auto", "reference"])
@pytest.mark.parametrize("text", FORMULAS)
def test_matrices(text, backend):
    tensors, (x_count, y_count) = tensors_of(text)
    kernel = Kernel(formula_sum=text)

    def product(backend):
        def of(*leaves):
            y_end = x_count + y_count
            params = {"id": kernel, "gamma": leaves[y_end:-1]}
            points = leaves[:x_count], leaves[x_count:y_end]
            return kernel_product(params, *points, leaves[-1], backend=backend)

        return of

    leaves = [tensor.requires_grad_() for tensor in tensors]
    order = 2 if max(t.shape[-1] for t in tensors) < 100 else 1
    assert_near(product(backend)(*leaves), product("pytorch")(*leaves))
    for each, each_expected in zip(
        derivatives(product(backend), leaves, order),
        derivatives(product("pytorch"), leaves, order),
        strict=True,
    ):
        for part, part_expected in zip(each, each_expected, strict=True):
            assert_near(part, part_expected)


def test_matrix_that_an_atom_reads_as_a_point(monkeypatch):
    text = "Sum(MatVecMult({X} - {Y}, Extract({Y}, 1, 2)))"
    text += "*WeightedSqNorm({G}, {X})"
    monkeypatch.setitem(kernel_formulas, "mixed", Formula(formula_sum=text))
    data = Data(12)
    leaves = [data.normal(M, 4), data.normal(N, 4), data.normal(N, 2)]
    leaves = [tensor.requires_grad_() for tensor in leaves]
    params = {
        "id": Kernel("cauchy(x,y)*mixed(x,y)"),
        "gamma": (0.5, data.positive(16)),
    }

    def product(backend):
        return lambda *t: kernel_product(params, *t, backend=backend)

    for each, each_expected in zip(
        derivatives(product("auto"), leaves, 2),
        derivatives(product("pytorch"), leaves, 2),
        strict=True,
    ):
        for part, part_expected in zip(each, each_expected, strict=True):
            assert_near(part, part_expected)
