# SPDX-License-Identifier: MIT
"""Tensors whose memory is not what it seems, and other rare arguments."""

import pytest
import torch

from gramless.torch import Kernel, kernel_product
from oracle import Data, assert_near

X, Y, B = Data(1).normal(3, 2), Data(2).normal(4, 2), Data(3).normal(4, 1)


def product(x=X, y=Y, b=B, gamma=1.0, name="gaussian(x,y)", **options):
    return kernel_product(
        {"id": Kernel(name), "gamma": gamma}, x, y, b, **options
    )


@pytest.mark.parametrize("size", [0, 8])
def test_storage_that_is_too_small(size):
    x = X.clone()
    x.untyped_storage().resize_(size)
    with pytest.raises(RuntimeError, match="storage is missing or too small"):
        product(x)


@pytest.mark.parametrize("backend", ["auto", "reference", "checked", "pytorch"])
def test_views_with_a_sign_apart(backend):
    negative = torch.complex(X, X).conj().imag
    assert negative.is_neg()
    expected = product(-X)
    assert_near(product(negative, backend=backend), expected)
    x = X.clone().requires_grad_()
    cotangent = torch.complex(B[:3], B[:3]).conj().imag
    (gradient,) = torch.autograd.grad(product(x, backend=backend), x, cotangent)
    (negated,) = torch.autograd.grad(product(x, backend=backend), x, B[:3])
    assert_near(gradient, -negated)


@pytest.mark.parametrize("backend", ["auto", "reference", "pytorch"])
@pytest.mark.parametrize(
    "name", ["linear(x,y)**1023 * linear(x,y)**3", "(linear(x,y)**41)**25"]
)
def test_merged_powers_keep_their_sign(backend, name):
    x = torch.full((1, 1), -1.0000001, dtype=torch.float64)
    one = torch.ones(1, 1, dtype=torch.float64)
    gamma = (None,) * name.count("linear")
    a = product(x, one, one, gamma, name, backend=backend)
    power = 1026 if "1023" in name else 1025
    assert a.item() == pytest.approx(x.item() ** power, rel=1e-9)


@pytest.mark.parametrize("backend", ["auto", "pytorch", "matrix"])
@pytest.mark.parametrize("mode", ["sum", "lse"])
def test_names_of_many_terms(backend, mode):
    name = "cauchy(x,y)" + "+1" * 900
    a = product(name=name, backend=backend, mode=mode)
    assert a.isfinite().all()


@pytest.mark.parametrize(
    ("kind", "message", "options"),
    [
        (ValueError, "within the range of float64", {"gamma": 10**400}),
        (ValueError, "mode of characters", {"mode": "\ud800"}),
        (ValueError, "backend of characters", {"backend": "\ud800"}),
        (ValueError, "dtype 'float32' or 'float64'", {"dtype": B.numpy()}),
        (ValueError, '("i", G)', {"gamma": ((B.numpy(), X),)}),
        (TypeError, "got float16", {"x": X.half().to("meta")}),
    ],
)
def test_rare_arguments(kind, message, options):
    with pytest.raises(kind) as caught:
        product(**options)
    assert message in str(caught.value)
    assert str(caught.value).startswith("kernel_product(): expected ")


def test_names_are_text():
    with pytest.raises(ValueError, match="a name of characters"):
        Kernel("\ud800")


def test_lists_within_themselves():
    items = [1]
    items.append(items)
    with pytest.raises(ValueError, match="got"):
        product(gamma=(items,))
