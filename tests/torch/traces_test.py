# SPDX-License-Identifier: MIT
"""Traces of torch: make_fx, torch.export, fake tensors, and the operator."""

import json
import warnings

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.autograd import forward_ad
from torch.export import Dim, export
from torch.func import grad, hessian, jacfwd, jacrev, jvp, linearize, vmap
from torch.fx.experimental.proxy_tensor import make_fx
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.checkpoint import (
    checkpoint,
    create_selective_checkpoint_contexts,
)

from calls import (
    KERNELS,
    MODES,
    SOME_MODES,
    Call,
    D,
    assert_right,
    with_gradients,
)
from gramless.torch import Kernel, kernel_product
from gramless.torch.program import program_of
from job import run_python
from oracle import Data, assert_near

pytestmark = [
    pytest.mark.default_only("traces the same engine"),
    pytest.mark.filterwarnings("ignore:.*torch.jit"),
]

OPERATOR = torch.ops.gramless.map_reduce.default
DTYPES = pytest.mark.parametrize(
    "dtype", [torch.float32, torch.float64], ids=str
)
BACKENDS = ["auto", "reference", "checked", "pytorch"]


class Module(torch.nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, *tensors):
        return self.function(*tensors)


def traced(**options):
    return lambda function, tensors: make_fx(function, **options)(*tensors)


def exported(function, tensors, sizes=None, strict=False):
    """Returns a program, with the sizes that are given left open."""
    shapes = None
    if sizes:
        named = {
            size: Dim(name) for size, name in zip(sizes, "MN", strict=True)
        }
        shapes = [
            {k: named[n] for k, n in enumerate(t.shape) if n in named} or None
            for t in tensors
        ]
    return export(
        Module(function),
        tuple(tensors),
        dynamic_shapes=shapes and (tuple(shapes),),
        strict=strict,
    )


TRACES = {
    "make_fx": traced(),
    "fake": traced(tracing_mode="fake"),
    "symbolic": traced(tracing_mode="symbolic"),
    "before_dispatch": traced(pre_dispatch=True),
    "export": lambda *given: exported(*given).module(),
}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("mode", SOME_MODES)
@pytest.mark.parametrize("trace", TRACES)
def test_traces_run_with_other_numbers(trace, mode, backend):
    call = Call("sum", mode, backend=backend)
    graph = TRACES[trace](call, call.tensors(5, 7))
    tensors = [1.1 * tensor for tensor in call.tensors(5, 7)]
    assert_near(graph(*tensors), call.dense(*tensors), 1e-10)


def gradients(function):
    """Returns a function of what with_gradients() returns."""

    def of(*tensors):
        def loss(*tensors):
            a = function(*tensors)
            return a.square().sum(), a

        every = tuple(range(len(tensors)))
        slopes, a = grad(loss, every, has_aux=True)(*tensors)
        return [a, *slopes]

    return of


@DTYPES
@pytest.mark.parametrize("mode", SOME_MODES)
@pytest.mark.parametrize("kernel", KERNELS)
def test_symbolic_traces_of_gradients_serve_all_sizes(kernel, mode, dtype):
    call = Call(kernel, mode, dtype)
    for derive in (gradients, lambda call: lambda *t: with_gradients(call, t)):
        trace = make_fx(derive(call), tracing_mode="symbolic")
        graph = trace(*call.tensors(5, 7))
        assert sum(node.target == OPERATOR for node in graph.graph.nodes) == 2
        for sizes in [(5, 7), (6, 9)]:
            tensors = call.tensors(*sizes)
            assert_right(graph(*tensors), call.dense, tensors)


@pytest.mark.parametrize("trace", ["make_fx", "fake", "before_dispatch"])
@pytest.mark.parametrize("mode", SOME_MODES)
def test_traces_of_a_backward_pass(trace, mode):
    """The forward pass ran before the trace started."""
    call = Call("sum", mode)
    tensors = [t.requires_grad_() for t in call.tensors(5, 7)]
    a = call(*tensors)

    def backward(cotangent):
        return torch.autograd.grad(a, tensors, cotangent, retain_graph=True)

    expected = backward(torch.ones_like(a))
    if trace == "fake":
        with FakeTensorMode(allow_non_fake_inputs=True) as fake:
            results = backward(fake.from_tensor(torch.ones_like(a)))
        assert all(result.fake_mode is fake for result in results)
    else:
        results = TRACES[trace](backward, [torch.ones_like(a)])(2 * a.detach())
        expected = backward(2 * a.detach())
        for one, other in zip(results, expected, strict=True):
            assert_near(one, other, 1e-12)
    for one, other in zip(results, expected, strict=True):
        assert one.shape == other.shape
        assert one.dtype == other.dtype


@pytest.mark.parametrize("mode", SOME_MODES)
def test_fake_tensors_have_shapes(mode):
    fake = FakeTensorMode(allow_non_fake_inputs=True)
    call, tensors = Call("sum", mode), Call("sum", mode).tensors(5, 7)
    fakes = [fake.from_tensor(tensor) for tensor in tensors]
    assert call(*fakes).shape == call(*tensors).shape
    for given in (fakes, [fakes[0], *tensors[1:]], tensors):
        with fake:
            a = call(*given)
        assert a.fake_mode is fake
        assert a.shape == call(*tensors).shape
    x, y, _, _, b = Call("sum").tensors(5, 7)
    with fake:
        a = kernel_product({"id": Kernel("cauchy(x,y)"), "gamma": 2}, x, y, b)
    assert a.fake_mode is fake


def scripted(call, tensors):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Of Python values in the trace.
        return torch.jit.trace(
            lambda *given: call(*given), tuple(tensors), check_trace=False
        )


def test_torch_jit_is_refused():
    call = Call("sum")
    with pytest.raises(NotImplementedError) as caught:
        scripted(call, call.tensors(5, 7))
    assert str(caught.value) == (
        "kernel_product(): expected a call outside of torch.jit.trace, got one "
        "inside. Use torch.export, or backend='pytorch'."
    )


@pytest.mark.parametrize("mode", SOME_MODES)
def test_torch_jit_of_torch_operations(mode):
    call = Call("sum", mode, backend="pytorch")
    tensors = call.tensors(5, 7)
    graph = scripted(call, tensors)
    tensors = [1.1 * tensor for tensor in tensors]
    assert_near(graph(*tensors), call(*tensors))


RUN = """
import sys
import torch
import gramless.torch
for path in sys.argv[1:]:
    tensors, results = torch.load(path)
    program = torch.export.load(path.replace(".pt", ".pt2")).module()
    leaves = [tensor.requires_grad_() for tensor in tensors]
    a = program(*leaves)
    own = [a.detach(), *torch.autograd.grad(a.square().sum(), leaves)]
    for one, other in zip(own, results, strict=True):
        assert one.dtype == other.dtype
        assert torch.equal(one, other)
print("right")
"""


@DTYPES
@pytest.mark.parametrize("strict", [False, True])
def test_exported_programs_run_in_another_process(strict, dtype, tmp_path):
    """With other sizes, and gradients, to the same bits."""
    paths = []
    for kernel in KERNELS:
        for mode in SOME_MODES:
            call = Call(kernel, mode, dtype)
            program = exported(call, call.tensors(5, 7), (5, 7), strict)
            paths.append(tmp_path / f"{len(paths)}.pt")
            torch.export.save(program, paths[-1].with_suffix(".pt2"))
            tensors = call.tensors(6, 9)
            results = with_gradients(call, tensors)
            assert_right(results, call.dense, tensors)
            torch.save((tensors, results), paths[-1])
    code = f"import sys; sys.argv[1:] = {[str(p) for p in paths]}\n{RUN}"
    assert run_python(code) == "right\n"


def test_texts_of_programs_can_be_read():
    call = Call("own atom", "lse")
    graph = make_fx(call)(*call.tensors(5, 7))
    (node,) = (node for node in graph.graph.nodes if node.target == OPERATOR)
    text, backend, _ = node.args
    assert backend == "auto"
    assert json.loads(text) == {
        "kernel": "mine(x,y)**2 * gaussian(x,y)",
        "own": {"mine": ["Inv(IntCst(1) + WeightedSqDist({G}, {X}, {Y}))", ""]},
        "mode": "lse",
        "x": [D],
        "y": [D],
        "bs": [2],
        "gamma": [str(D), "1"],
        "vjp": [],
    }
    steps = program_of(text).vjp([0, 3], [0]).vjp([5], [1])
    assert program_of(steps.text).text == steps.text


@pytest.mark.parametrize(
    "text", ["", "{}", '{"kernel": "gaussian(x,y)", "own": {}}']
)
def test_texts_of_other_versions_are_refused(text):
    with pytest.raises(ValueError, match="as this version writes it") as caught:
        OPERATOR(text, "auto", [torch.zeros(5, 3)])
    assert f"got {text!r}. Make the graph anew." in str(caught.value)


class Calls(TorchDispatchMode):
    """Keeps the arguments of all calls of the operator."""

    def __init__(self):
        super().__init__()
        self.arguments = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        if function is OPERATOR:
            self.arguments.append(args)
        return function(*args, **(kwargs or {}))


@DTYPES
@pytest.mark.parametrize("mode", SOME_MODES)
@pytest.mark.parametrize("kernel", KERNELS)
def test_operator_by_all_checks_of_torch(kernel, mode, dtype):
    """Of a product, its gradient, and a gradient of that."""
    call = Call(kernel, mode, dtype)
    with Calls() as calls:
        leaves = [t.requires_grad_() for t in call.tensors(5, 7)]
        total = call(*leaves).square().sum()
        (slope,) = torch.autograd.grad(total, leaves[0], create_graph=True)
        torch.autograd.grad(slope.sum(), leaves)
    assert len(calls.arguments) >= 3
    for needs_grad in (False, True):
        for text, backend, tensors in calls.arguments:
            own = [t.detach().requires_grad_(needs_grad) for t in tensors]
            done = torch.library.opcheck(OPERATOR, (text, backend, own))
            assert set(done.values()) == {"SUCCESS"}
            assert len(done) == 4


@pytest.mark.filterwarnings("ignore:Attempted to insert a get_attr Node")
@pytest.mark.parametrize("mode", MODES)
def test_linearize(mode):
    call = Call("sum", mode)
    tensors = call.tensors(5, 7)
    tangents = [tensor.flip(0) for tensor in tensors]
    expected = jvp(call.dense, tuple(tensors), tuple(tangents))
    a, linear = linearize(call, *tensors)
    for actual, right in zip((a, linear(*tangents)), expected, strict=True):
        assert_near(actual, right, 1e-10)


TRANSFORMS = {
    "grad": lambda f, x: grad(lambda x: f(x).square().sum())(x),
    "vmap": lambda f, x: vmap(f)(torch.stack([x, x + 1])),
    "jvp": lambda f, x: jvp(f, (x,), (x,))[1],
    "jacrev": lambda f, x: jacrev(f)(x),
    "jacfwd": lambda f, x: jacfwd(f)(x),
    "hessian": lambda f, x: hessian(lambda x: f(x).sum())(x),
    "forward_ad": lambda f, x: tangent(f, x),
    "batch": lambda f, x: torch.autograd.functional.jacobian(
        f, x, vectorize=True
    ),
}


def tangent(function, x):
    with forward_ad.dual_level():
        a = function(forward_ad.make_dual(x, 2 * x))
        return forward_ad.unpack_dual(a).tangent


@pytest.mark.parametrize("mode", SOME_MODES)
@pytest.mark.parametrize("transform", TRANSFORMS)
def test_transforms_of_exported_programs(transform, mode):
    call = Call("sum", mode)
    x, *rest = call.tensors(5, 7)
    program = exported(call, [x, *rest]).module()
    actual = TRANSFORMS[transform](lambda x: program(x, *rest), x)
    dense = TRANSFORMS[transform](lambda x: call.dense(x, *rest), x)
    assert_near(actual, dense, 1e-10)


@pytest.mark.parametrize("tracing_mode", ["real", "symbolic"])
@pytest.mark.parametrize("mode", ["sum", "lse"])
@pytest.mark.parametrize("transform", TRANSFORMS)
def test_traces_of_transforms(transform, mode, tracing_mode):
    if (transform, tracing_mode) == ("batch", "symbolic"):
        pytest.skip("torch's older vmap takes no symbolic sizes")
    call = Call("sum", mode)

    def transformed(call, x, *rest):
        return TRANSFORMS[transform](lambda x: call(x, *rest), x)

    tensors = call.tensors(5, 7)
    trace = make_fx(
        lambda *tensors: transformed(call, *tensors), tracing_mode=tracing_mode
    )
    actual = trace(*tensors)(*tensors)
    assert_near(actual, transformed(call.dense, *tensors), 1e-10)


def test_checkpoints_can_choose_the_operator():
    """What a policy saves is not computed again."""
    call = Call("sum", "lse")
    tensors = call.tensors(5, 7)

    def count(context_fn):
        def network(*tensors):
            return checkpoint(
                lambda x, *rest: call(x.sin(), *rest).cos(),
                *tensors,
                use_reentrant=False,
                context_fn=context_fn,
            )

        with Calls() as calls:
            results = with_gradients(network, tensors)
        dense = lambda x, *rest: call.dense(x.sin(), *rest).cos()  # noqa: E731
        assert_right(results, dense, tensors)
        return len(calls.arguments)

    saved = count(lambda: create_selective_checkpoint_contexts([OPERATOR]))
    assert saved == count(lambda: create_selective_checkpoint_contexts([])) - 1


def test_sizes_that_do_not_fit_are_found_when_a_graph_runs():
    call = Call("formula")
    x, y, gamma, b = call.tensors(5, 7)
    program = exported(call, [x, y, gamma, b], (5, 7)).module()
    with pytest.raises((RuntimeError, AssertionError)):
        program(x, y, gamma, b[:4])
    graph = make_fx(call)(x, y, gamma, b)
    with pytest.raises(ValueError, match=r"expected b of the shape \(7, 2\)"):
        graph(x, y, gamma, b[:4])


def test_batches_of_open_extent():
    call, problems = Call("formula", "lse"), Data(5).normal(4, 1, 5, D)
    _, y, gamma, b = call.tensors(5, 7)
    graph = make_fx(gradients(call), tracing_mode="symbolic")(
        problems, y, gamma, b
    )
    for x in (problems[:3, :, :4], problems):
        tensors = [x, y, gamma, b]
        assert_right(graph(*tensors), call.dense, tensors)
