# SPDX-License-Identifier: MIT
"""Products on CUDA devices, where there is one, and what leads to them."""

from types import SimpleNamespace

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
from gramless.torch.batching import over_whole_batch
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


def test_tensors_of_a_batch_are_shared_by_torch():
    data = Data(3)
    tensors = [
        data.normal(2, 1, 4, 3),
        data.normal(3, 5, 3),
        data.positive(1),
        data.normal(5, 2),
    ]
    leaves = [tensor.requires_grad_() for tensor in tensors]
    x, y, gamma, b = leaves
    gaussian = Kernel("gaussian(x,y)")
    expected = kernel_product({"id": gaussian, "gamma": gamma}, x, y, b)
    forms = [("x0", "i"), ("y0", "j"), ("g0", ""), ("b", "j")]
    arguments = [(*form, 0, False) for form in forms]
    program = SimpleNamespace(core=SimpleNamespace(arguments=arguments))
    x, y, gamma, b = over_whole_batch(program, leaves)
    assert [tuple(t.shape[:-2]) for t in (x, y, gamma, b)] == [(2, 3)] * 4
    actual = kernel_product({"id": gaussian, "gamma": gamma}, x, y, b)
    assert torch.equal(actual, expected)
    weights = data.normal(*expected.shape)
    for one, other in zip(
        torch.autograd.grad((actual * weights).sum(), leaves),
        torch.autograd.grad((expected * weights).sum(), leaves),
        strict=True,
    ):
        assert_near(one, other, 1e-12)
