# SPDX-License-Identifier: MIT
"""Products in torch.compile."""

import copy
import pickle
import warnings

import pytest
import torch
import torch._dynamo as dynamo
from torch._dynamo.testing import CompileCounterWithBackend
from torch.func import grad, hessian, jacfwd, jacrev, jvp, vmap

from calls import KERNELS, SOME_MODES, Call, assert_right, with_gradients
from gramless.torch import Kernel, kernel_formulas, kernel_product
from oracle import Data, assert_near

pytestmark = pytest.mark.default_only("calls the same engine")

SIZES = [(5, 7), (6, 9), (11, 4)]


@pytest.fixture(autouse=True)
def no_warnings():
    dynamo.reset()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        warnings.filterwarnings("ignore", category=FutureWarning)
        warnings.filterwarnings("ignore", message=".*grad attribute of a Tenso")
        yield
    dynamo.reset()


def compiled(function, backend="aot_eager", **options):
    """Returns a function in one graph, with a counter of compilations."""
    counter = CompileCounterWithBackend(backend)
    options = {"fullgraph": True, "dynamic": True} | options
    return torch.compile(function, backend=counter, **options), counter


def around(call):
    """Returns a network with a product in the middle."""

    def network(x, *rest):
        return 3 * call(x.tanh(), *rest) - 1

    return network


def check(call, backend):
    """Compiles a network at the first sizes, which serves all of them."""
    function, counter = compiled(around(call), backend)
    counts = []
    for sizes in SIZES:
        tensors = call.tensors(*sizes)
        results = with_gradients(function, tensors)
        assert_right(results, around(call.dense), tensors)
        counts.append(counter.frame_count)
    assert counts[0] == counts[-1]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("mode", SOME_MODES)
@pytest.mark.parametrize("kernel", KERNELS)
def test_one_graph_for_all_sizes(kernel, mode, dtype):
    check(Call(kernel, mode, dtype), "aot_eager")


@pytest.mark.parametrize("backend", ["reference", "checked", "pytorch"])
def test_each_backend(backend):
    check(Call("product", "lse", backend=backend), "aot_eager")


@pytest.mark.parametrize("kernel", KERNELS)
def test_graph_without_a_compiler(kernel):
    check(Call(kernel, "lse"), "eager")


@pytest.mark.parametrize(
    ("kernel", "mode", "dtype"),
    [
        ("sum", "sum", torch.float32),
        ("product", "lse", torch.float64),
        ("own atom", "sinkhorn_cost", torch.float32),
        ("formula", "log_scaled_barycenter", torch.float64),
    ],
)
def test_inductor(kernel, mode, dtype):
    check(Call(kernel, mode, dtype), "inductor")


def test_sizes_become_dynamic_by_themselves():
    """Without `dynamic`, torch makes a second graph, and no third one."""
    call = Call("sum", "lse")
    function, counter = compiled(around(call), dynamic=None)
    for sizes in [*SIZES, (20, 30)]:
        tensors = call.tensors(*sizes)
        results = with_gradients(function, tensors)
        assert_right(results, around(call.dense), tensors)
    assert counter.frame_count == 2


def test_graph_goes_by_what_the_kernel_says():
    """An equal one needs no other graph, and another one does."""
    x, y, gamma, b = Call("formula").tensors(5, 7)

    def product(kernel, backend=None):
        params = {"id": kernel, "gamma": gamma}
        return kernel_product(params, x, y, b, backend=backend)

    function, counter = compiled(product)
    for count, name in enumerate(["gaussian(x,y)", "cauchy(x,y)"]):
        for _ in range(2):
            kernel = Kernel(name)
            assert_near(function(kernel), product(kernel, "pytorch"))
        assert counter.frame_count == count + 1


GAUSSIAN = Kernel("gaussian(x,y)")


def test_numbers_for_gamma_stay_open():
    x, y, _, b = Call("formula").tensors(5, 7)

    def product(sigma, backend="auto"):
        params = {"id": GAUSSIAN, "gamma": 0.5 / sigma**2}
        return kernel_product(params, x, y, b, backend=backend)

    function, counter = compiled(product)
    for sigma in (0.5, 0.7, 0.9):
        assert_near(function(sigma), product(sigma, "pytorch"))
    assert counter.frame_count == 1


DATA = Data(2)
X, Y, B = DATA.normal(5, 3), DATA.normal(7, 3), DATA.normal(7, 2)
MARKS = Y[:, 0] > 0  # Which of Y are chosen.

FORMS = {
    "bare": lambda p: p({"gamma": 2}, X, Y, B),
    "list": lambda p: p({"gamma": [0.5], "mode": "lse"}, [X], (Y,), B),
    "rows": lambda p: p({"gamma": (("j", Y**2),), "other": object}, X, Y, B),
    "bare rows": lambda p: p({"gamma": ("i", X[:, :1] ** 2)}, X, Y, B),
    "keywords": lambda p: p({"gamma": 1.0}, X, Y, B, mode="lse"),
    "dtype": lambda p: p({"gamma": 1.0}, X, Y, B, dtype=torch.float64),
    "batch": lambda p: p(
        {"gamma": B.square().view(7, 1, 2)[..., :1]}, X.expand(2, 1, 5, 3), Y, B
    ),
}


def some_product(backend="auto"):
    def product(params, *arguments, **options):
        params = {**params, "id": GAUSSIAN}
        return kernel_product(params, *arguments, backend=backend, **options)

    return product


@pytest.mark.parametrize("form", FORMS)
def test_each_form_of_arguments(form):
    function, _ = compiled(lambda: FORMS[form](some_product()))
    expected = FORMS[form](some_product("pytorch"))
    assert_near(function(), expected)


@pytest.mark.parametrize("mode", SOME_MODES)
def test_batches(mode):
    call = Call("sum", mode)

    def batch(sizes, problems):
        x, *rest = call.tensors(*sizes)
        return [torch.stack([(k + 1) * x for k in range(problems)]), *rest]

    function, counter = compiled(around(call))
    for problems, sizes in enumerate(SIZES, start=20):
        tensors = batch(sizes, problems)
        results = with_gradients(function, tensors)
        assert_right(results, around(call.dense), tensors)
    assert counter.frame_count == 1


def test_sizes_that_depend_on_values():
    def product(chosen, backend=None):
        params = {"id": GAUSSIAN, "gamma": 0.5}
        return kernel_product(params, X, Y[chosen], B[chosen], backend=backend)

    with dynamo.config.patch(capture_dynamic_output_shape_ops=True):
        function, counter = compiled(product)
        for chosen in (MARKS, ~MARKS):
            assert_near(function(chosen), product(chosen, "pytorch"))
    assert counter.frame_count == 1


TRANSFORMS = {
    "grad": lambda f, x: grad(lambda x: f(x).sum())(x),
    "vmap": lambda f, x: vmap(f)(torch.stack([x, x + 1])),
    "jvp": lambda f, x: jvp(f, (x,), (x,))[1],
    "jacrev": lambda f, x: jacrev(f)(x),
    "jacfwd": lambda f, x: jacfwd(f)(x),
    "hessian": lambda f, x: hessian(lambda x: f(x).sum())(x),
}


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
@pytest.mark.parametrize("mode", ["sum", "lse"])
@pytest.mark.parametrize("transform", TRANSFORMS)
def test_transforms_in_a_graph(transform, mode, backend):
    call = Call("sum", mode)
    x, *rest = call.tensors(5, 7)

    def transformed(x, call):
        return TRANSFORMS[transform](lambda x: call(x, *rest), x)

    function, _ = compiled(lambda x: transformed(x, call), backend)
    assert_near(function(x), transformed(x, call.dense), 1e-10)


@pytest.mark.parametrize("mode", SOME_MODES)
def test_forward_mode_in_a_graph(mode):
    call = Call("sum", mode)
    tensors = call.tensors(5, 7)
    forward_ad = torch.autograd.forward_ad

    def tangent(call, x, *rest):
        with forward_ad.dual_level():
            a = call(forward_ad.make_dual(x, 2 * x), *rest)
            return forward_ad.unpack_dual(a).tangent

    function, _ = compiled(lambda *tensors: tangent(call, *tensors))
    assert_near(function(*tensors), tangent(call.dense, *tensors), 1e-10)


def test_batches_of_gradients_of_a_graph():
    call = Call("sum", "lse")
    x, *rest = call.tensors(5, 7)
    function, _ = compiled(lambda x: call(x, *rest))
    jacobian = torch.autograd.functional.jacobian
    actual = jacobian(function, x, vectorize=True)
    assert_near(actual, jacobian(lambda x: call.dense(x, *rest), x), 1e-10)


def test_checkpoint_in_a_graph():
    call = Call("product", "lse")

    def network(*tensors):
        return torch.utils.checkpoint.checkpoint(
            around(call), *tensors, use_reentrant=False
        )

    tensors = call.tensors(5, 7)
    results = with_gradients(compiled(network)[0], tensors)
    assert_right(results, around(call.dense), tensors)


class Smoother(torch.nn.Module):
    def __init__(self, backend="auto"):
        super().__init__()
        self.kernel, self.backend = Kernel("gaussian(x,y)"), backend
        self.gamma = torch.nn.Parameter(torch.full((1,), 0.5).double())

    def forward(self, x, y, b):
        params = {"id": self.kernel, "gamma": self.gamma}
        return kernel_product(params, x, y, b, backend=self.backend)


def test_module():
    gradients = []
    for module in (compiled(Smoother())[0], Smoother("pytorch")):
        module(X, Y, B).square().sum().backward()
        (gamma,) = module.parameters()
        gradients.append(gamma.grad)
    assert_near(*gradients)


WRONG = {
    "kernel": lambda: kernel_product({"id": "gaussian(x,y)"}, X, Y, B),
    "params": lambda: kernel_product(0.5, X, Y, B),
    "tensor": lambda: kernel_product({"id": GAUSSIAN}, X, 3, B),
    "columns": lambda: some_product()({"gamma": 1.0}, X, Y[:, :2], B),
    "rows": lambda: some_product()({"gamma": 1.0}, X, Y, B[:3]),
    "signal": lambda: some_product()({"gamma": 1.0}, X, Y, B[:, 0]),
    "dtype": lambda: some_product()({"gamma": 1.0}, X, Y, B.half()),
    "wish": lambda: some_product()({"gamma": 1.0}, X, Y, B, dtype="float32"),
    "gamma": lambda: some_product()({"gamma": "1"}, X, Y, B),
    "slots": lambda: some_product()({"gamma": (1.0, 2.0)}, X, Y, B),
    "mode": lambda: some_product()({"gamma": 1.0}, X, Y, B, mode="mean"),
    "count": lambda: some_product()({"gamma": 1.0}, X, Y, B, B),
    "backend": lambda: some_product("CUDA")({"gamma": 1.0}, X, Y, B),
    "device": lambda: some_product()({"gamma": 1.0}, X, Y.to("meta"), B),
}


@pytest.mark.parametrize("call", WRONG)
def test_messages(call):
    """A graph that holds all of it is refused by the message of the call."""
    with pytest.raises((ValueError, TypeError, RuntimeError)) as plain:
        WRONG[call]()
    message = str(plain.value)
    assert message.startswith("kernel_product(): expected ")
    function, _ = compiled(lambda: WRONG[call](), fullgraph=False)
    with pytest.raises(plain.type) as in_parts:
        function()
    assert str(in_parts.value) == message
    dynamo.reset()
    function, _ = compiled(lambda: WRONG[call]())
    with pytest.raises(dynamo.exc.Unsupported) as whole:
        function()
    assert str(whole.value).startswith(message)


def test_kernels_that_are_made_in_a_graph():
    """One graph for the kernels there are, another one for others."""

    def network(x, backend=None):
        first = {"id": Kernel("gaussian(x,y)"), "gamma": 0.5}
        second = {"id": Kernel(formula_sum="Exp(X_0 | Y_0)")}
        options = {"mode": "lse", "backend": backend}
        return kernel_product(first, x, Y, B, **options) + kernel_product(
            second, x, Y, B, **options
        )

    function, counter = compiled(network)
    for x in (X, X[:4]):
        assert_near(function(x), network(x, "pytorch"))
    assert counter.frame_count == 1


def test_graph_goes_by_the_formulas_that_there_are(monkeypatch):
    def network(x):
        params = {"id": Kernel("mine(x,y)"), "gamma": 0.5}
        return kernel_product(params, x, Y, B)

    function, counter = compiled(network)
    for count, name in enumerate(["gaussian", "cauchy", "gaussian"]):
        formula = kernel_formulas[name]
        monkeypatch.setitem(kernel_formulas, "mine", formula)
        params = {"id": Kernel(f"{name}(x,y)"), "gamma": 0.5}
        assert_near(function(X), kernel_product(params, X, Y, B))
        assert counter.frame_count == min(count + 1, 2)


def test_a_kernel_that_leaves_a_graph_is_whole():
    def network(x):
        kernel = Kernel("gaussian(x,y)")
        params = {"id": kernel, "gamma": 0.5}
        a = kernel_product(params, x, Y, B)
        dynamo.graph_break()
        return a + kernel_product(params, x, Y, B), kernel

    a, kernel = compiled(network, fullgraph=False)[0](X)
    params = {"id": GAUSSIAN, "gamma": 0.5}
    assert_near(a, 2 * kernel_product(params, X, Y, B))
    assert kernel == GAUSSIAN
    assert pickle.loads(pickle.dumps(kernel)) == kernel
    assert copy.deepcopy(kernel).name == "gaussian(x,y)"
    with pytest.raises(AttributeError, match="no attribute 'atoms'"):
        kernel.atoms  # noqa: B018


@pytest.mark.parametrize("name", ["gausian(x,y)", "gaussian(x", b"x", None])
def test_messages_of_kernels(name):
    with pytest.raises((ValueError, TypeError)) as plain:
        Kernel(name)
    for fullgraph in (False, True):
        dynamo.reset()
        function, _ = compiled(lambda: Kernel(name), fullgraph=fullgraph)
        kind = dynamo.exc.Unsupported if fullgraph else plain.type
        with pytest.raises(kind) as caught:
            function()
        assert str(caught.value).startswith(str(plain.value))


def test_routines_run_between_graphs():
    kernel = Kernel(routine_sum=lambda x, y, g: x[0] @ y[0].mT)
    params = {"id": kernel, "backend": "pytorch"}

    def network(x):
        return 3 * kernel_product(params, 2 * x, Y, B) + 1

    function, counter = compiled(network, fullgraph=False)
    assert_near(function(X), 6 * X @ Y.mT @ B + 1)
    assert counter.frame_count == 2  # Before and behind the product.
    dynamo.reset()
    with pytest.raises(dynamo.exc.Unsupported):
        compiled(network)[0](X)
