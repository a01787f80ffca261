# SPDX-License-Identifier: MIT
"""Random kernels at special points, in all modes, with derivatives.

Points are few small numbers, so that they meet, are orthogonal or are 0;
logits are masks, infinite or the ends of the range. The expected numbers come
from torch's autograd of the literal formula in float64 and, where exponents
are large, from mpmath.
"""
# ruff: noqa: N806 (M, N, D and E are the sizes' own names)

import math
from dataclasses import replace

import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.errors import UnsatisfiedAssumption

import exact_oracle
import mode_oracle
import oracle
from fuzz_test import PAIRS, is_bounded, tame_atoms
from fuzzing import fuzz
from mode_oracle import (
    ARGUMENTS,
    BACKENDS,
    BY_I,
    COLUMN_POTENTIALS,
    LOGARITHMS,
    MODES,
    NEED_LOGARITHM,
    ROW_POTENTIALS,
    Case,
)
from oracle import Data, assert_near, derivatives

# They have derivatives of all orders where points meet.
SMOOTH = (
    *("gaussian", "cauchy", "inverse_multiquadric", "multiquadric"),
    *("linear", "binet", "gaussian_oriented", "gaussian_unoriented"),
)
CAN_VANISH = ("linear", "binet", "distance")
COORDINATES = (0.0, 1.0, 0.0, -1.0, 0.5, 2.0, -0.0)
WEIGHTS = (0.0, 1.0, -1.0, 0.5, -2.0)
MASKS = (-1e30, -1e38, "lowest", -math.inf)
GAMMAS = (1.0, 0.5, 0.25, 0.0)
ROWS = (3, 2, 1, 15, 17, 0)
COLUMNS = (2, 1, 3, 16, 17, 65, 300)
# The condition under which float64 holds the literal formula: each k is 0 or
# within these, and the results are finite.
LOWEST = 1e-200
LARGEST = 1e4
LARGEST_EXPONENT = 700.0  # Of an exponential in float64.
MOST_CANCELLED = math.log(1e3)
TOLERANCES = {torch.float64: 1e-9, torch.float32: 2e-3}


def names(atoms, operators):
    """Returns the names of kernels of some atoms."""
    leaves = st.one_of(
        st.builds(
            "{}{}".format, st.sampled_from(atoms), st.sampled_from(PAIRS)
        ),
        st.builds(
            "{}{}**{}".format,
            st.sampled_from(("linear", "distance", "gaussian", "cauchy")),
            st.sampled_from(PAIRS),
            st.sampled_from((2, 3, 1)),
        ).filter(lambda text: text.startswith(atoms)),
        st.builds(
            "{}{}*{}{}{}".format,
            st.sampled_from(atoms),
            st.sampled_from(PAIRS),
            st.sampled_from([a for a in CAN_VANISH if a in atoms]),
            st.sampled_from(PAIRS),
            st.sampled_from(("", "", "**2", "**3")),
        ),
        st.sampled_from(("2", "0.5", "1", "0", "3")),
    )
    larger = {
        "+": lambda t: st.builds("{} + {}".format, t, t),
        "-": lambda t: st.builds("{} - ({})".format, t, t),
        "*": lambda t: st.builds("({}) * ({})".format, t, t),
        "/": lambda t: st.builds("({}) / {}".format, t, tame_atoms()),
        "**": lambda t: st.builds("({})**{}".format, t, st.integers(0, 3)),
        "**-1": lambda t: st.builds("(1 + ({})**2)**-1".format, t),
    }
    texts = st.recursive(
        leaves,
        lambda t: st.one_of(*(larger[each](t) for each in operators)),
        max_leaves=5,
    )
    return texts.filter(lambda text: "(x,y)" in text and is_bounded(text))


ANY = names(oracle.ATOMS, ("+", "+", "-", "*", "*", "/", "**", "**-1"))
POSITIVE = names(
    tuple(a for a in oracle.ATOMS if a != "linear"), ("+", "*", "/", "**")
)


def matrices(draw, values, rows, columns):
    """Draws a matrix of some values."""
    flat = draw(
        st.lists(
            st.sampled_from(values),
            min_size=min(rows * columns, 24),
            max_size=min(rows * columns, 24),
        )
    )
    # Wide or long ones repeat what was drawn, with another period.
    flat = [flat[k % len(flat)] for k in range(rows * columns)]
    return torch.tensor(flat, dtype=torch.float64).reshape(rows, columns)


def gammas_of(atom):
    """Returns numbers for an atom: where all q are 0, as with gamma = 0, the
    second derivative to gamma of a Matern kernel is infinite."""
    return GAMMAS[:3] if atom.startswith("matern") else GAMMAS


@st.composite
def cases(draw, is_large=False):
    """Draws (name, mode, sizes, seed of values, masks)."""
    mode = draw(st.sampled_from(MODES))
    name = draw(POSITIVE if mode in NEED_LOGARITHM else ANY)
    if is_large:
        M, N = draw(st.sampled_from(ROWS)), draw(st.sampled_from(ROWS))
        widths = [draw(st.sampled_from(COLUMNS)) for _ in PAIRS]
    else:
        M, N = (draw(st.sampled_from(ROWS[:3])) for _ in "MN")
        widths = [draw(st.sampled_from(COLUMNS[:2])) for _ in PAIRS]
    pairs = oracle.pairs_of(name)
    x, y = [], []
    for _, width in zip(pairs, widths, strict=False):
        x.append(matrices(draw, COORDINATES, M, width))
        y.append(matrices(draw, COORDINATES, N, width))
    gamma = [
        None
        if atom in oracle.ATOMS_OF_S
        else torch.tensor([draw(st.sampled_from(gammas_of(atom)))]).double()
        for atom in oracle.atoms_of(name)
    ]
    E = 1 if mode == "lse_mult_i" else draw(st.sampled_from((1, 2)))
    bs = []
    for letter in ARGUMENTS[mode]:
        rows = M if letter in BY_I else N
        values = (0.0, 1.0, 2.0) if letter == "H" else WEIGHTS
        bs.append(matrices(draw, values, rows, E if letter in "bC" else 1))
    masks = draw(
        st.lists(
            st.tuples(st.integers(0, 99), st.sampled_from(MASKS)), max_size=2
        )
    )
    return Case(name, mode, x, y, gamma, bs), masks


def masked(case, masks, dtype):
    """Returns the case with masks in its logits: b, or the potentials."""
    letters = ROW_POTENTIALS + COLUMN_POTENTIALS
    letters += "b" if case.mode in LOGARITHMS else ""
    targets = [t for key, t in case.given.items() if key in letters]
    case = case.to(dtype)
    targets = [t for key, t in case.given.items() if key in letters]
    targets = [t for t in targets if t.numel()]
    for position, value in masks if targets else ():
        target = targets[position % len(targets)]
        value = torch.finfo(dtype).min if value == "lowest" else value
        target.view(-1)[position % target.numel()] = value
    return case


def reproducer(case, masks, backend, dtype, order):
    parts = [case.name, case.mode]
    parts += [[t.tolist() for t in group] for group in (case.x, case.y)]
    parts.append([None if g is None else g.tolist() for g in case.gamma])
    parts.append([b.tolist() for b in case.bs])
    rest = ", ".join(map(repr, (parts, masks, backend, str(dtype)[6:], order)))
    return f"from fuzz_points_test import again; again({rest})"


def again(parts, masks, backend, dtype, order):
    """Runs a case that failed."""
    name, mode, x, y, gamma, bs = parts
    as_tensor = exact_oracle.table
    x, y, bs = ([as_tensor(*rows) for rows in group] for group in (x, y, bs))
    gamma = [None if g is None else torch.tensor(g).double() for g in gamma]
    case = Case(name, mode, x, y, gamma, bs)
    check(case, masks, backend, getattr(torch, dtype), order)


def check(case, masks, backend, dtype, order):
    """Compares values and derivatives, where float64 holds the formula."""
    case = masked(case, masks, dtype)
    exact = case.to(torch.float64)
    size = mode_oracle.matrix(exact).abs()
    assume(((size == 0) | ((size > LOWEST) & (size < 1 / LOWEST))).all())
    if (size == 0).any():
        # k log k has no second derivative there, and k**H log k no third one.
        most = {"sinkhorn_cost": 1, "lse_mult_i": 2}
        order = min(order, most.get(case.mode, order))
    if dtype == torch.float32:  # What float32 holds, and does not cancel.
        assume(((size == 0) | ((size > 1e-8) & (size < 1e8))).all())
        assume("-" not in case.name.replace("**-", ""))
    expected = _dense_results(exact, dtype, 0)
    value = expected[0][0]
    assume(value.isfinite().all() or case.mode in LOGARITHMS)
    assume(not value.isnan().any() and (value < math.inf).all())
    # A mask for all of a row takes the digits of its kernel: the weights sum
    # to 1, but no more is known of them.
    assume((value.isinf() | (value.abs() < LARGEST)).all())
    if case.mode in LOGARITHMS:
        assume(not _cancels(exact, value, dtype))
    given = case.leaves()
    actual = mode_oracle.product(case.with_tensors(given), backend)
    result = actual.detach().double()
    assert torch.equal(result == -math.inf, value == -math.inf)
    assert torch.equal(result.isfinite(), value.isfinite())
    expected = _dense_results(exact, dtype, order)
    assume(all(g.isfinite().all() for step in expected[1:] for g in step))
    results = _results(actual, given, order)
    for step, right in enumerate(expected):
        place = (exact, dtype, order, step)
        check_near(results[step], right, TOLERANCES[dtype], place)


def check_near(gradients, right, tolerance, place):
    """Compares numbers of one order of derivatives."""
    sizes = [1.0] * len(right)
    for k, (gradient, exact) in enumerate(zip(gradients, right, strict=True)):
        try:
            assert_near(gradient.double(), exact, tolerance)
        except AssertionError:
            sizes = sizes if max(sizes) > 1 else absolute_sizes(*place)
            assert_near(gradient.double(), exact, tolerance, sizes[k])


def _results(result, tensors, order):
    """Returns what is finite of a result, and its derivatives."""
    finite = torch.where(result.isfinite(), result, 0.0)
    return [
        [finite.detach()],
        *derivatives(lambda *_: finite, tensors, order),
    ]


def _dense_results(case, dtype, order):
    tensors = case.leaves()
    result = mode_oracle.dense(case.with_tensors(tensors), dtype)
    steps = _results(result, tensors, order)
    return steps if order else [[result.detach()]]


def absolute_sizes(case, dtype, order, step):
    """Returns the sizes of the terms whose sums are what is compared.

    Sums in a name can cancel, and those over the columns.
    """
    letters = ARGUMENTS[case.mode]
    bs = [
        b.abs() if letter in "bC" and case.mode not in LOGARITHMS else b
        for letter, b in zip(letters, case.bs, strict=True)
    ]
    sizes = [1.0] * len(case.tensors)
    for name in oracle.names_of_all_signs(case.name):
        for signals in (case.bs, bs):
            other = replace(case, name=name, bs=signals)
            results = _dense_results(other, dtype, order)[step]
            for k, result in enumerate(results):
                kept = result[result.isfinite()].abs()
                sizes[k] = max([sizes[k], *kept.flatten().tolist()])
    return sizes


def _cancels(case, value, dtype):
    """Whether terms cancel to much less than they are, or to 0: of the
    logarithm, and of the sign, nothing is known then."""
    matrices = [
        mode_oracle.matrix(replace(case, name=name)).abs()
        for name in oracle.names_of_all_signs(case.name)
    ]
    size = torch.stack(matrices).amax(0)
    absolute = mode_oracle.dense(case, dtype, size)
    return (absolute - value > MOST_CANCELLED).any()


def check_reproducibly(*given):
    try:
        check(*given)
    except UnsatisfiedAssumption:
        raise
    except Exception as error:
        line = reproducer(*given)
        raise AssertionError(f"{error}\nTo reproduce: {line}") from error


@fuzz(60)
@given(cases(), st.sampled_from(tuple(TOLERANCES)))
def test_second_order_without_code(case, dtype):
    for backend in BACKENDS[1:]:
        check_reproducibly(*case, backend, dtype, 2)


@fuzz(12)
@given(cases())
def test_third_order_without_code(case):
    for backend in BACKENDS[1:]:
        check_reproducibly(*case, backend, torch.float64, 3)


@fuzz(12)
@given(cases(), st.sampled_from(tuple(TOLERANCES)))
def test_generated_code(case, dtype):
    check_reproducibly(*case, "auto", dtype, 2)


@fuzz(10)
@given(cases(is_large=True), st.sampled_from(BACKENDS))
def test_sizes(case, backend):
    check_reproducibly(*case, backend, torch.float64, 1)


@st.composite
def far_cases(draw):
    """Draws smooth kernels of points that are far apart, and a direction."""
    mode = draw(st.sampled_from(("lse", "log_scaled_lse")))
    name = draw(names(SMOOTH, ("+", "*", "/", "**")))
    far = (0.0, 1.0, 30.0, -40.0, 0.5)
    x, y = [], []
    for _ in oracle.pairs_of(name):
        x.append(matrices(draw, (0.0, 1.0, 0.5), 2, 1))
        y.append(matrices(draw, far, 3, 1))
    gamma = [
        None if atom in oracle.ATOMS_OF_S else torch.ones(1).double()
        for atom in oracle.atoms_of(name)
    ]
    bs = [
        matrices(draw, (0.0, 1.0, -900.0), 2 if letter in BY_I else 3, 1)
        for letter in ARGUMENTS[mode]
    ]
    return Case(name, mode, x, y, gamma, bs), draw(st.integers(0, 99))


def check_far(case, seed, backends):
    """Compares derivatives along one tensor at a time with mpmath's."""
    data = Data(seed)
    tensors = case.leaves()
    comparisons = []
    # Differences at distances far below exp(-2000): a high power of a zero
    # may be multiplied by exp(2000).
    with exact_oracle.mp.workdps(1000):
        c = exact_oracle.exact_logarithms(case)
        assume((c.isinf() | (c.abs() < 1400)).all())
        excess = _excess_of_zeros(case)
        rows = exact_oracle.exact_values(case)
        assume(all(v > -math.inf and v == v for row in rows for v in row))
        weights = data.normal(len(rows), len(rows[0]))
        for position in range(2 * len(case.x)):
            directions = [torch.zeros_like(t) for t in case.tensors]
            directions[position] = data.normal(*case.tensors[position].shape)
            expected = exact_oracle.exact_line_derivatives(
                case, directions, weights, 2
            )
            # One that no format holds makes others NaN: autograd has them all.
            assume(all(abs(value) < 1e30 for value in expected))
            comparisons.append((directions, expected))
    for backend in backends:
        function = mode_oracle.functions(case, backend)[0]
        for directions, expected in comparisons:
            actual = mode_oracle.line_derivatives(
                function, tensors, directions, weights, 2
            )
            size = 1.0
            for value, wanted in zip(actual, expected, strict=True):
                size = max(size, abs(wanted))
                error = abs(value - wanted)
                # Autograd has to multiply by the exponential of that.
                is_lost = backend == "pytorch" and excess > LARGEST_EXPONENT
                if is_lost and not math.isfinite(value):
                    continue
                assert error <= 1e-8 * size, (backend, actual, expected)


def _excess_of_zeros(case):
    """Returns how far above its row's sum an exponent lies, at most, where
    atoms that are 0 are not counted."""
    logits = exact_oracle.exact_logarithms(case, at_zero=1)
    logits = (logits + mode_oracle.potentials(case))[:, :, None]
    logits = logits + case.given["b"]
    value = exact_oracle.exact_result(case)
    return (logits - value[:, None, :]).max().item()


@fuzz(8)
@given(far_cases())
def test_far_points(case):
    try:
        check_far(*case, BACKENDS[1:])
    except AssertionError as error:
        parts = [case[0].name, case[0].mode]
        parts += [[t.tolist() for t in g] for g in (case[0].x, case[0].y)]
        parts += [[b.tolist() for b in case[0].bs], case[1]]
        line = f"from fuzz_points_test import far_again; far_again(*{parts})"
        raise AssertionError(f"{error}\nTo reproduce: {line}") from error


def far_again(name, mode, x, y, bs, seed):
    """Runs a case of far points that failed."""
    x, y, bs = (
        [exact_oracle.table(*rows) for rows in group] for group in (x, y, bs)
    )
    one = torch.ones(1).double()
    atoms = oracle.atoms_of(name)
    gamma = [None if a in oracle.ATOMS_OF_S else one for a in atoms]
    check_far(Case(name, mode, x, y, gamma, bs), seed, BACKENDS[1:])
