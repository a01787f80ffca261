# SPDX-License-Identifier: MIT
"""Random kernels in all modes: the backends agree, and are right."""

from hypothesis import assume, given
from hypothesis import strategies as st

import mode_oracle
import oracle
from fuzz_test import PAIRS, is_bounded, tame_atoms
from fuzzing import fuzz
from mode_oracle import BACKENDS, MODES, NEED_LOGARITHM
from oracle import Data, assert_near, derivatives

LOWEST = 1e-250


def positive_texts():
    """Returns names of kernels that are positive for positive vectors."""
    atoms = st.builds(
        "{}{}".format, st.sampled_from(oracle.ATOMS), st.sampled_from(PAIRS)
    )
    powers = st.builds(
        "{}**{}".format,
        tame_atoms(),
        st.sampled_from(("-2", "-1", "0.5", "1.5", "6", "-5.5")),
    )
    numbers = st.sampled_from(("2", "0.5", "3", "1e-1", "1"))
    return st.recursive(
        st.one_of(atoms, atoms, powers, numbers),
        lambda texts: st.one_of(
            st.builds("{} + {}".format, texts, texts),
            st.builds("({}) * ({})".format, texts, texts),
            st.builds("({}) / {}".format, texts, tame_atoms()),
            st.builds("({})**{}".format, texts, st.integers(0, 6)),
        ),
        max_leaves=5,
    ).filter(lambda text: "(x,y)" in text and is_bounded(text))


@st.composite
def cases(draw):
    name = draw(positive_texts())
    is_signed = "linear" in name
    modes = [m for m in MODES if not (is_signed and m in NEED_LOGARITHM)]
    shape = (
        draw(st.sampled_from((3, 1, 7))),
        draw(st.sampled_from((4, 1, 9))),
        draw(st.sampled_from((2, 1, 3))),
        draw(st.sampled_from((1, 2))),
    )
    forms = [
        draw(st.sampled_from(oracle.forms_of(atom)))
        for atom in oracle.atoms_of(name)
    ]
    mode = draw(st.sampled_from(modes))
    return (name, forms), mode, shape, draw(st.integers(0, 99))


def check(kernel, mode, shape, seed):
    """Compares values and first derivatives of all backends."""
    case = mode_oracle.random_case(Data(seed), kernel, mode, shape)
    matrix = mode_oracle.matrix(case)
    # The dense formula takes logarithms of k: where it loses them, it is wrong.
    assume((matrix > LOWEST).all() and (matrix < 1 / LOWEST).all())
    tensors = case.leaves()
    for backend in BACKENDS:
        actual, expected = mode_oracle.functions(case, backend)
        wanted = expected(*tensors).detach()
        assume(wanted.isfinite().all())
        assert_near(actual(*tensors).detach(), wanted, 1e-10)
        (gradients,) = derivatives(actual, tensors, 1, seed)
        (right,) = derivatives(expected, tensors, 1, seed)
        for gradient, exact in zip(gradients, right, strict=True):
            assert_near(gradient, exact, 1e-9)


@fuzz(20)
@given(cases())
def test_backends_agree(case):
    check(*case)
