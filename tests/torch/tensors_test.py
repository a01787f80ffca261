# SPDX-License-Identifier: MIT
"""How kernel products treat torch's tensors, graphs and settings."""

import doctest
import re
import sys
import warnings

import pytest
import torch

import gramless.torch
import oracle
from gramless.torch import Kernel, explain, kernel_product
from oracle import Data, assert_near

KERNEL = Kernel("laplacian(x,y)")
PARAMS = {"id": KERNEL, "gamma": 0.5}


@pytest.fixture(autouse=True)
def no_warnings():
    """No call warns of anything."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def arguments(dtype=torch.float64, requires_grad=True):
    data = Data(1, dtype)
    tensors = data.normal(6, 4), data.normal(8, 4), data.normal(8, 2)
    return [tensor.requires_grad_(requires_grad) for tensor in tensors]


def dense(x, y, b):
    return oracle.kernel_matrix(KERNEL.name, [x], [y], [0.5]) @ b


def offset(tensor):
    """Returns a copy that starts inside of its storage."""
    storage = torch.full((tensor.numel() + 7,), torch.nan).to(tensor.dtype)
    storage[3 : 3 + tensor.numel()] = tensor.flatten()
    return storage[3 : 3 + tensor.numel()].view(tensor.shape)


def every_second(tensor):
    """Returns a copy whose rows and columns are spread out."""
    rows, columns = tensor.shape
    spread = torch.full((2 * rows, 3 * columns), torch.nan, dtype=tensor.dtype)
    spread[::2, 1::3] = tensor
    return spread[::2, 1::3]


LAYOUTS = [
    lambda t: t.t().contiguous().t(),
    offset,
    every_second,
    lambda t: t.flip(0).flip(0),
    lambda t: torch.stack([t, t + 1], 2)[:, :, 0],
]


@pytest.mark.parametrize("backend", ["auto", "reference", "CPU", "pytorch"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_strides_and_offsets(layout, backend):
    plain = arguments(requires_grad=False)
    strided = [layout(tensor) for tensor in plain]
    a = kernel_product(PARAMS, *strided, backend=backend)
    assert_near(a, dense(*plain))
    if backend != "pytorch":
        assert torch.equal(a, kernel_product(PARAMS, *plain, backend=backend))


def test_expanded_tensors():
    x = torch.tensor([[0.5, -1.0]], dtype=torch.float64).expand(5, 2)
    y = torch.tensor([[0.25], [1.0], [3.0]], dtype=torch.float64).expand(3, 2)
    b = torch.tensor(2.0, dtype=torch.float64).expand(3, 4)
    gamma = torch.tensor([0.5], dtype=torch.float64).expand(3, 4)
    a = kernel_product({"id": KERNEL, "gamma": gamma}, x, y, b)
    matrix = oracle.kernel_matrix(KERNEL.name, [x], [y], [gamma])
    assert_near(a, matrix @ b)


def test_expanded_leaf_sums_its_gradient():
    x, y, b = arguments()
    row = x.detach()[:1].clone().requires_grad_()
    gradients = [
        torch.autograd.grad(function(row.expand(6, 4), y, b).sum(), row)[0]
        for function in (dense, lambda *t: kernel_product(PARAMS, *t))
    ]
    assert_near(*gradients)


@pytest.mark.parametrize(
    "cotangent",
    [
        torch.tensor(1.0, dtype=torch.float64).expand(6, 2),
        torch.arange(12.0, dtype=torch.float64).view(2, 6).t(),
        torch.arange(48.0, dtype=torch.float64).view(12, 4)[::2, 1::2],
    ],
)
def test_cotangents_of_any_strides(cotangent):
    tensors = arguments()
    actual = torch.autograd.grad(
        kernel_product(PARAMS, *tensors), tensors, cotangent
    )
    expected = torch.autograd.grad(dense(*tensors), tensors, cotangent)
    for gradient, wanted in zip(actual, expected, strict=True):
        assert_near(gradient, wanted)


def test_arguments_are_not_written_to():
    tensors = arguments()
    before = [tensor.detach().clone() for tensor in tensors]
    versions = [tensor._version for tensor in tensors]
    a = kernel_product(PARAMS, *tensors)
    gradients = torch.autograd.grad(a.sum(), tensors, create_graph=True)
    sum(gradient.sum() for gradient in gradients).backward()
    assert all(map(torch.equal, before, (t.detach() for t in tensors)))
    assert [tensor._version for tensor in tensors] == versions


def test_result_changed_in_place():
    tensors = arguments()
    a = kernel_product(PARAMS, *tensors)
    a *= 2
    a[0] = 0
    expected = dense(*tensors) * 2
    expected[0] = 0
    actual = torch.autograd.grad(a.sum(), tensors)
    wanted = torch.autograd.grad(expected.sum(), tensors)
    for gradient, other in zip(actual, wanted, strict=True):
        assert_near(gradient, other)


@pytest.mark.parametrize("position", range(4))
def test_argument_changed_in_place(position):
    gamma = torch.tensor([0.5], dtype=torch.float64, requires_grad=True)
    tensors = [*arguments(), gamma]
    params = {"id": KERNEL, "gamma": gamma}
    a = kernel_product(params, *tensors[:3])
    with torch.no_grad():
        tensors[position].add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        a.sum().backward()


@pytest.mark.parametrize("context", [torch.no_grad, torch.inference_mode])
def test_no_graph_in(context):
    tensors = arguments()
    with context():
        a = kernel_product(PARAMS, *tensors)
    assert not a.requires_grad
    assert a.grad_fn is None
    assert a.is_inference() == (context is torch.inference_mode)
    assert_near(a.clone(), dense(*tensors).detach())


def test_no_graph_without_need():
    a = kernel_product(PARAMS, *arguments(requires_grad=False))
    assert not a.requires_grad
    assert a.is_leaf


def test_graphs_are_freed_and_kept():
    tensors = arguments()
    a = kernel_product(PARAMS, *tensors).sum()
    first = torch.autograd.grad(a, tensors, retain_graph=True)
    second = torch.autograd.grad(a, tensors)
    assert all(map(torch.equal, first, second))
    with pytest.raises(RuntimeError, match="second time"):
        torch.autograd.grad(a, tensors)


def test_backward_accumulates():
    tensors = arguments()
    for _ in range(2):
        kernel_product(PARAMS, *tensors).sum().backward()
    once = torch.autograd.grad(dense(*tensors).sum(), tensors)
    for tensor, gradient in zip(tensors, once, strict=True):
        assert_near(tensor.grad, 2 * gradient)


def test_anomaly_mode():
    x, y, b = arguments()
    warnings.filterwarnings("ignore", message="Anomaly Detection")
    with torch.autograd.detect_anomaly():
        a = kernel_product(PARAMS, x, x, b[:6])
        (gradient,) = torch.autograd.grad(a.sum(), x, create_graph=True)
        (gradient**2).sum().backward()
    with torch.autograd.detect_anomaly():
        nan = kernel_product(PARAMS, x * torch.nan, y, b)
        with pytest.raises(RuntimeError, match="returned nan values"):
            nan.sum().backward()


def test_default_dtype_is_ignored():
    tensors = arguments(torch.float32)
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        a = kernel_product(PARAMS, *tensors)
    finally:
        torch.set_default_dtype(before)
    assert a.dtype == torch.float32


@pytest.mark.parametrize("backend", ["auto", "pytorch", "matrix"])
def test_default_device_is_ignored(backend):
    tensors = arguments()
    with torch.device("meta"):
        a = kernel_product(PARAMS, *tensors, backend=backend)
    assert a.device.type == "cpu"


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast(dtype):
    x, y, b = arguments(torch.float32)
    half = [tensor.detach().to(dtype).requires_grad_() for tensor in (x, y)]
    with torch.autocast("cpu", dtype=dtype):
        a = kernel_product(PARAMS, *half, b)
        (gradient,) = torch.autograd.grad(a.sum(), half[0])
    full = [tensor.detach().float().requires_grad_() for tensor in half]
    assert a.dtype == torch.float32
    expected = kernel_product(PARAMS, *full, b)
    assert torch.equal(a, expected)
    (wanted,) = torch.autograd.grad(expected.sum(), full[0])
    assert gradient.dtype == dtype
    assert torch.equal(gradient, wanted.to(dtype))
    with pytest.raises(TypeError):
        kernel_product(PARAMS, *half, b)


def test_meta_tensors_give_shapes():
    x, y, b = (
        tensor.detach().to("meta").requires_grad_() for tensor in arguments()
    )
    a = kernel_product(PARAMS, x, y, b)
    assert (a.device.type, a.shape, a.dtype) == ("meta", (6, 2), x.dtype)
    gradients = torch.autograd.grad(a.sum(), (x, y, b), create_graph=True)
    assert [g.shape for g in gradients] == [x.shape, y.shape, b.shape]
    (second,) = torch.autograd.grad(gradients[0].sum(), y)
    assert (second.device.type, second.shape) == ("meta", y.shape)
    with pytest.raises(ValueError, match="same number of columns"):
        kernel_product(PARAMS, x[:, :2], y, b)


def test_devices_do_not_mix():
    x, y, b = arguments()
    message = (
        "kernel_product(): expected all tensors to be on one device, got x[0] "
        "on cpu and y[0] on meta."
    )
    with pytest.raises(RuntimeError) as caught:
        kernel_product(PARAMS, x, y.to("meta"), b)
    assert str(caught.value) == message


def test_params():
    x, y, b = arguments(requires_grad=False)
    expected = kernel_product(PARAMS, x, y, b)
    more = {"nits": 3, "epsilon": None, 4: "four", "mode": None}
    for one in (PARAMS | more, PARAMS | {"gamma": [0.5]}):
        assert torch.equal(kernel_product(one, x, y, b), expected)
    for wrap in (tuple, list):
        params = PARAMS | {"gamma": wrap([0.5])}
        a = kernel_product(params, wrap([x]), wrap([y]), b)
        assert torch.equal(a, expected)


def test_keywords_win_over_params():
    x, y, b = arguments(requires_grad=False)
    params = PARAMS | {"backend": "matrix"}
    assert kernel_product(params, x, y, b).shape == (6, 8)
    assert kernel_product(params, x, y, b, backend="auto").shape == (6, 2)
    params = PARAMS | {"mode": "no such mode"}
    assert kernel_product(params, x, y, b, mode="sum").shape == (6, 2)
    with pytest.raises(ValueError, match="no such mode"):
        kernel_product(params, x, y, b)


def test_gamma_may_be_absent_or_none():
    x, y, b = arguments(requires_grad=False)
    expected = x @ y.T @ b
    for gamma in ({}, {"gamma": None}, {"gamma": (None,)}, {"gamma": [None]}):
        params = {"id": Kernel("linear(x,y)")} | gamma
        assert_near(kernel_product(params, x, y, b), expected)


def test_explain():
    x, y, b = arguments(requires_grad=False)
    forward = explain(PARAMS, x, y, b)
    for part in (
        "laplacian(x,y)",
        "formula",
        "sum_j",
        "sweep over columns j",
        "stages",
    ):
        assert part in forward
    assert "derivative" not in forward
    both = explain(PARAMS, x.requires_grad_(), y, b)
    for part in (
        "sweep over columns j",
        "derivative of laplacian(x,y)",
        "grad_x0",
    ):
        assert part in both
    assert "grad_y0" not in both


def test_explain_shows_ptx():
    x, y, b = arguments()
    text = explain(PARAMS, x, y, b, code="ptx")
    assert text.count("plan for float64 on a GPU") == 3
    assert text.count(".target sm_80") == 3
    assert text.count(".visible .entry gramless_sweep(") == 3
    newer = explain(PARAMS, x, y, b, code="ptx", arch="sm_100")
    assert newer.count(".target sm_100") == 3
    for arch in "sm_70", "sm_80x", "80", "":
        message = f"expected arch 'sm_75' or that of a newer GPU, got '{arch}'"
        with pytest.raises(ValueError, match=re.escape(message)):
            explain(PARAMS, x, y, b, code="ptx", arch=arch)


@pytest.mark.parametrize("mode", ["sum", "lse"])
def test_explain_shows_the_kernels_own_name(mode):
    """Kernels of one structure share functions, but not their names."""
    x, y, b = arguments()
    names = ["cauchy(p,q) + 1", "cauchy(r,s) + 1.0", " cauchy(x,y)+1"]
    for name in names:
        params = {"id": Kernel(name), "gamma": 0.5}
        kernel_product(params, x, y, b, mode=mode)
        text = explain(params, x, y, b, mode=mode)
        assert text.startswith(f"{name}\n")
        assert f"derivative of {name}\n" in text
        assert not any(other in text for other in names if other != name)


@pytest.mark.parametrize("name", ["formulas", "kernel", "kernel_product"])
def test_examples_of_docstrings(name):
    module = sys.modules[f"gramless.torch.{name}"]
    done = doctest.testmod(module)
    assert done.attempted > 0
    assert done.failed == 0


def test_every_public_name_has_a_docstring():
    for name in gramless.torch.__all__:
        assert getattr(gramless.torch, name).__doc__, name
