# SPDX-License-Identifier: MIT
"""What is refused, each with its whole message."""

import pytest
import torch

from gramless import _core
from gramless.torch import Kernel, explain, kernel_product

PLAIN = Kernel("gaussian(x,y)")
TWO = Kernel("gaussian(x,y) * linear(u,v)")


def rows(*shape, dtype=torch.float32):
    return torch.ones(*shape, dtype=dtype)


def call(function=kernel_product, **changes):
    """Calls with arguments that are right, but for the changes."""
    given = {
        "id": PLAIN,
        "gamma": 1.0,
        "x": rows(3, 2),
        "y": rows(4, 2),
        "bs": (rows(4, 1),),
        **changes,
    }
    params = {key: given.pop(key) for key in ("id", "gamma")}
    x, y, bs = (given.pop(key) for key in ("x", "y", "bs"))
    return function(params, x, y, *bs, **given)


def fails(kind, message, function=kernel_product, **changes):
    with pytest.raises(Exception) as caught:  # noqa: PT011 (compared whole)
        call(function, **changes)
    assert str(caught.value) == message
    assert type(caught.value) is kind


SHAPES = [
    (
        {"x": rows(1000, 3), "y": rows(2000, 2), "bs": (rows(2000, 1),)},
        "x[0] and y[0] to have the same number of columns, got x[0] (1000, 3) "
        "and y[0] (2000, 2).",
    ),
    (
        {"x": ()},
        "1 tensor in x, one for each pair of variables of the kernel, got 0.",
    ),
    (
        {"x": [rows(3, 2), rows(3, 2)]},
        "1 tensor in x, one for each pair of variables of the kernel, got 2.",
    ),
    (
        {"y": [rows(4, 2), rows(4, 2)]},
        "1 tensor in y, one for each pair of variables of the kernel, got 2.",
    ),
    (
        {"id": TWO, "gamma": (1.0, None)},
        "2 tensors in x, one for each pair of variables of the kernel, got 1.",
    ),
    (
        {"bs": ()},
        "1 tensor (b) behind y in mode 'sum', got 0.",
    ),
    (
        {"bs": (rows(4, 1), rows(4, 1))},
        "1 tensor (b) behind y in mode 'sum', got 2.",
    ),
    (
        {"x": rows(3)},
        "x[0] to have two dimensions, (M, D), got (3,). Write "
        "'x[0].view(-1, 1)' for one column.",
    ),
    (
        {"y": rows(4)},
        "y[0] to have two dimensions, (N, D), got (4,). Write "
        "'y[0].view(-1, 1)' for one column.",
    ),
    (
        {"x": rows(3, 3, 2), "y": rows(2, 4, 2)},
        "x[0] and y[0] to have leading dimensions that broadcast, got x[0] "
        "(3, 3, 2) and y[0] (2, 4, 2).",
    ),
    (
        {"bs": (rows(4),)},
        "b to have two dimensions, (N, E), got (4,). Write 'b.view(-1, 1)' for "
        "one column.",
    ),
    ({"bs": (torch.tensor(1.0),)}, "b to have two dimensions, (N, E), got ()."),
    (
        {"bs": (rows(3, 1),)},
        "y[0] and b to have the same number of rows, got y[0] (4, 2) and b "
        "(3, 1).",
    ),
    (
        {"id": TWO, "gamma": (1.0, None), "x": (rows(3, 2), rows(5, 1))}
        | {"y": (rows(4, 2), rows(4, 1))},
        "x[0] and x[1] to have the same number of rows, got x[0] (3, 2) and "
        "x[1] (5, 1).",
    ),
    (
        {"id": TWO, "gamma": (1.0, None), "x": (rows(3, 2), rows(3, 1))}
        | {"y": (rows(4, 2), rows(6, 1))},
        "y[0] and y[1] to have the same number of rows, got y[0] (4, 2) and "
        "y[1] (6, 1).",
    ),
    (
        {"id": TWO, "gamma": (1.0, None), "x": (rows(3, 2), rows(3, 1))}
        | {"y": (rows(4, 2), rows(4, 3))},
        "x[1] and y[1] to have the same number of columns, got x[1] (3, 1) and "
        "y[1] (4, 3).",
    ),
    (
        {"id": Kernel("2 + 3"), "gamma": (), "x": (), "y": ()},
        "an argument indexed by i, which tells the number of rows M, got a "
        "kernel without pairs of variables in mode 'sum', which has none.",
    ),
]

ORIENTED = {"id": Kernel("gaussian_oriented(x,y)")}
LINEAR = {"id": Kernel("linear(x,y)")}
GAMMAS = [
    (
        {"gamma": ()},
        "1 gamma, one for each parameter of the kernel's atoms (gaussian), "
        "got 0.",
    ),
    (
        {"gamma": (1.0, 1.0)},
        "1 gamma, one for each parameter of the kernel's atoms (gaussian), "
        "got 2.",
    ),
    (
        {"id": Kernel("gaussian(x,y) + linear(x,y)")},
        "2 gammas, one for each parameter of the kernel's atoms (gaussian, "
        "linear), got 1.",
    ),
    (
        {"id": Kernel(" + ".join(["gaussian(x,y)", "linear(x,y)"] * 5))},
        "10 gammas, one for each parameter of the kernel's atoms (gaussian, "
        "linear, gaussian, linear, gaussian, linear, gaussian, linear, ...), "
        "got 1.",
    ),
    (
        {"gamma": None},
        "gamma[0] to be a tensor or a number for 'gaussian', got None.",
    ),
    (
        LINEAR | {"gamma": rows(1)},
        "gamma[0] to be None, because 'linear' takes no parameter, got (1,).",
    ),
    (
        LINEAR | {"gamma": 1.0},
        "gamma[0] to be None, because 'linear' takes no parameter, got ().",
    ),
    (
        {"gamma": rows(3)},
        "gamma[0] to have 1, D = 2 or D*D = 4 columns for 'gaussian', got "
        "(3,).",
    ),
    (
        {"gamma": rows(0)},
        "gamma[0] to have 1, D = 2 or D*D = 4 columns for 'gaussian', got "
        "(0,).",
    ),
    (
        {"gamma": rows(4, 3)},
        "gamma[0] to have 1, D = 2 or D*D = 4 columns for 'gaussian', got "
        "(4, 3).",
    ),
    (
        {"gamma": ("i", rows(3, 3))},
        "gamma[0] to have 1, D = 2 or D*D = 4 columns for 'gaussian', got "
        "(3, 3).",
    ),
    (
        {"gamma": rows(2, 2)},
        "gamma[0] to have N = 4 rows, one for each j, got (2, 2). Flatten a "
        "matrix that is the same for all pairs: 'gamma[0].view(-1)'.",
    ),
    (
        {"gamma": rows(3, 1)},
        "gamma[0] to have N = 4 rows, one for each j, got (3, 1).",
    ),
    (
        {"gamma": ("i", rows(4, 1))},
        "gamma[0] to have M = 3 rows, one for each i, got (4, 1).",
    ),
    (
        {"gamma": rows(4, 2, 2)},
        "gamma[0] to have N = 4 rows, one for each j, got (4, 2, 2). Flatten "
        "a matrix for each problem: 'gamma[0].flatten(-2).unsqueeze(-2)'.",
    ),
    (
        ORIENTED | {"gamma": rows(2)},
        "gamma[0] to have one column for 'gaussian_oriented', got (2,).",
    ),
    (
        {"gamma": ("i", rows(3))},
        '("i", G) in gamma[0] with a 2-d G, got (3,).',
    ),
    (
        {"gamma": ("k", rows(3, 1))},
        'gamma[0] as ("i", G) or ("j", G), got (\'k\', a tensor (3, 1)).',
    ),
]


@pytest.mark.parametrize(("changes", "message"), SHAPES + GAMMAS)
@pytest.mark.parametrize("backend", ["auto", "pytorch", "matrix", "reference"])
def test_shapes(changes, message, backend):
    message = f"kernel_product(): expected {message}"
    fails(ValueError, message, backend=backend, **changes)


@pytest.mark.parametrize(("changes", "message"), SHAPES + GAMMAS)
def test_explain_checks_alike(changes, message):
    message = f"kernel_product(): expected {message}"
    fails(ValueError, message, explain, **changes)


DOUBLE = torch.float64
TYPES = [
    ({"x": [[1.0]]}, "x[0] to be a tensor, got list."),
    ({"y": None}, "y[0] to be a tensor, got None."),
    ({"x": 2.0}, "x[0] to be a tensor, got float."),
    ({"bs": ("b",)}, "b to be a tensor, got str."),
    ({"bs": (rows(4, 1), 3)}, "bs[1] to be a tensor, got int."),
    ({"gamma": "1"}, "gamma[0] to be a tensor or a number, got str."),
    ({"gamma": ("i", [1.0])}, "gamma[0] to be a tensor, got list."),
    ({"id": "gaussian(x,y)"}, "params['id'] to be a Kernel, got str."),
    ({"id": None}, "params['id'] to be a Kernel, got None."),
    ({"mode": 3}, "mode to be a str, got int."),
    ({"backend": b"auto"}, "backend to be a str, got bytes."),
    (
        {"y": rows(4, 2, dtype=DOUBLE)},
        "all tensors to have one dtype, got x[0] float32 and y[0] float64.",
    ),
    (
        {"bs": (rows(4, 1, dtype=DOUBLE),)},
        "all tensors to have one dtype, got x[0] float32 and b float64.",
    ),
    (
        {"gamma": torch.tensor(1.0, dtype=DOUBLE)},
        "all tensors to have one dtype, got x[0] float32 and gamma[0] float64.",
    ),
    (
        {"x": rows(3, 2).to_sparse()},
        "x[0] to be a dense tensor, got sparse_coo.",
    ),
] + [
    (changes, f"{name} with dtype float32 or float64, got {dtype}.")
    for dtype in ("int64", "bool", "uint8", "float16", "bfloat16", "complex64")
    for name, changes in (
        ("x[0]", {"x": rows(3, 2).to(getattr(torch, dtype))}),
        ("b", {"bs": (rows(4, 1).to(getattr(torch, dtype)),)}),
        ("gamma[0]", {"gamma": rows(1).to(getattr(torch, dtype))}),
    )
]


@pytest.mark.parametrize(("changes", "message"), TYPES)
def test_types(changes, message):
    fails(TypeError, f"kernel_product(): expected {message}", **changes)


@pytest.mark.filterwarnings("ignore::UserWarning")  # Of torch itself.
def test_compressed_rows():
    message = "b to be a dense tensor, got sparse_csr."
    b = rows(4, 1).to_sparse_csr()
    fails(TypeError, f"kernel_product(): expected {message}", bs=(b,))


@pytest.mark.filterwarnings("ignore::UserWarning")  # Of torch itself.
def test_quantized():
    x = torch.quantize_per_tensor(rows(3, 2), 1.0, 0, torch.qint8)
    message = "x[0] with dtype float32 or float64, got qint8."
    fails(TypeError, f"kernel_product(): expected {message}", x=x)


@pytest.mark.parametrize("params", [None, [1], "gaussian(x,y)", PLAIN])
def test_params(params):
    got = "None" if params is None else type(params).__name__
    message = f"kernel_product(): expected params to be a dict, got {got}."
    with pytest.raises(TypeError) as caught:
        kernel_product(params, rows(3, 2), rows(4, 2), rows(4, 1))
    assert str(caught.value) == message


@pytest.mark.parametrize("keyword", ["dtype", "cuda_type"])
@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("double", "{} 'float32' or 'float64', got 'double'."),
        ("auto", "{} 'float32' or 'float64', got 'auto'."),
        (3, "{} 'float32' or 'float64', got 3."),
        (torch.int32, "{} 'float32' or 'float64', got torch.int32."),
        ("float64", "tensors of the given {} float64, got float32."),
        (torch.float64, "tensors of the given {} float64, got float32."),
    ],
)
def test_dtype_checks(keyword, value, message):
    message = f"kernel_product(): expected {message.format(keyword)}"
    fails(ValueError, message, **{keyword: value})
    for right in ("float32", torch.float32, None):
        assert call(**{keyword: right}).dtype == torch.float32


@pytest.mark.parametrize(
    ("mode", "advice"),
    [
        ("sums", " Did you mean 'sum'?"),
        ("sinkhorn_costs", " Did you mean 'sinkhorn_cost'?"),
        ("", ""),
        ("maximum", ""),
    ],
)
def test_unknown_modes(mode, advice):
    modes = (
        "'sum', 'lse', 'log_scaled', 'log_scaled_lse', "
        "'log_scaled_barycenter', 'lse_mult_i', 'sinkhorn_cost', "
        "'sinkhorn_primal'"
    )
    message = (
        f"kernel_product(): expected one of the modes {modes}, "
        f"got '{mode}'.{advice}"
    )
    fails(ValueError, message, mode=mode)
    fails(ValueError, message, explain, mode=mode)


@pytest.mark.parametrize(
    ("backend", "advice"),
    [
        ("GPU_3D", ""),
        ("pytorsh", " Did you mean 'pytorch'?"),
        ("ref", " Did you mean 'reference'?"),
        ("torch", ""),
        ("", ""),
        ("Auto", " Did you mean 'auto'?"),
        ("cpu", " Did you mean 'CPU'?"),
    ],
)
def test_unknown_backends(backend, advice):
    message = (
        "kernel_product(): expected one of the backends 'auto', 'reference', "
        "'checked', 'pytorch', 'matrix', 'CPU', 'GPU', "
        f"got '{backend}'.{advice}"
    )
    fails(ValueError, message, backend=backend)


@pytest.mark.parametrize("dimensions", ["", "_1D", "_2D"])
@pytest.mark.parametrize("place", ["", "_host", "_device"])
def test_no_engine_for_cuda(dimensions, place):
    backend = f"GPU{dimensions}{place}"
    driver = _core.doctor([]).to_dict()["driver"]
    if not driver["problem"]:
        pytest.skip("there is a driver")
    reason = f"{driver['problem']} With backend='auto' it runs on the CPU."
    message = f"kernel_product(): backend '{backend}': {reason}"
    fails(RuntimeError, message, backend=backend)
    meta = {"x": rows(3, 2).to("meta"), "y": rows(4, 2).to("meta")}
    meta |= {"bs": (rows(4, 1).to("meta"),)}
    fails(RuntimeError, message, backend=backend, **meta)
