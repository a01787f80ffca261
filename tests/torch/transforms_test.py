# SPDX-License-Identifier: MIT
"""Checkpoints, hooks and transforms of torch."""

from functools import partial

import pytest
import torch
from torch.autograd import forward_ad
from torch.autograd.functional import hessian, jacobian
from torch.autograd.graph import save_on_cpu, saved_tensors_hooks
from torch.func import functional_call, grad, jacfwd, jacrev, jvp, vmap
from torch.utils.checkpoint import checkpoint

from gramless import _core
from gramless.torch import Kernel, kernel_product
from oracle import Data, assert_near

M, N = 5, 7
KERNELS = {
    "gaussian": Kernel("gaussian(x,y)"),
    "sum": Kernel("matern32(x,y) + 2 * cauchy(x,y)"),
    "formula": Kernel(formula_sum="Exp(-G_0 * SqDist(X_0, Y_0))"),
}
MODES = {name: arguments for name, _, arguments, _ in _core.modes()}
ENGINES = ("auto", "reference")


def tensors_of(mode):
    """Returns x, y, gamma and the arguments of a mode."""
    data = Data(1)
    lengths = {"i": M, "j": N}
    rest = [data.normal(lengths[pair], 1) for _, pair in MODES[mode]]
    tensors = [data.normal(M, 3), data.normal(N, 3), data.positive(1), *rest]
    return [tensor.requires_grad_() for tensor in tensors]


class Product:
    """A product as a function of its tensors."""

    def __init__(self, kernel="gaussian", mode="sum", backend="auto"):
        self.kernel, self.mode = KERNELS[kernel], mode
        self.backend = backend
        self.tensors = tensors_of(mode)
        self.rest = [tensor.detach() for tensor in self.tensors[1:]]

    def __call__(self, x, y, gamma, *bs):
        slots = len(self.kernel._core.atoms)
        params = {"id": self.kernel, "gamma": (gamma,) * slots}
        return kernel_product(
            params, x, y, *bs, mode=self.mode, backend=self.backend
        )

    def of_x(self, x):
        return self(x, *self.rest)


@pytest.fixture(params=["sum", "formula"])
def kernel(request):
    return request.param


@pytest.fixture(params=MODES)
def mode(request):
    return request.param


@pytest.fixture(params=["sum", "lse", "sinkhorn_cost"])
def some_mode(request):
    return request.param


def second_gradients(function, tensors, **options):
    """Returns gradients, and gradients of the sum of their squares."""
    value = function(*tensors).square().sum()
    first = torch.autograd.grad(
        value, tensors, create_graph=True, materialize_grads=True, **options
    )
    total = sum(gradient.square().sum() for gradient in first)
    second = torch.autograd.grad(total, tensors, materialize_grads=True)
    return [value, *first, *second]


def assert_equal(actual, expected):
    for one, other in zip(actual, expected, strict=True):
        assert torch.equal(one, other)


def test_checkpoint_of_any_mode(kernel, mode):
    product = Product(kernel, mode)

    def checkpointed(*tensors):
        return checkpoint(product, *tensors, use_reentrant=False)

    actual = second_gradients(checkpointed, product.tensors)
    assert_equal(actual, second_gradients(product, product.tensors))


def test_checkpoint_of_several_products(mode):
    """The whole network is one checkpoint, in which products feed others."""
    product = Product("sum", mode)

    def network(x, *rest):
        inner = product(x, *rest)
        return product(x + 0.1 * inner.tanh(), *rest) * inner

    def checkpointed(*tensors):
        return checkpoint(network, *tensors, use_reentrant=False)

    actual = second_gradients(checkpointed, product.tensors)
    assert_equal(actual, second_gradients(network, product.tensors))


def test_reentrant_checkpoint(kernel, mode):
    product = Product(kernel, mode)
    results = []
    for function in (
        product,
        lambda *tensors: checkpoint(product, *tensors, use_reentrant=True),
    ):
        tensors = tensors_of(mode)
        function(*tensors).square().sum().backward()
        results.append([tensor.grad for tensor in tensors])
    assert_equal(*results)


def test_each_saved_tensor_is_unpacked_once(kernel, mode):
    product = Product(kernel, mode)
    tensors = product.tensors
    unpacked = []

    def pack(tensor):
        unpacked.append(0)
        return len(unpacked) - 1, tensor

    def unpack(packed):
        unpacked[packed[0]] += 1
        return packed[1]

    def most_and_reset():
        most = max(unpacked)
        unpacked[:] = [0] * len(unpacked)
        return most

    with saved_tensors_hooks(pack, unpack):
        value = product(*tensors).square().sum()
        first = torch.autograd.grad(value, tensors, create_graph=True)
        assert most_and_reset() == 1
        torch.autograd.grad(sum(g.square().sum() for g in first), tensors)
    assert most_and_reset() == 1


@pytest.mark.parametrize(
    "hooks",
    [
        save_on_cpu,
        lambda: saved_tensors_hooks(
            lambda tensor: tensor.numpy(force=True).copy(), torch.from_numpy
        ),
        lambda: saved_tensors_hooks(
            lambda tensor: (
                tensor.t().contiguous() if tensor.dim() == 2 else tensor
            ),
            lambda packed: packed.t() if packed.dim() == 2 else packed,
        ),
    ],
    ids=["save_on_cpu", "numpy", "transposed"],
)
def test_hooks_of_saved_tensors(hooks, mode):
    product = Product("sum", mode)
    results = []
    for context in (hooks, torch.enable_grad):
        tensors = product.tensors
        with context():
            value = product(*tensors).square().sum()
        results.append(torch.autograd.grad(value, tensors))
    assert_equal(*results)


def plain(mode, offset=0.0):
    return [(t.detach() + offset) for t in tensors_of(mode)]


TRANSFORMS = {
    "vmap": lambda f, x: torch.func.vmap(f)(torch.stack([x, x + 1]))[1],
    "grad": lambda f, x: torch.func.grad(lambda x: f(x).sum())(x),
    "jacrev": lambda f, x: torch.func.jacrev(f)(x),
    "jvp": lambda f, x: torch.func.jvp(f, (x,), (x,))[1],
    "jacfwd": lambda f, x: torch.func.jacfwd(f)(x),
    "hessian": lambda f, x: torch.func.hessian(lambda x: f(x).sum())(x),
}
EXPECTED = {
    "vmap": lambda f, x: f(x + 1),
    "grad": lambda f, x: jacobian(lambda x: f(x).sum(), x),
    "jacrev": jacobian,
    "jvp": lambda f, x: torch.autograd.functional.jvp(f, x, x)[1],
    "jacfwd": jacobian,
    "hessian": lambda f, x: hessian(lambda x: f(x).sum(), x),
}


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("backend", [*ENGINES, "pytorch"])
def test_transforms(transform, backend, kernel, some_mode):
    """The functions of torch.func give what torch.autograd gives."""
    product = Product(kernel, some_mode, backend)
    x = plain(some_mode)[0]
    actual = TRANSFORMS[transform](product.of_x, x)
    dense = Product(kernel, some_mode, "pytorch")
    assert_near(actual, EXPECTED[transform](dense.of_x, x), 1e-10)


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_transforms_of_each_argument(transform, mode):
    tensors = plain(mode)
    products = [Product("gaussian", mode, b) for b in ("auto", "pytorch")]
    for position, tensor in enumerate(tensors):

        def function(product, value, position=position):
            given = list(tensors)
            given[position] = value
            return product(*given)

        engine, dense = (partial(function, product) for product in products)
        actual = TRANSFORMS[transform](engine, tensor)
        assert_near(actual, EXPECTED[transform](dense, tensor), 1e-10)


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_transforms_around_plain_tensors(transform):
    """The function of x calls the engine, but with other tensors."""
    product, tensors = Product(), plain("sum")

    def function(x):
        return x.mean() * product(*tensors)

    actual = TRANSFORMS[transform](function, tensors[0])
    assert_near(actual, EXPECTED[transform](function, tensors[0]), 1e-10)


IN_DIMS = [
    (0, 0, 0, 0),
    (0, None, None, None),
    (None, 1, None, None),
    (None, None, 0, None),
    (None, None, None, 2),
    (2, None, 0, 1),
    (1, 0, None, None),
]


def one_by_one(function, in_dims, tensors):
    """Returns what vmap does, by calls of the function."""
    mapped = list(zip(tensors, in_dims, strict=True))
    problems = next(t.shape[d] for t, d in mapped if d is not None)
    return torch.stack(
        [
            function(*(t if d is None else t.select(d, k) for t, d in mapped))
            for k in range(problems)
        ]
    )


@pytest.mark.parametrize("in_dims", IN_DIMS, ids=str)
@pytest.mark.parametrize("shape", [(), (1,), (3,), (N, 1), (2, 1, 3)], ids=str)
@pytest.mark.parametrize("mode", ["sum", "lse"])
def test_vmap_over_any_dimension(mode, shape, in_dims):
    """And its gradients: of each problem, and of all of them."""
    data = Data(3)
    tensors = [
        data.normal(M, 3),
        data.normal(N, 3),
        data.positive(*shape),
        data.normal(N, 2),
    ]
    dims = [
        dimension and min(dimension, tensor.dim())
        for tensor, dimension in zip(tensors, in_dims, strict=True)
    ]
    given = [
        t if d is None else torch.stack([t, 1.1 * t, 0.9 * t, 1.2 * t], d)
        for t, d in zip(tensors, dims, strict=True)
    ]

    def function(backend, x, y, gamma, b):
        params = {"id": KERNELS["gaussian"], "gamma": gamma}
        return kernel_product(params, x, y, b, mode=mode, backend=backend)

    def loss(backend, *each):
        return function(backend, *each).square().sum()

    def mean_loss(map_over, backend, *each):
        return map_over(partial(loss, backend), dims, each).mean()

    def by_vmap(function, in_dims, tensors):
        return vmap(function, tuple(in_dims))(*tensors)

    actual = by_vmap(partial(function, "auto"), dims, given)
    expected = one_by_one(partial(function, "pytorch"), dims, given)
    assert_near(actual, expected, 1e-10)
    for k in range(4):
        of_each = grad(partial(loss, "auto"), k)
        dense_of_each = grad(partial(loss, "pytorch"), k)
        actual = by_vmap(of_each, dims, given)
        assert_near(actual, one_by_one(dense_of_each, dims, given), 1e-10)
        of_all = grad(partial(mean_loss, by_vmap, "auto"), k)
        dense_of_all = grad(partial(mean_loss, one_by_one, "pytorch"), k)
        assert_near(of_all(*given), dense_of_all(*given), 1e-10)


def test_nested_transforms(some_mode):
    """Three transforms of each other, of which one is forward mode."""
    x = plain(some_mode)[0]
    results = []
    for backend in ("auto", "pytorch"):
        product = Product("gaussian", some_mode, backend)

        def loss(x, product=product):
            return product.of_x(x).square().sum()

        def curvature(x, v, loss=loss):
            return jvp(grad(loss), (x,), (v,))[1]

        directions = torch.stack([x, x.flip(0), 1 - x])
        results.append(
            [
                vmap(curvature, (None, 0))(x, directions),
                grad(lambda x, c=curvature: c(x, 1 - x).sum())(x),
                vmap(vmap(product.of_x))(directions[None].repeat(2, 1, 1, 1)),
                jacfwd(jacrev(product.of_x))(x),
                jacrev(jacfwd(product.of_x))(x),
            ]
        )
    for actual, expected in zip(*results, strict=True):
        assert_near(actual, expected, 1e-10)


def test_a_module_by_torch_func():
    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.gamma = torch.nn.Parameter(torch.tensor([0.5]).double())

        def forward(self, x, y, b):
            params = {"id": KERNELS["gaussian"], "gamma": self.gamma}
            return kernel_product(params, x, y, b)

    model, (x, y, _, b) = Model(), plain("sum")

    def loss(parameters):
        return functional_call(model, parameters, (x, y, b)).square().sum()

    parameters = dict(model.named_parameters())
    slope = grad(loss)({k: v.detach() for k, v in parameters.items()})
    loss(parameters).backward()
    assert_near(slope["gamma"], model.gamma.grad, 1e-12)


def batched_grad(function, x):
    x = x.detach().requires_grad_()
    a = function(x)
    rows = torch.eye(a.numel(), dtype=a.dtype).view(-1, *a.shape)
    (gradients,) = torch.autograd.grad(a, x, rows, is_grads_batched=True)
    return gradients.view(*a.shape, *x.shape)


BATCHES = {
    "grad": (batched_grad, jacobian),
    "jacobian": (lambda f, x: jacobian(f, x, vectorize=True), jacobian),
    "hessian": (
        lambda f, x: hessian(lambda x: f(x).sum(), x, vectorize=True),
        EXPECTED["hessian"],
    ),
}


@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("backend", [*ENGINES, "pytorch"])
def test_batches_of_gradients(batch, backend, some_mode):
    call, one_by_one = BATCHES[batch]
    x = plain(some_mode)[0]
    actual = call(Product("sum", some_mode, backend).of_x, x)
    dense = Product("sum", some_mode, "pytorch")
    assert_near(actual, one_by_one(dense.of_x, x), 1e-10)


@pytest.mark.parametrize("backend", [*ENGINES, "pytorch"])
def test_forward_mode(backend, mode):
    tensors = plain(mode)
    for position, tensor in enumerate(tensors):
        with forward_ad.dual_level():
            given = list(tensors)
            given[position] = forward_ad.make_dual(tensor, tensor)
            a = Product("sum", mode, backend)(*given)
            tangent = forward_ad.unpack_dual(a).tangent

        def function(value, position=position):
            given = list(tensors)
            given[position] = value
            return Product("sum", mode, "pytorch")(*given)

        assert_near(tangent, EXPECTED["jvp"](function, tensor), 1e-10)


@pytest.mark.parametrize("weight", [1.0, 0.0, -1e30])
@pytest.mark.parametrize("mode", ["sum", "lse"])
@pytest.mark.parametrize(
    "name", ["gaussian(x,y)", "laplacian(x,y)", "cauchy(x,y)"]
)
def test_forward_mode_at_special_values(name, mode, weight):
    """Equal points, a point far from all, zeros, and no points at all."""
    float64 = torch.float64
    x = torch.tensor([[0.0, 0.0], [1.0, 1.0], [1e100, 0.0]], dtype=float64)
    y = torch.tensor([[0.0, 0.0], [1.0, 1.0], [3.0, 2.0]], dtype=float64)
    params = {"id": Kernel(name), "gamma": 1.0}
    for count in (3, 1, 0):
        tensors = x, y[:count], torch.full((count, 1), weight, dtype=float64)
        tangents = tuple(
            torch.full_like(t, k + 1.0) for k, t in enumerate(tensors)
        )

        def of(backend, tensors=tensors, tangents=tangents):
            def product(*given):
                return kernel_product(
                    params, *given, mode=mode, backend=backend
                )

            return jvp(product, tensors, tangents)

        for actual, expected in zip(of("auto"), of("pytorch"), strict=True):
            assert torch.allclose(actual, expected, 1e-10, 1e-12)


def test_forward_mode_over_a_backward_pass(some_mode):
    product = Product("gaussian", some_mode)
    tensors = product.tensors
    a = product(*tensors)
    with forward_ad.dual_level():
        ones = torch.ones_like(a)
        cotangent = forward_ad.make_dual(ones, 2 * ones)
        duals = torch.autograd.grad(a, tensors, cotangent, retain_graph=True)
        tangents = [forward_ad.unpack_dual(dual).tangent for dual in duals]
    expected = torch.autograd.grad(a, tensors, 2 * ones)
    for tangent, one in zip(tangents, expected, strict=True):
        assert_near(tangent, one, 1e-12)


def test_dual_tensors_of_another_level_are_plain():
    """Outside of the level a dual tensor is what it was made of."""
    tensors = plain("sum")
    with forward_ad.dual_level():
        dual = forward_ad.make_dual(tensors[0], tensors[0])
    actual = Product()(dual, *tensors[1:])
    assert torch.equal(actual, Product()(*tensors))


class Logged(torch.Tensor):
    """A tensor with memory, whose operations go through Python."""

    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
        with torch._C._DisableTorchDispatch():
            return function(*args, **(kwargs or {}))


def test_subclasses_with_memory_are_tensors():
    tensors = plain("sum")
    logged = torch.Tensor._make_subclass(Logged, tensors[0])
    actual = Product()(logged, *tensors[1:])
    assert torch.equal(actual, Product()(*tensors))


def test_wrappers_have_no_memory():
    tensors = plain("sum")
    wrapper = torch.Tensor._make_wrapper_subclass(
        Logged, tensors[0].shape, dtype=tensors[0].dtype
    )
    with pytest.raises(RuntimeError, match="storage is missing or too small"):
        Product()(wrapper, *tensors[1:])
