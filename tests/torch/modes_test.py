# SPDX-License-Identifier: MIT
"""The modes: values, spellings, matrices and errors, on moderate data."""

import pytest
import torch

import mode_oracle
from gramless.torch import Kernel, explain, kernel_product
from mode_oracle import (
    ARGUMENTS,
    BACKENDS,
    BY_I,
    DELTA,
    FLOATS,
    KERNELS,
    MODES,
    NEED_LOGARITHM,
    OLDER_NAMES,
    PAIRLESS,
    SIGNED,
    product,
    random_case,
    random_shape,
)
from oracle import Data, assert_near

ENGINES = ("auto", "reference")
KERNELS_IN_MODES = [
    (kernel, mode)
    for kernel in KERNELS + SIGNED
    for mode in MODES
    if kernel in KERNELS or mode not in NEED_LOGARITHM
]
PAIRLESS_IN_MODES = [
    (kernel, mode)
    for kernel in PAIRLESS
    for mode in MODES
    if {*BY_I} & {*ARGUMENTS[mode]}
]


def check_values(case, backends, seed):
    """Compares float32 to float64, within the bound on its errors."""
    case = case.to(torch.float32)
    exact = case.to(torch.float64)
    expected = mode_oracle.dense(exact)
    c = mode_oracle.matrix(exact).log()
    bound = mode_oracle.error_bound(exact, c, DELTA[torch.float32])
    for backend in backends:
        a = product(case, backend)
        assert (a.dtype, a.shape) == (torch.float32, expected.shape)
        error = (a.double() - expected).abs()
        assert (error <= bound).all(), f"seed {seed}: {backend}"


@pytest.mark.parametrize(("kernel", "mode"), KERNELS_IN_MODES)
def test_values(kernel, mode):
    seed = KERNELS_IN_MODES.index((kernel, mode))
    case = random_case(Data(seed), kernel, mode, random_shape(seed))
    place = (KERNELS + SIGNED).index(kernel) + MODES.index(mode)
    check_values(case, BACKENDS if place % 2 else BACKENDS[1:], seed)


@pytest.mark.parametrize(("kernel", "mode"), PAIRLESS_IN_MODES)
def test_values_without_variables(kernel, mode):
    case = random_case(Data(1), kernel, mode, (9, 67, 0, 3))
    check_values(case, ENGINES, 1)
    for backend in ENGINES:
        assert_near(product(case, backend), mode_oracle.dense(case))


@pytest.mark.parametrize("mode", MODES)
def test_threads_and_places_change_no_bit(mode):
    dtype = FLOATS[MODES.index(mode) // 2 % 2]
    case = random_case(Data(2), KERNELS[4], mode, (70, 130, 2, 3)).to(dtype)
    a = product(case)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        assert torch.equal(product(case), a)
    finally:
        torch.set_num_threads(before)
    tail = case.with_tensors(
        [t[3:] if t.shape[:1] == (70,) else t for t in case.tensors]
    )
    assert torch.equal(product(tail), a[3:])


@pytest.mark.parametrize("backend", [*BACKENDS, "matrix"])
@pytest.mark.parametrize(("mode", "older"), OLDER_NAMES.items())
def test_older_names(mode, older, backend):
    case = random_case(Data(3), KERNELS[0], mode, (9, 13, 2, 3))
    params = {"id": Kernel(case.name), "gamma": case.gamma}
    results = [
        kernel_product(
            params, case.x, case.y, *case.bs, mode=name, backend=backend
        )
        for name in (mode, older)
    ]
    assert torch.equal(*results)


def test_mode_and_backend_in_params():
    case = random_case(Data(4), KERNELS[0], "lse", (9, 13, 2, 3))
    plain = {"id": Kernel(case.name), "gamma": case.gamma, "nits": 3}
    given = (case.x, case.y, *case.bs)
    value = mode_oracle.dense(case)
    matrix = mode_oracle.matrix(case)
    params = plain | {"mode": "lse", "backend": "matrix"}
    assert_near(kernel_product(params, *given), matrix.log())
    assert_near(kernel_product(params, *given, mode="sum"), matrix)
    assert_near(kernel_product(params, *given, backend="auto"), value)
    both = {"mode": "log", "backend": "reference"}
    wrong = plain | {"mode": "sinkhorn_cost", "backend": "matrix"}
    assert_near(kernel_product(wrong, *given, **both), value)
    assert_near(kernel_product(plain | {"mode": "lse"}, *given), value)
    signal = case.bs[0]
    assert_near(kernel_product(plain, *given), matrix @ signal)
    none = {"mode": None, "backend": None}
    assert_near(kernel_product(plain | none, *given, **none), matrix @ signal)
    assert_near(kernel_product(plain | {"mode": "lse"}, *given, **none), value)


@pytest.mark.parametrize(("kernel", "mode"), KERNELS_IN_MODES[::3])
def test_matrix(kernel, mode):
    """The kernel, or the whole logit without b."""
    case = random_case(Data(5), kernel, mode, (9, 13, 2, 3))
    expected = mode_oracle.matrix(case)
    if mode != "sum":
        expected = expected.log() + mode_oracle.potentials(case)
    if mode == "lse_mult_i":
        expected = case.given["H"] * expected
    assert_near(product(case, "matrix"), expected)


def test_matrix_of_a_negative_kernel():
    case = random_case(Data(6), SIGNED[0], "lse", (9, 13, 1, 3))
    case.x[0][::2] *= -1
    expected = mode_oracle.matrix(case).log()
    actual = product(case, "matrix")
    assert torch.equal(actual.isnan(), expected.isnan())
    assert actual.isnan().any(1).tolist() == [True, False] * 4 + [True]
    assert_near(actual[1::2], expected[1::2])


SHAPES = {"b": (4, 2), "A": (3, 1), "B": (4, 1), "C": (3, 2), "H": (3, 1)}
SHAPES |= {"S": (3, 1), "T": (4, 1), "U": (3, 1), "V": (4, 1)}
COUNTS = {
    "sum": "1 tensor (b)",
    "lse": "1 tensor (b)",
    "log_scaled": "3 tensors (b, A, B)",
    "log_scaled_lse": "3 tensors (b, A, B)",
    "log_scaled_barycenter": "4 tensors (b, A, B, C)",
    "lse_mult_i": "2 tensors (b, H)",
    "sinkhorn_cost": "2 tensors (S, T)",
    "sinkhorn_primal": "4 tensors (S, T, U, V)",
}


def fails(mode, message, kind=ValueError, name="gaussian(x,y)", **changes):
    """Calls with arguments that are right, but for the changes."""
    has_pair = "x" in name
    bs = {letter: torch.ones(*SHAPES[letter]) for letter in ARGUMENTS[mode]}
    if mode == "lse_mult_i":
        bs["b"] = torch.ones(4, 1)
    bs = changes.pop("bs", [*(bs | changes).values()])
    kernel = Kernel(name)
    gamma = [None if "linear" in name else 1.0] * name.count("(x,y)")
    x, y = torch.ones(3, 2), torch.ones(4, 2)
    given = ((x, y) if has_pair else ((), ())) + (*bs,)
    calls = [(explain, {})]
    calls += [(kernel_product, {"backend": b}) for b in (*BACKENDS, "matrix")]
    for function, backend in calls:
        with pytest.raises(Exception) as caught:  # noqa: PT011 (compared whole)
            function(
                {"id": kernel, "gamma": gamma}, *given, mode=mode, **backend
            )
        assert str(caught.value) == f"kernel_product(): expected {message}"
        assert type(caught.value) is kind


@pytest.mark.parametrize("mode", MODES)
def test_wrong_counts(mode):
    right = len(ARGUMENTS[mode])
    for count in {0, 1, 2, 3, 4, 5} - {right}:
        message = f"{COUNTS[mode]} behind y in mode '{mode}', got {count}."
        fails(mode, message, bs=[torch.ones(4, 1)] * count)


@pytest.mark.parametrize(
    ("mode", "letter"),
    [(mode, letter) for mode in MODES for letter in ARGUMENTS[mode]],
)
def test_wrong_shapes(mode, letter):
    is_i = letter in BY_I
    rows, columns = SHAPES[letter]
    has_signal = letter in "bC" and mode != "lse_mult_i"
    form = f"({'M' if is_i else 'N'}, {'E' if has_signal else 1})"
    like = "x[0]" if is_i else "y[0]"
    fails(
        mode,
        f"{letter} to have two dimensions, {form}, got ({rows},). Write "
        f"'{letter}.view(-1, 1)' for one column.",
        **{letter: torch.ones(rows)},
    )
    fails(
        mode,
        f"{like} and {letter} to have the same number of rows, got {like} "
        f"({rows}, 2) and {letter} ({rows + 1}, {columns}).",
        **{letter: torch.ones(rows + 1, columns)},
    )
    if not has_signal:
        for wrong in (0, 2):
            fails(
                mode,
                f"{letter} to have one column, {form}, in mode '{mode}', got "
                f"({rows}, {wrong}).",
                **{letter: torch.ones(rows, wrong)},
            )
    fails(
        mode,
        f"all tensors to have one dtype, got x[0] float32 and {letter} "
        "float64.",
        TypeError,
        **{letter: torch.ones(rows, columns, dtype=torch.float64)},
    )


def test_columns_of_a_barycenter():
    message = (
        "b and C to have the same number of columns, got b (4, 2) and C (3, 1)."
    )
    fails("log_scaled_barycenter", message, C=torch.ones(3, 1))


@pytest.mark.parametrize("mode", NEED_LOGARITHM)
@pytest.mark.parametrize(
    "name",
    [
        "linear(x,y)",
        "linear(x,y)**3",
        "-gaussian(x,y)",
        "1 - gaussian(x,y)",
        "-2 * gaussian(x,y)",
        "2 * linear(x,y)**2 + linear(x,y)**1",
        "-0.5",
    ],
)
def test_kernels_that_may_be_negative(name, mode):
    message = (
        "a kernel that is known not to be negative in mode "
        f"'{mode}', which uses its logarithm, got one that may be negative."
    )
    fails(mode, message, name=name)


@pytest.mark.parametrize("mode", ["sum", "lse"])
def test_modes_without_rows(mode):
    message = (
        "an argument indexed by i, which tells the number of rows M, got a "
        f"kernel without pairs of variables in mode '{mode}', which has none."
    )
    fails(mode, message, name="2 + 3")


def test_rows_without_variables():
    mode = "log_scaled_barycenter"
    rows = "to have the same number of rows, got"
    message = f"A and C {rows} A (3, 1) and C (5, 2)."
    fails(mode, message, name="2", C=torch.ones(5, 2))
    message = f"b and B {rows} b (4, 2) and B (5, 1)."
    fails(mode, message, name="2", B=torch.ones(5, 1))
