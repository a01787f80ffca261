# SPDX-License-Identifier: MIT
"""Own formulas that choose: only what is chosen has a part in derivatives."""

import pytest
import torch

from exact_oracle import table
from gramless.torch import Kernel, kernel_product
from mode_oracle import BACKENDS
from oracle import assert_near, derivatives

# A choice by X_0 - 1, and what it is above and below.
CHOICES = [
    ("IfElse(X_0 - 1, Log(X_0 - 0.5), Y_0)", "Log(X_0 - 0.5)", "Y_0"),
    ("IfElse(1 - X_0, Log(-X_0), X_0*Y_0)", "X_0*Y_0", "Log(-X_0)"),
    (
        "IfElse(X_0 - 1, Rsqrt(X_0 - 0.5)*Y_0, Y_0**2)",
        "Rsqrt(X_0 - 0.5)*Y_0",
        "Y_0**2",
    ),
    ("IfElse(X_0 - 1, Y_0/(X_0 - 0.5), X_0)", "Y_0/(X_0 - 0.5)", "X_0"),
    (
        "Exp(-IfElse(X_0 - 1, XLogX(X_0 - 0.5), Square(Y_0)))",
        "Exp((0.5 - X_0)*Log(X_0 - 0.5))",
        "Exp(-(Y_0**2))",
    ),
    (
        "IfElse(X_0 - 1, IfElse(Y_0, Log(X_0 - 0.5), Y_0), Square(X_0))",
        "Log(X_0 - 0.5)",
        "X_0**2",
    ),
    ("ReLU(Log(X_0))*Y_0", "Log(X_0)*Y_0", "0*Y_0"),
    ("Clamp(Log(X_0), 0, 9)*Y_0", "Log(X_0)*Y_0", "0*Y_0"),
    ("Clamp(1/X_0, -1, 1)*Y_0", "Y_0/X_0", "Y_0"),
]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("text", "above", "below"), CHOICES)
def test_a_choice_guards_its_derivatives(text, above, below, backend):
    """What is not chosen is infinite or NaN, and so are its derivatives."""
    y, b = table([2.0], [0.75]), table([1.0], [-0.5])
    params = {"id": Kernel(formula_sum=text), "gamma": ()}

    def function(x, y, b):
        y = y if "Y_0" in text else ()
        return kernel_product(params, x, y, b, backend=backend)

    is_negative = "-X_0" in text
    points = table([-0.5], [-2.0]) if is_negative else table([0.0], [0.5])
    for formula, x in ((above, table([1.5], [3.0])), (below, points)):

        def plain(x, y, b, formula=formula):
            return _value_of(formula, x, y) @ b

        tensors = [t.clone().requires_grad_() for t in (x, y, b)]
        assert_near(function(*tensors).detach(), plain(*tensors).detach())
        actual = derivatives(function, tensors, 2)
        expected = derivatives(plain, tensors, 2)
        for one, right in zip(actual, expected, strict=True):
            for gradient, wanted in zip(one, right, strict=True):
                assert_near(gradient, wanted)


def _value_of(text, x, y):
    """Returns the matrix of a formula of numbers, by torch."""
    names = {"X_0": x, "Y_0": y.T, "Log": torch.log, "Exp": torch.exp}
    names["Rsqrt"] = torch.rsqrt
    values = eval(text, {"__builtins__": {}}, names)
    return values.expand(x.shape[0], y.shape[0])
