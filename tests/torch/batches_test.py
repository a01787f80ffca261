# SPDX-License-Identifier: MIT
"""Batches: arguments with leading dimensions, which broadcast."""

import itertools

import pytest
import torch

from gramless.torch import Kernel, kernel_product
from oracle import Data

FLOATS = (torch.float32, torch.float64)
BACKENDS = ["auto", "reference"]
M, N, D, E = 19, 23, 3, 2

# Leading dimensions of x, y, gamma and b.
LEADING = [
    ((4,), (4,), (4,), (4,)),
    ((4,), (), None, ()),
    ((), (4,), (), (4,)),
    ((), (), (4,), ()),
    ((), (), None, (4,)),
    ((2, 1), (3,), (1,), (2, 3)),
    ((3,), (2, 1), (2, 3), (1, 1)),
    ((1,), (1,), (1,), (1,)),
    ((1, 1), (), (1,), ()),
]


def case(leading, kernel, dtype, rows="j", columns=1, seed=0):
    """Returns the tensors of a product, gamma's rows and its form.

    A gamma that is None has no leading dimensions: (columns,).
    """
    data = Data(seed, dtype)
    of_x, of_y, of_gamma, of_b = leading
    x = data.normal(*(of_x or ()), M, D)
    y = data.normal(*(of_y or ()), N, D)
    b = data.normal(*(of_b or ()), N, E)
    if of_gamma is None or (not of_gamma and not rows):
        gamma = data.positive(columns)
    else:
        count = {"j": N, "i": M, "": 1}[rows]
        gamma = data.positive(*of_gamma, count, columns)
    return [t.requires_grad_() for t in (x, y, gamma, b)]


def product(kernel, tensors, rows, mode, backend):
    x, y, gamma, b = tensors
    if gamma.dim() > 1 and rows:
        gamma = (rows, gamma)
    params = {"id": Kernel(kernel), "gamma": gamma}
    return kernel_product(params, x, y, b, mode=mode, backend=backend)


def one_at_a_time(kernel, tensors, rows, mode, backend="pytorch"):
    """Returns the stacked products of the problems, by themselves."""
    x, y, gamma, b = tensors
    leading = torch.broadcast_shapes(*(t.shape[:-2] for t in tensors))
    values = []
    for index in itertools.product(*map(range, leading)):
        own = (
            [t.expand(*leading, *t.shape[-2:])[index] for t in (x, y, gamma, b)]
            if gamma.dim() > 1
            else [t.expand(*leading, *t.shape[-2:])[index] for t in (x, y)]
            + [gamma, b.expand(*leading, *b.shape[-2:])[index]]
        )
        if gamma.dim() > 2 and gamma.shape[-2] == 1:
            own[2] = own[2][0]
        values.append(product(kernel, own, rows, mode, backend))
    return torch.stack(values).view(*leading, M, E)


def assert_gradients_near(actual, expected, dtype):
    """Up to the rounding of sums whose terms cancel."""
    for one, other in zip(actual, expected, strict=True):
        assert one.shape == other.shape
        scale = other.abs().max().item() + 1
        tolerance = 300 * torch.finfo(dtype).eps * scale
        assert (one.double() - other).abs().max().item() <= tolerance


@pytest.mark.parametrize(
    ("backend", "dtype"),
    [
        ("auto", torch.float32),
        ("auto", torch.float64),
        ("reference", torch.float32),
    ],
)
@pytest.mark.parametrize("leading", LEADING, ids=str)
@pytest.mark.parametrize(
    ("kernel", "mode"), [("gaussian(x,y)", "sum"), ("laplacian(x,y)", "lse")]
)
def test_values_and_gradients(kernel, mode, leading, backend, dtype):
    for rows, columns in (("", 1), ("j", 1), ("j", D), ("i", 1)):
        tensors = case(leading, kernel, dtype, rows, columns)
        doubles = [t.detach().double().requires_grad_() for t in tensors]
        value = product(kernel, tensors, rows, mode, backend)
        expected = one_at_a_time(kernel, doubles, rows, mode)
        assert value.shape == expected.shape
        assert value.dtype == dtype
        weights = Data(7, dtype).normal(*value.shape)
        actual = torch.autograd.grad(value, tensors, weights)
        wanted = torch.autograd.grad(expected, doubles, weights.double())
        assert_gradients_near([value], [expected], dtype)
        assert_gradients_near(actual, wanted, dtype)


@pytest.mark.parametrize("leading", LEADING[:7], ids=str)
@pytest.mark.parametrize("mode", ["sum", "lse"])
def test_second_derivatives(mode, leading):
    tensors = case(leading, "gaussian(x,y)", torch.float64, "")
    results = []
    for function in (product, one_at_a_time):
        extra = ("auto",) if function is product else ()
        value = function("gaussian(x,y)", tensors, "", mode, *extra)
        slopes = torch.autograd.grad(
            value.square().sum(), tensors, create_graph=True
        )
        total = sum(slope.square().sum() for slope in slopes)
        results.append(torch.autograd.grad(total, tensors))
    assert_gradients_near(*results, torch.float64)


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("mode", ["sum", "lse"])
def test_problems_have_the_bits_that_they_have_alone(mode, dtype):
    tensors = case(((4,), (4,), (4,), (4,)), "laplacian(x,y)", dtype, "")
    value = product("laplacian(x,y)", tensors, "", mode, "auto")
    alone = one_at_a_time("laplacian(x,y)", tensors, "", mode, "auto")
    assert torch.equal(value, alone)
    batched = torch.autograd.grad(value.sum(), tensors)
    single = torch.autograd.grad(alone.sum(), tensors)
    assert all(map(torch.equal, batched, single))


def test_bits_do_not_depend_on_threads():
    data = Data(3, torch.float32)
    x, y = data.normal(50, 100, 3), data.normal(100, 3).requires_grad_()
    b = data.normal(100, 1).requires_grad_()
    params = {"id": Kernel("gaussian(x,y)"), "gamma": 1.0}
    threads = torch.get_num_threads()
    results = []
    try:
        for count in (1, 2, 5):
            torch.set_num_threads(count)
            value = kernel_product(params, x, y, b)
            results.append([value, *torch.autograd.grad(value.sum(), [y, b])])
    finally:
        torch.set_num_threads(threads)
    for other in results[1:]:
        assert all(map(torch.equal, results[0], other))


def test_shared_gradients_are_summed_in_float64():
    """In float32, small terms behind a large one would be lost."""
    x = torch.zeros(2001, 1, 1)
    b = torch.ones(1, 1, requires_grad=True)
    weights = torch.full((2001, 1, 1), 2.0**-24)
    weights[0] = 1
    params = {"id": Kernel("gaussian(x,y)"), "gamma": 1.0}
    value = kernel_product(params, x, torch.zeros(1, 1), b)
    (slope,) = torch.autograd.grad(value, b, weights)
    assert slope.item() == torch.tensor(1 + 2000 * 2.0**-24).item()


@pytest.mark.parametrize("backend", [*BACKENDS, "pytorch"])
def test_no_problems(backend):
    x = torch.zeros(0, 5, 3, requires_grad=True)
    y, b = (torch.ones(4, n, requires_grad=True) for n in (3, 2))
    params = {"id": Kernel("gaussian(x,y)"), "gamma": 1.0}
    value = kernel_product(params, x, y, b, backend=backend)
    assert value.shape == (0, 5, 2)
    if backend == "pytorch":
        return
    slopes = torch.autograd.grad(value.sum(), [x, y, b])
    for slope, tensor in zip(slopes, (x, y, b), strict=True):
        assert torch.equal(slope, torch.zeros_like(tensor))


def test_any_strides():
    data = Data(5, torch.float64)
    x = data.normal(D, M, 4).permute(2, 1, 0)
    y = data.normal(N, 4, D).transpose(0, 1)
    b = data.normal(4, N, 2 * E)[..., ::2]
    params = {"id": Kernel("gaussian(x,y)"), "gamma": 1.0}
    value = kernel_product(params, x, y, b)
    plain = kernel_product(
        params, *(t.contiguous() for t in (x, y, b)), backend="pytorch"
    )
    assert torch.allclose(value, plain, rtol=1e-12, atol=1e-12)


def test_oriented_points_and_large_dimensions():
    """Two pairs of variables, and points that may be centred."""
    data = Data(9, torch.float64)
    x, y = data.normal(2, 300, 40), data.normal(1500, 40)
    u, v = data.normal(300, 3), data.normal(2, 1500, 3)
    b = data.normal(1500, 1)
    kernel = Kernel("gaussian(x,y) * linear(u,v)**2")
    params = {"id": kernel, "gamma": (1 / 80, None)}
    value = kernel_product(params, (x, u), (y, v), b)
    plain = kernel_product(params, (x, u), (y, v), b, backend="pytorch")
    assert torch.allclose(value, plain, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize(
    ("shapes", "gamma", "message"),
    [
        (
            ((5, 10, 3), (4, 8, 3), (8, 1)),
            (1,),
            r"x\[0\] and y\[0\] to have leading dimensions that broadcast, "
            r"got x\[0\] \(5, 10, 3\) and y\[0\] \(4, 8, 3\)\.",
        ),
        (
            ((5, 10, 3), (8, 2), (8, 1)),
            (1,),
            r"x\[0\] and y\[0\] to have the same number of columns, got "
            r"x\[0\] \(5, 10, 3\) and y\[0\] \(8, 2\)\.",
        ),
        (
            ((5, 10, 3), (8, 3), (8, 1)),
            (5, 1),
            r"gamma\[0\] to have N = 8 rows, one for each j, got \(5, 1\)\. "
            r"Write 'gamma\[0\]\.view\(5, 1, 1\)' for one of each problem\.",
        ),
        (
            ((5, 10, 3), (8, 3), (5, 7, 1)),
            (1,),
            r"y\[0\] and b to have the same number of rows, got y\[0\] "
            r"\(8, 3\) and b \(5, 7, 1\)\.",
        ),
    ],
)
def test_messages(shapes, gamma, message):
    x, y, b = (torch.ones(shape) for shape in shapes)
    params = {"id": Kernel("gaussian(x,y)"), "gamma": torch.ones(gamma)}
    with pytest.raises(ValueError, match=message):
        kernel_product(params, x, y, b)
