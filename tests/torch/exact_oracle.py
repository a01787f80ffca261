# SPDX-License-Identifier: MIT
"""The modes in 60 digits, with exponents of any size: in mpmath."""
# ruff: noqa: N806 (M and N are the sizes' own names)

import mpmath
import torch

import atoms
import mode_oracle
import oracle
from mode_oracle import (
    BACKENDS,
    COLUMN_POTENTIALS,
    DELTA,
    FLOATS,
    LOGARITHMS,
    PAIRLESS,
    ROW_POTENTIALS,
    Case,
    functions,
    product,
    random_case,
)

# A context of its own: other users of mpmath keep their digits.
mp = mpmath.mp.clone()
mp.dps = 60


def exact(tensor):
    """Returns the exact numbers of a tensor, as a list of rows."""
    values = tensor.detach().double()
    rows = values if values.dim() == 2 else values.reshape(1, -1)
    return [[mp.mpf(value) for value in row] for row in rows.tolist()]


def _exact_atom(name, x, y, g):
    if name in oracle.ATOMS_OF_S:
        return atoms.value(mp, name, mp.fdot(x, y))
    if name in oracle.ATOMS_OF_S_AND_G:
        return atoms.value(mp, name, mp.fdot(x, y), g[0])
    d = [a - b for a, b in zip(x, y, strict=True)]
    if len(g) > len(d):
        g = [g[k * len(d) : (k + 1) * len(d)] for k in range(len(d))]
        q = mp.fdot(d, [mp.fdot(row, d) for row in g])
    else:
        q = sum(g[k % len(g)] * d[k] ** 2 for k in range(len(d)))
    return atoms.value(mp, name, q)


def _exact_kernel(case, i, j, at_zero=0):
    """Returns k(x_i, y_j) of a case of exact numbers.

    An atom that is 0 counts as `at_zero`.
    """

    def value_of_atom(atom, pair, slot):
        g = case.gamma[slot]
        rows, g = g if isinstance(g, tuple) else ("j", g)
        if isinstance(g, list):
            g = g[{"i": i, "j": j}[rows] if len(g) > 1 else 0]
        else:
            g = [g]
        value = _exact_atom(atom, case.x[pair][i], case.y[pair][j], g)
        return value if value else mp.mpf(at_zero)

    return mp.mpf(oracle.evaluate(case.name, value_of_atom))


def _exact_log(value):
    return mp.nan if value < 0 else mp.log(value)


def _exact_row(case, i, k):
    """Returns row i of the result. k holds k(x_i, y_j) for all j."""
    given = case.given
    columns = range(len(k))
    if case.mode == "lse_mult_i":
        H = given["H"][i][0]
        k = [mp.exp(H * _exact_log(k_j)) if H else mp.one for k_j in k]
    at_i = sum(given[a][i][0] for a in ROW_POTENTIALS if a in given)
    at_j = [
        sum(given[b][j][0] for b in COLUMN_POTENTIALS if b in given)
        for j in columns
    ]
    w = [k[j] * mp.exp(at_i + at_j[j]) for j in columns]
    if case.mode == "sinkhorn_cost":
        return [sum(-_exact_log(k[j]) * w[j] for j in columns if k[j])]
    if case.mode == "sinkhorn_primal":
        u, v = given["U"][i][0], given["V"]
        return [sum((u + v[j][0] - 1) * w[j] for j in columns)]
    result = []
    for e, signal in enumerate(zip(*given["b"], strict=True)):
        if case.mode in LOGARITHMS:
            total = sum(w[j] * mp.exp(signal[j]) for j in columns if w[j])
            result.append(_exact_log(total))
        else:
            center = given["C"][i][e] if "C" in given else 0
            result.append(sum(w[j] * (signal[j] - center) for j in columns))
    return result


def exact_values(case, directions=None, t=0):
    """Returns rows of exact numbers, at the tensors + t * directions."""
    M, N = case.rows
    tensors = [exact(tensor) for tensor in case.tensors]
    for tensor, direction in zip(tensors, directions or [], strict=False):
        for row, steps in zip(tensor, exact(direction), strict=True):
            row[:] = [a + t * b for a, b in zip(row, steps, strict=True)]
    moved = case.with_tensors(tensors)
    return [
        _exact_row(moved, i, [_exact_kernel(moved, i, j) for j in range(N)])
        for i in range(M)
    ]


def exact_result(case):
    """Returns the exact result, rounded to float64."""
    rows = [[float(value) for value in row] for row in exact_values(case)]
    return torch.tensor(rows, dtype=torch.float64)


def exact_logarithms(case, at_zero=0):
    """Returns log |k| for all pairs, rounded to float64.

    An atom that is 0 counts as `at_zero`.
    """
    M, N = case.rows
    numbers = case.with_tensors([exact(tensor) for tensor in case.tensors])
    rows = [
        [
            float(mp.log(abs(_exact_kernel(numbers, i, j, at_zero))))
            for j in range(N)
        ]
        for i in range(M)
    ]
    return torch.tensor(rows, dtype=torch.float64)


def exact_line_derivatives(case, directions, weights, order):
    """Returns what `line_derivatives` does, from exact numbers."""
    weights = exact(weights)

    def total(t):
        rows = exact_values(case, directions, t)
        return sum(map(mp.fdot, weights, rows))

    coefficients = mp.taylor(total, 0, order, chop=False)
    return [
        float(coefficient * mp.factorial(n))
        for n, coefficient in enumerate(coefficients)
    ]


def exact_gradients(case, weights):
    """Returns the gradients of Σ weights * result to all tensors."""
    gradients = [torch.zeros_like(t).double() for t in case.tensors]
    directions = [torch.zeros_like(gradient) for gradient in gradients]
    for gradient, direction in zip(gradients, directions, strict=True):
        for at in range(gradient.numel()):
            direction.view(-1)[at] = 1
            slopes = exact_line_derivatives(case, directions, weights, 1)
            gradient.view(-1)[at] = slopes[1]
            direction.view(-1)[at] = 0
    return gradients


def table(*rows):
    """Returns a matrix in float64."""
    return torch.tensor(rows, dtype=torch.float64)


def case_of(name, mode, x, y, seed=1):
    """Returns a case with gamma 1, and random arguments of the mode."""
    atoms = oracle.atoms_of(name)
    one = torch.ones(1, dtype=torch.float64)
    gamma = [None if atom in ("linear", "binet") else one for atom in atoms]
    x, y = ([t] if isinstance(t, torch.Tensor) else t for t in (x, y))
    shape = (x[0].shape[0], y[0].shape[0], 1, 2)
    random = random_case(oracle.Data(seed), PAIRLESS[0], mode, shape)
    return Case(name, mode, x, y, gamma, random.bs)


def check_values(case, condition=1.0):
    """Compares with exact sums, within the bound on errors."""
    case = case.to(torch.float32).to(torch.float64)
    expected = exact_result(case)
    c = exact_logarithms(case)
    for dtype in FLOATS:
        bound = mode_oracle.error_bound(case, c, DELTA[dtype]) * condition
        if case.mode not in LOGARITHMS:
            largest = max(b.abs().max().item() for b in case.bs)
            tiny = torch.finfo(dtype).tiny
            bound = bound + c.shape[1] * tiny * max(1.0, largest)
        for backend in BACKENDS:
            a = product(case.to(dtype), backend)
            assert a.dtype == dtype
            is_near = (a.double() - expected).abs() <= bound
            is_same = (a == expected) | (a.isnan() & expected.isnan())
            assert (is_near | is_same).all(), (backend, dtype, a, expected)


def gradient_tolerance(case, c, delta):
    """Returns a bound on the relative error of a log-sum-exp's gradients.

    With an error ε of each logit a weight w has the error 2 ε w (1 - w); then
    blocks of 64 products are added.
    """
    h = case.given.get("H", 1.0)
    logits = (h * c + mode_oracle.potentials(case))[:, :, None]
    w = (logits + case.given["b"]).softmax(1)
    error = mode_oracle.logarithm_bound(case, c, delta)
    spread = (w * (1 - w)).sum(1)
    return (2 * c.shape[1] * error * spread).max().item() + (16 + 72) * delta


def check_gradients(case):
    """Compares gradients to all arguments with those of exact sums."""
    case = case.to(torch.float32).to(torch.float64)
    c = exact_logarithms(case)
    weights = torch.ones(c.shape[0], case.bs[0].shape[1]).double()
    expected = exact_gradients(case, weights)
    for dtype in FLOATS:
        tolerance = gradient_tolerance(case, c, DELTA[dtype])
        for backend in BACKENDS:
            tensors = case.to(dtype).leaves()
            a = functions(case, backend)[0](*tensors)
            gradients = torch.autograd.grad(a.sum(), tensors, create_graph=True)
            for actual, wanted in zip(gradients, expected, strict=True):
                error = (actual.double() - wanted).abs().max().item()
                scale = wanted.abs().max().item()
                assert error <= tolerance * scale, (backend, dtype)
            if dtype == torch.float32:
                total = sum(gradient.sum() for gradient in gradients)
                for second in torch.autograd.grad(total, tensors):
                    assert second.isfinite().all()
