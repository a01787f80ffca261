# SPDX-License-Identifier: MIT
"""Derivatives of kernel products, against autograd of dense formulas."""
# ruff: noqa: N803, N806 (M, N, D and E are the sizes' own names)

import pytest
import torch

import oracle
from gramless.torch import Kernel, kernel_product, map_reduce
from oracle import Data, assert_near, derivatives

ATOMS_AND_FORMS = [
    (atom, form) for atom in oracle.ATOMS for form in oracle.forms_of(atom)
]
SMOOTH_AT_0 = (
    "gaussian(x,y)",
    "cauchy(x,y)",
    "inverse_multiquadric(x,y)",
    "multiquadric(x,y)",
    "matern32(x,y)",
    "matern52(x,y)",
)
ROOTS = ("laplacian(x,y)", "distance(x,y)")


def functions(name, pairs, slots, backend="auto"):
    """Returns product and dense product, functions of x, y, b and gammas."""
    varying = [
        k for k, s in enumerate(slots) if oracle.gamma_tensor(s) is not None
    ]

    def split(tensors):
        x, y = tensors[:pairs], tensors[pairs : 2 * pairs]
        gammas = list(slots)
        for k, tensor in zip(varying, tensors[2 * pairs + 1 :], strict=True):
            gammas[k] = oracle.with_tensor(slots[k], tensor)
        return x, y, tensors[2 * pairs], gammas

    def product(*tensors):
        x, y, b, gammas = split(tensors)
        params = {"id": Kernel(name), "gamma": tuple(gammas)}
        return kernel_product(params, x, y, b, backend=backend)

    def dense(*tensors):
        x, y, b, gammas = split(tensors)
        return oracle.kernel_matrix(name, x, y, gammas) @ b

    return product, dense


def leaves(x, y, b, slots):
    gammas = [oracle.gamma_tensor(slot) for slot in slots]
    tensors = [*x, *y, b, *(g for g in gammas if g is not None)]
    return [tensor.detach().clone().requires_grad_() for tensor in tensors]


def compare(functions_of, tensors, order):
    product, dense = functions_of
    actual = derivatives(product, tensors, order)
    expected = derivatives(dense, tensors, order)
    for step in range(order):
        for position, tensor in enumerate(tensors):
            assert actual[step][position].shape == tensor.shape
            assert_near(actual[step][position], expected[step][position])


@pytest.mark.parametrize("backend", ["auto", "pytorch"])
@pytest.mark.parametrize(("atom", "form"), ATOMS_AND_FORMS)
def test_atoms_up_to_third_order(atom, form, backend):
    M, N, D, E = 4, 5, 2, 2
    data = Data(1)
    x, y, b = data.normal(M, D), data.normal(N, D), data.normal(N, E)
    slots = [data.gamma(form, M, N, D)]
    pair = functions(f"{atom}(x,y)", 1, slots, backend)
    compare(pair, leaves([x], [y], b, slots), order=3)


NAMES = [
    ("gaussian(x,y) * linear(u,v)**2", ["(1,)", "none"]),
    (
        "cauchy(x,y) + gaussian(x,y) * (1 + cauchy(u,v)**2)",
        ["(D,)", "(N,DD)", "i(M,D)"],
    ),
    ("laplacian(x,y) / (1 + binet(u,v)) - 2", ["i(M,1)", "none"]),
    ("gaussian_oriented(u,v)**2 * distance(x,y)", ["(N,1)", "(DD,)"]),
    ("-linear(x,y)**3 * multiquadric(u,v)**-2", ["none", "(DD,)"]),
    ("cauchy(x,y)**0.5 + matern52(u,v)**-1.5", ["(1,)", "(D,)"]),
    ("distance(x,y)**3 - distance(u,v)**0.5", ["(1,)", "(1,)"]),
    ("0 * gaussian(x,y) + linear(u,v)", ["(1,)", "none"]),
    ("gaussian(x,y)**0 + cauchy(u,v)**1", ["(1,)", "(1,)"]),
    ("gaussian(x,y) - gaussian(x,y) + linear(u,v)", ["(1,)", "()", "none"]),
]


@pytest.mark.parametrize(("name", "forms"), NAMES)
def test_names_up_to_third_order(name, forms):
    M, N, D = 4, 3, 2
    data = Data(2)
    x, y = ([data.normal(rows, D) for _ in "xu"] for rows in (M, N))
    slots = [data.gamma(form, M, N, D) for form in forms]
    tensors = leaves(x, y, data.normal(N, 2), slots)
    compare(functions(name, len(x), slots), tensors, order=3)


@pytest.mark.parametrize(
    ("M", "N", "D", "E"),
    [
        *[(0, 3, 2, 1), (3, 0, 2, 1), (1, 1, 1, 1), (3, 4, 0, 2)],
        *[(3, 4, 2, 0), (130, 17, 1, 1), (17, 130, 2, 3), (3, 5, 17, 1)],
    ],
)
@pytest.mark.parametrize("form", ["(1,)", "(DD,)", "(N,D)", "i(M,D)"])
def test_sizes(M, N, D, E, form):
    data = Data(3)
    x, y, b = data.normal(M, D), data.normal(N, D), data.normal(N, E)
    slots = [data.gamma(form, M, N, D)]
    tensors = leaves([x], [y], b, slots)
    compare(functions("cauchy(x,y)", 1, slots), tensors, order=2)


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("gaussian(x,y)", "(DD,)"),
        ("laplacian(x,y)", "(N,D)"),
        ("matern32(x,y)", "i(M,DD)"),
        ("gaussian_unoriented(x,y)", "(1,)"),
        ("distance(x,y)**2 * linear(x,y)", "(D,)"),
    ],
)
def test_finite_differences(name, form):
    data = Data(4)
    slots = [data.gamma(form, 3, 2, 2)]
    slots += [None] if "linear" in name else []
    product, _ = functions(name, 1, slots)
    x, y, b = data.normal(3, 2), data.normal(2, 2), data.normal(2, 1)
    tensors = leaves([x], [y], b, slots)
    assert torch.autograd.gradcheck(product, tensors)
    assert torch.autograd.gradgradcheck(product, tensors)


def test_float32_follows_float64():
    data = Data(5)
    tensors = data.normal(40, 3), data.normal(50, 3), data.normal(50, 2)
    product, dense = functions("laplacian(x,y)", 1, [0.5])
    single = [tensor.float().requires_grad_() for tensor in tensors]
    double = [tensor.detach().double().requires_grad_() for tensor in single]
    actual = torch.autograd.grad(product(*single).sum(), single)
    expected = torch.autograd.grad(dense(*double).sum(), double)
    for gradient, wanted in zip(actual, expected, strict=True):
        assert gradient.dtype == torch.float32
        # Blocks of 64 terms, each of which is rounded a few times.
        assert_near(gradient.double(), wanted, 72 * 2.0**-24)


@pytest.mark.parametrize("form", ["(1,)", "(DD,)", "(N,D)", "i(M,DD)"])
@pytest.mark.parametrize("name", SMOOTH_AT_0 + ROOTS)
def test_coincident_points(name, form):
    """Among other points, and exactly on each other."""
    data = Data(6)
    x, b = data.normal(4, 2), data.normal(4, 2)
    slots = [data.gamma(form, 4, 4, 2)]
    tensors = leaves([x], [x.clone()], b, slots)
    compare(functions(name, 1, slots), tensors, order=3)


@pytest.mark.parametrize("name", SMOOTH_AT_0 + ROOTS)
def test_targets_that_are_the_sources(name):
    data = Data(7)
    product, dense = functions(name, 1, [data.gamma("(D,)", 4, 4, 2)])
    gamma = data.positive(2)
    tensors = [data.normal(4, 2), data.normal(4, 1), gamma]
    tensors = [tensor.requires_grad_() for tensor in tensors]

    def same(function):
        return lambda x, b, g: function(x, x, b, g)

    compare((same(product), same(dense)), tensors, order=3)


def hessian_at_0(name, gamma, backend):
    """Returns the second derivative to x of k(x, y) at x = y."""
    y = torch.tensor([[0.3, -0.7]], dtype=torch.float64)
    params = {"id": Kernel(name), "gamma": gamma}
    one = torch.ones(1, 1, dtype=torch.float64)

    def value(x):
        return kernel_product(params, x, y, one, backend=backend).sum()

    x = y.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(value(x), x)
    assert gradient.tolist() == [[0.0, 0.0]]
    return torch.autograd.functional.hessian(value, y.clone()).reshape(2, 2)


METRICS = [
    ([2.0], [[2.0, 0.0], [0.0, 2.0]]),
    ([2.0, 3.0], [[2.0, 0.0], [0.0, 3.0]]),
    ([2.0, 0.5, 0.5, 3.0], [[2.0, 0.5], [0.5, 3.0]]),
    ([2.0, 1.5, -0.5, 3.0], [[2.0, 0.5], [0.5, 3.0]]),
]


@pytest.mark.parametrize("backend", ["auto", "reference", "pytorch"])
@pytest.mark.parametrize(("gamma", "metric"), METRICS)
@pytest.mark.parametrize(
    ("name", "factor"),
    [
        ("gaussian(x,y)", -2),
        ("cauchy(x,y)", -2),
        ("multiquadric(x,y)", 1),
        ("inverse_multiquadric(x,y)", -1),
        ("matern32(x,y)", -1),
        ("matern52(x,y)", -1 / 3),
        ("distance(x,y)**2", 2),
        ("distance(x,y)**2 * 3 + 1", 6),
        ("(2 * distance(x,y))**2", 8),
        ("(-distance(x,y))**2", 2),
        ("(distance(x,y)**0.5)**4", 2),
        ("(distance(x,y)**4)**0.5", 0),
        ("distance(x,y)**4", 0),
        ("distance(x,y)", 0),
        ("distance(x,y)**3", 0),
        ("laplacian(x,y)", 0),
    ],
)
def test_second_derivative_at_coincident_points(
    name, factor, gamma, metric, backend
):
    gamma = torch.tensor(gamma, dtype=torch.float64)
    expected = factor * torch.tensor(metric, dtype=torch.float64)
    assert_near(hessian_at_0(name, gamma, backend), expected, 1e-15)


@pytest.mark.parametrize("name", ["gaussian(x,y)", "laplacian(x,y)"])
def test_hamiltonian(name):
    """One step along the derivatives of an energy, differentiated again."""
    data = Data(8)
    product, dense = functions(name, 1, [0.5])
    start = [data.normal(6, 2), data.normal(6, 2)]
    target = data.normal(6, 2)

    def shoot(function):
        q, p = (tensor.clone().requires_grad_() for tensor in start)
        q_now, p_now = q, p
        for _ in range(3):
            energy = (p_now * function(q_now, q_now, p_now)).sum() / 2
            dq, dp = torch.autograd.grad(
                energy, (q_now, p_now), create_graph=True
            )
            q_now, p_now = q_now + 0.1 * dp, p_now - 0.1 * dq
        loss = ((q_now - target) ** 2).sum()
        return [loss.detach(), *torch.autograd.grad(loss, (q, p))]

    for actual, expected in zip(shoot(product), shoot(dense), strict=True):
        assert_near(actual, expected)


@pytest.mark.parametrize("subset", range(1, 16))
def test_subsets_that_require_gradients(subset):
    data = Data(9)
    slots = [data.gamma("(N,D)", 4, 5, 2)]
    x, y, b = data.normal(4, 2), data.normal(5, 2), data.normal(5, 2)
    tensors = leaves([x], [y], b, slots)
    wanted = [t for k, t in enumerate(tensors) if subset >> k & 1]
    for k, tensor in enumerate(tensors):
        tensor.requires_grad_(bool(subset >> k & 1))
    gradients = []
    for function in functions("matern52(x,y)", 1, slots):
        loss = (function(*tensors) ** 2).sum()
        first = torch.autograd.grad(loss, wanted, create_graph=True)
        second = sum((gradient**2).sum() for gradient in first)
        gradients.append([*first, *torch.autograd.grad(second, wanted)])
    for actual, expected in zip(*gradients, strict=True):
        assert_near(actual, expected)


def test_product_is_linear_in_b():
    data = Data(10)
    x, y = data.normal(4, 2), data.normal(5, 2)
    b = data.normal(5, 3).requires_grad_()
    params = {"id": Kernel("gaussian(x,y)"), "gamma": 0.5}
    a = kernel_product(params, x, y, b)
    cotangent = data.normal(4, 3).requires_grad_()
    (gradient,) = torch.autograd.grad(a, b, cotangent, create_graph=True)
    matrix = oracle.kernel_matrix("gaussian(x,y)", [x], [y], [0.5])
    assert_near(gradient, matrix.T @ cotangent)
    (back,) = torch.autograd.grad((gradient * b).sum(), cotangent)
    assert_near(back, a)


@pytest.mark.parametrize(
    ("gamma", "metric"),
    [
        (torch.tensor([1.5, -0.5, 0.5, 2.0]), "(DD,)"),
        (torch.ones(3, 4), "rows"),
    ],
)
def test_gradient_of_a_matrix_is_the_outer_product(gamma, metric):
    """Not its symmetric part only: as of the dense formula."""
    data = Data(11)
    x, y, b = data.normal(2, 2), data.normal(3, 2), data.normal(3, 1)
    gamma = gamma.double().requires_grad_()
    params = {"id": Kernel("distance(x,y)**2"), "gamma": gamma}
    kernel_product(params, x, y, b).sum().backward()
    d = x[:, None] - y[None]
    outer = (d[..., :, None] * d[..., None, :] * b[:, :, None]).sum(0)
    expected = outer.reshape(3, 4)
    expected = expected.sum(0) if metric == "(DD,)" else expected
    assert_near(gamma.grad, expected)


@pytest.mark.parametrize("backend", ["auto", "reference"])
def test_factors_that_are_0(backend):
    """Several factors of a pair may be 0: nothing is divided by."""
    data = Data(5)
    factors = 6
    x = [data.normal(9, 1).round() for _ in range(factors)]
    y = [data.normal(7, 1).round() for _ in range(factors)]
    b = data.normal(7, 2)
    name = "*".join(f"(1 + linear(x{k},y{k}))" for k in range(factors))
    params = {"id": Kernel(name), "gamma": (None,) * factors}

    def product(*leaves):
        points = leaves[:factors], leaves[factors:-1]
        return kernel_product(params, *points, leaves[-1], backend=backend)

    def expected(*leaves):
        k = 1
        for each in range(factors):
            k = k * (1 + leaves[each] @ leaves[factors + each].T)
        return k @ leaves[-1]

    leaves = [t.requires_grad_() for t in (*x, *y, b)]
    zeros = sum(((1 + p @ q.T) == 0).sum() for p, q in zip(x, y, strict=True))
    assert zeros > 20
    for each, each_expected in zip(
        derivatives(product, leaves, 2),
        derivatives(expected, leaves, 2),
        strict=True,
    ):
        for part, part_expected in zip(each, each_expected, strict=True):
            assert_near(part, part_expected)


def test_fourth_order():
    data = Data(12)
    slots = [data.gamma("(D,)", 2, 2, 2), None]
    x, y, b = data.normal(2, 2), data.normal(2, 2), data.normal(2, 1)
    tensors = leaves([x], [y], b, slots)
    compare(functions("cauchy(x,y) * linear(x,y)", 1, slots), tensors, order=4)


def test_matrix():
    data = Data(13)
    x, y = (data.normal(3, 2).requires_grad_() for _ in range(2))
    params = {"id": Kernel("matern32(x,y)"), "gamma": 0.5}

    def matrix(x, y):
        return kernel_product(params, x, y, y, backend="matrix")

    def dense(x, y):
        return oracle.kernel_matrix("matern32(x,y)", [x], [y], [0.5])

    compare((matrix, dense), [x, y], order=3)


@pytest.mark.default_only("counts what runs")
def test_gradients_that_nobody_asks_for_are_not_computed(monkeypatch):
    computed = []
    evaluate = map_reduce._evaluate

    def counted(function, *arguments):
        results = evaluate(function, *arguments)
        computed.append([tuple(result.shape) for result in results])
        return results

    monkeypatch.setattr(map_reduce, "_evaluate", counted)
    data = Data(3, torch.float64)
    leaf = data.normal(1100, 3).requires_grad_()
    y, b = (data.normal(1000, n).requires_grad_() for n in (3, 2))
    x = 2 * leaf
    a = kernel_product({"id": Kernel("gaussian(x,y)"), "gamma": 0.5}, x, y, b)
    loss = a.square().sum()
    every = torch.autograd.grad(loss, (x, y, b), retain_graph=True)
    for k, wanted in enumerate((x, y, b)):
        computed.clear()
        (only,) = torch.autograd.grad(loss, wanted, retain_graph=True)
        torch.testing.assert_close(only, every[k], rtol=1e-13, atol=0)
        assert computed == [[tuple(wanted.shape)]]
    computed.clear()
    (of_leaf,) = torch.autograd.grad(loss, leaf, retain_graph=True)
    torch.testing.assert_close(of_leaf, 2 * every[0], rtol=1e-13, atol=0)
    assert computed == [[(1100, 3)]]
    computed.clear()
    loss.backward(inputs=[y], retain_graph=True)
    torch.testing.assert_close(y.grad, every[1], rtol=1e-13, atol=0)
    assert computed == [[(1000, 3)]]
    computed.clear()
    loss.backward()
    assert [len(shapes) for shapes in computed] == [3]
    torch.testing.assert_close(leaf.grad, 2 * every[0], rtol=1e-13, atol=0)
