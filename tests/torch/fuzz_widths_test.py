# SPDX-License-Identifier: MIT
"""Own formulas of variables of any, and of different, widths: derivatives.

A formula is a product or sum of parts, each of one variable, so that widths
are mixed as they come. Expected numbers come from torch on the same parts.
"""
# ruff: noqa: N806 (M and N are the sizes' own names)

import torch
from hypothesis import given
from hypothesis import strategies as st

from fuzzing import fuzz
from gramless.torch import Kernel, kernel_product
from oracle import Data, assert_near, derivatives

WIDTHS = (0, 1, 2, 16, 17, 65, 300, 3)
ROWS = (3, 1, 2, 15, 17, 0)
# A part of the formula, and the same by torch.
PARTS = {
    "Sum({0})": lambda t: t.sum(-1),
    "SqNorm2({0})": lambda t: (t * t).sum(-1),
    "Exp(-SqNorm2({0}))": lambda t: torch.exp(-(t * t).sum(-1)),
    "(1 + SqNorm2({0}))**-1": lambda t: 1 / (1 + (t * t).sum(-1)),
    "Sum({0}**3)": lambda t: (t**3).sum(-1),
    "Cos(Sum({0}))": lambda t: torch.cos(t.sum(-1)),
    "IfElse(Sum({0}), Sum({0}), SqNorm2({0}))": lambda t: torch.where(
        t.sum(-1) >= 0, t.sum(-1), (t * t).sum(-1)
    ),
}
VARIABLES = ("X_0", "Y_0", "X_1", "Y_1", "G_0")
OPERATORS = {
    "*": lambda a, b: a * b,
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
}


@st.composite
def cases(draw, rows=ROWS):
    """Draws parts of all variables with operators between, and sizes."""
    names = [*VARIABLES[: draw(st.sampled_from((2, 4, 5)))]]
    repeated = draw(st.lists(st.sampled_from(names), max_size=2))
    order = draw(st.permutations(names + repeated))
    parts = [(draw(st.sampled_from([*PARTS])), name) for name in order]
    signs = [draw(st.sampled_from([*OPERATORS])) for _ in parts[1:]]
    widths = {name: draw(st.sampled_from(WIDTHS)) for name in names}
    M, N = (draw(st.sampled_from(rows)) for _ in "MN")
    return parts, signs, widths, (M, N), draw(st.integers(0, 99))


def text_of(parts, signs):
    """Returns the formula, evaluated from the left."""
    text = parts[0][0].format(parts[0][1])
    for sign, (part, name) in zip(signs, parts[1:], strict=True):
        text = f"({text}) {sign} {part.format(name)}"
    return text


def check(parts, signs, widths, rows, seed, backend, order):
    """Compares values and derivatives in all arguments."""
    M, N = rows
    data = Data(seed)
    # Small for the wide ones, so that no power of them is large.
    tensors = [
        data.normal({"X": M, "Y": N}.get(name[0], 1), width)
        / (1 + width) ** 0.5
        for name, width in widths.items()
    ]
    tensors = [
        t[0] if n == "G_0" else t for n, t in zip(widths, tensors, strict=True)
    ]
    tensors = [
        t.clone().requires_grad_() for t in (*tensors, data.normal(N, 2))
    ]
    kernel = Kernel(formula_sum=text_of(parts, signs))

    def product(*given):
        named = dict(zip(widths, given, strict=False))
        x, y, gamma = (
            [t for name, t in named.items() if name[0] == letter]
            for letter in "XYG"
        )
        params = {"id": kernel, "gamma": gamma}
        return kernel_product(params, x, y, given[-1], backend=backend)

    def dense(*given):
        named = dict(zip(widths, given, strict=False))
        shapes = {"X": (M, 1, -1), "Y": (1, N, -1), "G": (1, 1, -1)}
        values = []
        for part, name in parts:
            tensor, width = named[name], widths[name]
            shape = (*shapes[name[0]][:2], width)
            values.append(PARTS[part](tensor.reshape(shape)))
        total = values[0]
        for sign, value in zip(signs, values[1:], strict=True):
            total = OPERATORS[sign](total, value)
        return total.expand(M, N) @ given[-1]

    assert_near(product(*tensors).detach(), dense(*tensors).detach())
    actual = derivatives(product, tensors, order, seed)
    expected = derivatives(dense, tensors, order, seed)
    for one, right in zip(actual, expected, strict=True):
        for gradient, wanted in zip(one, right, strict=True):
            assert_near(gradient, wanted, 1e-10)


def check_reproducibly(*given):
    try:
        check(*given)
    except Exception as error:
        arguments = ", ".join(map(repr, given))
        line = f"from fuzz_widths_test import check; check({arguments})"
        raise AssertionError(f"{error}\nTo reproduce: {line}") from error


@fuzz(30)
@given(cases((3, 1, 2, 0)), st.sampled_from(("reference", "pytorch")))
def test_second_order_without_code(case, backend):
    check_reproducibly(*case, backend, 2)


@fuzz(10)
@given(cases())
def test_generated_code(case):
    check_reproducibly(*case, "auto", 1)
