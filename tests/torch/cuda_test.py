# SPDX-License-Identifier: MIT
"""Products on CUDA devices, where there is one, and what leads to them."""

import pytest
import torch

from calls import (
    KERNELS,
    MODES,
    TOLERANCES,
    Call,
    assert_right,
    with_gradients,
)
from gramless.torch import Kernel, kernel_product
from oracle import Data, assert_near

needs_cuda = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="there is no CUDA device"
)
SIZES = [(1, 1), (31, 33), (1000, 17), (17, 1000), (2000, 3000)]


@needs_cuda
@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize(("M", "N"), SIZES)
def test_product_and_derivatives(kernel, mode, dtype, M, N):  # noqa: N803
    call = Call(kernel, mode, dtype)
    tensors = call.tensors(M, N)
    actual = with_gradients(call, [tensor.cuda() for tensor in tensors])
    assert all(tensor.is_cuda for tensor in actual)
    assert_right([tensor.cpu() for tensor in actual], call.dense, tensors)


@needs_cuda
@pytest.mark.parametrize("mode", ["sum", "lse"])
@pytest.mark.parametrize("kernel", KERNELS)
def test_second_derivatives(kernel, mode):
    call = Call(kernel, mode)
    tensors = call.tensors(40, 50)

    def slopes(function, device):
        leaves = [t.detach().to(device).requires_grad_() for t in tensors]
        a = function(*leaves).square().sum()
        first = torch.autograd.grad(a, leaves, create_graph=True)
        total = sum(slope.square().sum() for slope in first)
        return [t.cpu() for t in torch.autograd.grad(total, leaves)]

    for actual, right in zip(
        slopes(call, "cuda"), slopes(call.dense, "cpu"), strict=True
    ):
        assert_near(actual, right, 1e-9)


@needs_cuda
def test_same_bits_each_time():
    data = Data(0, torch.float32)
    tensors = data.normal(5000, 3), data.normal(7000, 3), data.normal(7000, 2)
    x, y, b = (tensor.cuda() for tensor in tensors)
    params = {"id": Kernel("gaussian(x,y)"), "gamma": 0.5}
    first = kernel_product(params, x, y, b, mode="lse")
    for _ in range(3):
        assert torch.equal(kernel_product(params, x, y, b, mode="lse"), first)


@needs_cuda
def test_runs_on_the_current_stream_and_in_graphs():
    data = Data(0, torch.float32)
    tensors = data.normal(999, 3), data.normal(77, 3), data.normal(77, 1)
    x, y, b = (tensor.cuda() for tensor in tensors)
    params = {"id": Kernel("cauchy(x,y)"), "gamma": 0.5}
    expected = kernel_product(params, x, y, b)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        actual = kernel_product(params, x, y, b)
    x.mul_(2)
    graph.replay()
    assert_near(actual.cpu(), kernel_product(params, x, y, b).cpu(), 0)
    assert not torch.equal(actual, expected)


@needs_cuda
def test_older_backends_copy_there_and_back():
    data = Data(0, torch.float32)
    x, y, b = data.normal(50, 3), data.normal(60, 3), data.normal(60, 1)
    b.requires_grad_()
    params = {"id": Kernel("gaussian(x,y)"), "gamma": torch.tensor([0.5])}
    a = kernel_product(params, x, y, b, backend="GPU_1D_host")
    assert a.device.type == "cpu"
    assert_near(a, kernel_product(params, x, y, b), 1e-5)
    (gradient,) = torch.autograd.grad(a.sum(), b)
    assert gradient.device.type == "cpu"


@needs_cuda
def test_arguments_on_two_devices():
    data = Data(0, torch.float32)
    x, y, b = data.normal(5, 3), data.normal(6, 3), data.normal(6, 1)
    params = {"id": Kernel("gaussian(x,y)"), "gamma": 0.5}
    with pytest.raises(RuntimeError, match="to be on one device"):
        kernel_product(params, x.cuda(), y, b)


# Leading dimensions of x, y, gamma and b: shared by none, by each in turn,
# and crossed.
LEADING = [
    ((4,), (4,), (4,), (4,)),
    ((), (4,), (4,), (4,)),
    ((4,), (), (4,), (4,)),
    ((4,), (4,), (), (4,)),
    ((4,), (4,), (4,), ()),
    ((2, 1), (3,), (1,), (2, 3)),
    ((3,), (2, 1), (2, 3), (1, 1)),
    ((1,), (1,), (1,), (1,)),
]


def batch(leading, dtype, M=40, N=700):  # noqa: N803
    """Returns x, y, gamma and b of a batch, on the CPU."""
    data = Data(0, dtype)
    of_x, of_y, of_gamma, of_b = leading
    return [
        data.normal(*of_x, M, 3),
        data.normal(*of_y, N, 3),
        data.positive(*of_gamma, 1, 1) if of_gamma else data.positive(1),
        data.normal(*of_b, N, 2),
    ]


def product_with_gradients(tensors, device, mode):
    """Returns a product and its gradients by all tensors, on the CPU."""
    leaves = [tensor.to(device).requires_grad_() for tensor in tensors]
    x, y, gamma, b = leaves
    params = {"id": Kernel("gaussian(x,y)"), "gamma": gamma}
    a = kernel_product(params, x, y, b, mode=mode)
    weights = Data(1, a.dtype).normal(*a.shape).to(device)
    slopes = torch.autograd.grad((a * weights).sum(), leaves)
    return [result.detach().cpu() for result in (a, *slopes)]


@needs_cuda
@pytest.mark.parametrize("dtype", TOLERANCES)
@pytest.mark.parametrize("mode", ["sum", "lse"])
@pytest.mark.parametrize("leading", LEADING, ids=str)
def test_batches(leading, mode, dtype):
    tensors = batch(leading, dtype)
    actual = product_with_gradients(tensors, "cuda", mode)
    doubles = [tensor.double() for tensor in tensors]
    expected = product_with_gradients(doubles, "cpu", mode)
    for one, other in zip(actual, expected, strict=True):
        assert one.shape == other.shape
        assert one.dtype == dtype
        assert_near(one.double(), other, TOLERANCES[dtype])


@needs_cuda
@pytest.mark.parametrize("dtype", TOLERANCES)
def test_problems_have_the_bits_that_they_have_alone(dtype):
    x, y, _, b = (t.cuda() for t in batch(LEADING[0], dtype))
    params = {"id": Kernel("gaussian(x,y)"), "gamma": 0.5}
    together = kernel_product(params, x, y, b)
    for k in range(4):
        alone = kernel_product(params, x[k], y[k], b[k])
        assert torch.equal(together[k], alone)


@needs_cuda
def test_more_problems_than_a_launch_takes():
    data = Data(0, torch.float32)
    x, y = data.normal(70000, 2, 3).cuda(), data.normal(5, 3).cuda()
    b = data.normal(5, 1).cuda().requires_grad_()
    params = {"id": Kernel("gaussian(x,y)"), "gamma": 0.5}
    a = kernel_product(params, x, y, b)
    (slope,) = torch.autograd.grad(a.sum(), b)
    b = b.detach().double().requires_grad_()
    right = kernel_product(params, x.double(), y.double(), b, backend="pytorch")
    assert_near(a.double(), right, 1e-5)
    (expected,) = torch.autograd.grad(right.sum(), b)
    assert_near(slope.double(), expected, 1e-6)


@needs_cuda
def test_no_problems():
    x = torch.zeros(0, 5, 3, device="cuda")
    y = torch.ones(4, 3, device="cuda", requires_grad=True)
    b = torch.ones(4, 2, device="cuda")
    params = {"id": Kernel("gaussian(x,y)"), "gamma": 1.0}
    a = kernel_product(params, x, y, b)
    assert a.shape == (0, 5, 2)
    (slope,) = torch.autograd.grad(a.sum(), y)
    assert torch.equal(slope, torch.zeros_like(y))
