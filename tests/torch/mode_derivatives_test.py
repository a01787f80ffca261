# SPDX-License-Identifier: MIT
"""Derivatives in all modes, against autograd of the dense formulas."""

import pytest
import torch

import mode_oracle
from mode_oracle import (
    BACKENDS,
    KERNELS,
    LOGARITHMS,
    MODES,
    NEED_LOGARITHM,
    PAIRLESS,
    SIGNED,
    functions,
    random_case,
    random_shape,
)
from oracle import Data, assert_near, derivatives

# Kernel and mode with a number that tests draw their shapes from.
CASES = [
    (seed, kernel, mode)
    for seed, (kernel, mode) in enumerate(
        (kernel, mode)
        for kernel in KERNELS + SIGNED
        for mode in MODES
        if kernel in KERNELS or mode not in NEED_LOGARITHM
    )
]
SMALL = (3, 4, 2, 2)


def compare(case, backends, order, tolerance=1e-11):
    """Compares values, and derivatives with respect to all arguments."""
    tensors = case.leaves()
    dense = functions(case)[1]
    expected = derivatives(dense, tensors, order)
    for backend in backends:
        function = functions(case, backend)[0]
        assert_near(
            function(*tensors).detach(), dense(*tensors).detach(), tolerance
        )
        actual = derivatives(function, tensors, order)
        for step in range(order):
            for gradient, wanted, tensor in zip(
                actual[step], expected[step], tensors, strict=True
            ):
                assert gradient.shape == tensor.shape
                assert_near(gradient, wanted, tolerance)


@pytest.mark.parametrize(("seed", "kernel", "mode"), CASES[::5])
def test_second_order_without_the_engine(seed, kernel, mode):
    case = random_case(Data(seed), kernel, mode, random_shape(seed, 67))
    compare(case, ("reference", "pytorch"), 2)


@pytest.mark.parametrize(("seed", "kernel", "mode"), CASES[1::11])
def test_first_order(seed, kernel, mode):
    case = random_case(Data(seed), kernel, mode, random_shape(seed + 1000))
    compare(case, ("auto",), 1)


@pytest.mark.parametrize(("seed", "kernel", "mode"), CASES[2::33])
def test_second_order(seed, kernel, mode):
    case = random_case(Data(seed), kernel, mode, random_shape(seed + 2000))
    compare(case, ("auto",), 2)


@pytest.mark.parametrize("mode", MODES[1::2])
def test_third_order(mode):
    case = random_case(Data(1), KERNELS[1], mode, SMALL)
    compare(case, BACKENDS, 3)


@pytest.mark.parametrize("mode", MODES[2:])
def test_without_variables(mode):
    case = random_case(Data(2), PAIRLESS[0], mode, (9, 67, 0, 3))
    compare(case, ("auto", "reference"), 2)


def test_finite_differences():
    case = random_case(Data(3), KERNELS[0], "log_scaled_lse", (2, 2, 1, 1))
    tensors = case.leaves()
    product = functions(case)[0]
    assert torch.autograd.gradcheck(product, tensors)
    assert torch.autograd.gradgradcheck(product, tensors)


@pytest.mark.parametrize("mode", MODES)
def test_float32_follows_float64(mode):
    case = random_case(Data(4), KERNELS[0], mode, (40, 50, 3, 2))
    single = case.to(torch.float32)
    double = single.to(torch.float64)
    gradients = []
    for function, tensors in (
        (functions(single)[0], single.leaves()),
        (functions(double)[1], double.leaves()),
    ):
        gradients.append(torch.autograd.grad(function(*tensors).sum(), tensors))
    # Terms of a sum of blocks of 64, with the errors of their exponentials.
    c = mode_oracle.matrix(double).log()
    size = mode_oracle.sizes(double, c).max().item()
    tolerance = (4 * size + 16 + 72) * 2.0**-24
    for actual, expected in zip(*gradients, strict=True):
        assert actual.dtype == torch.float32
        assert_near(actual.double(), expected, tolerance)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("mode", LOGARITHMS)
def test_result_modified_before_backward(mode, backend):
    case = random_case(Data(5), KERNELS[4], mode, SMALL)
    gradients = []
    for function in functions(case, backend):
        tensors = case.leaves()
        a = function(*tensors)
        if not gradients:
            a.mul_(3).add_(1)
        else:
            a = a * 3 + 1
        loss = (a * a).sum()
        gradients.append(torch.autograd.grad(loss, tensors))
    for actual, expected in zip(*gradients, strict=True):
        assert_near(actual, expected)


@pytest.mark.parametrize("letter", "ABCbxyg")
def test_one_argument_requires_a_gradient(letter):
    case = random_case(Data(6), KERNELS[0], "log_scaled_barycenter", SMALL)
    named = dict(zip("xygbABC", case.tensors, strict=True))
    leaf = named[letter].clone().requires_grad_()
    tensors = [*(named | {letter: leaf}).values()]
    product, dense = functions(case)
    for result in (product(*tensors), dense(*tensors)):
        assert result.requires_grad
    assert_near(
        *(
            torch.autograd.grad((f(*tensors) ** 2).sum(), leaf)[0]
            for f in (product, dense)
        )
    )


@pytest.mark.parametrize("mode", ["lse", "lse_mult_i", "sinkhorn_cost"])
def test_targets_that_are_the_sources(mode):
    """One tensor as x and y: the smooth kernels stay smooth where they meet."""
    case = random_case(
        Data(7), ("matern52(x,y)", ("(D,)",)), mode, (5, 5, 2, 2)
    )

    def same(function):
        def call(x, *rest):
            return function(x, x, *rest)

        return call

    tensors = case.leaves()[1:]
    product, dense = map(same, functions(case))
    for actual, expected in zip(
        derivatives(product, tensors, 2),
        derivatives(dense, tensors, 2),
        strict=True,
    ):
        for gradient, wanted in zip(actual, expected, strict=True):
            assert_near(gradient, wanted)
