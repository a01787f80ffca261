# SPDX-License-Identifier: MIT
"""Random kernels, forms and shapes, against dense torch formulas."""
# ruff: noqa: N806 (M, N, D and E are the sizes' own names)

import torch
from hypothesis import given
from hypothesis import strategies as st

import oracle
from fuzzing import fuzz
from gramless.torch import Kernel, kernel_product
from oracle import Data, assert_near, derivatives

PAIRS = ("(x,y)", "(u,v)")
# Atoms that stay away from 0 and from large numbers: one may divide by them.
TAME = ("cauchy", "inverse_multiquadric", "multiquadric")
NUMBERS = ("2", "0.5", "3", "1e-1", ".25", "0", "1")
SHAPES = ("M", "N", "D", "E")


def tame_atoms():
    return st.builds(
        "{}{}".format, st.sampled_from(TAME), st.sampled_from(PAIRS)
    )


def leaf_texts():
    atoms = st.builds(
        "{}{}".format, st.sampled_from(oracle.ATOMS), st.sampled_from(PAIRS)
    )
    powers = st.builds(
        "{}**{}".format,
        tame_atoms(),
        st.sampled_from(("-2", "-1", "0.5", "1.5")),
    )
    return st.one_of(atoms, atoms, atoms, powers, st.sampled_from(NUMBERS))


def larger_texts(texts):
    return st.one_of(
        st.builds("{} + {}".format, texts, texts),
        st.builds("{} - {}".format, texts, texts),
        st.builds("{} - ({})".format, texts, texts),
        st.builds("{} * {}".format, texts, texts),
        st.builds("({}) * ({})".format, texts, texts),
        st.builds("({}) / {}".format, texts, tame_atoms()),
        st.builds("({}) / {}".format, texts, st.sampled_from(("2", "-0.5"))),
        st.builds("-{}".format, texts),
        st.builds("({})**{}".format, texts, st.integers(0, 3)),
    )


def kernel_texts():
    texts = st.recursive(leaf_texts(), larger_texts, max_leaves=6)
    return texts.filter(lambda text: "(x,y)" in text)


def is_bounded(text):
    """Leaves out towers of powers, which no rounding error survives."""
    return text.count("**") <= 3 and len(text) < 400


@st.composite
def cases(draw):
    """Draws the arguments of `check`."""
    name = draw(kernel_texts().filter(is_bounded))
    sizes = {
        "M": draw(st.sampled_from((3, 1, 2, 0, 7))),
        "N": draw(st.sampled_from((3, 1, 2, 0, 7))),
        "D": draw(st.sampled_from((2, 1, 3, 0))),
        "E": draw(st.sampled_from((1, 2, 0))),
    }
    forms = [
        draw(st.sampled_from(oracle.forms_of(atom)))
        for atom in oracle.atoms_of(name)
    ]
    return name, forms, sizes, draw(st.integers(0, 99))


def check(name, forms, sizes, seed, backend):
    """Compares values, and first and second derivatives to everything."""
    M, N, D, E = (sizes[letter] for letter in SHAPES)
    data = Data(seed)
    kernel = Kernel(name)
    pairs = len(oracle.pairs_of(name))
    slots = [data.gamma(form, M, N, D) for form in forms]
    varying = [
        k for k, s in enumerate(slots) if isinstance(s, (tuple, torch.Tensor))
    ]
    tensors = [data.normal(M, D) / 2 for _ in range(pairs)]
    tensors += [data.normal(N, D) / 2 for _ in range(pairs)]
    tensors += [data.normal(N, E)]
    tensors += [oracle.gamma_tensor(slots[k]) for k in varying]
    tensors = [tensor.clone().requires_grad_() for tensor in tensors]

    def split(tensors):
        gammas = list(slots)
        for k, tensor in zip(varying, tensors[2 * pairs + 1 :], strict=True):
            gammas[k] = oracle.with_tensor(slots[k], tensor)
        return tensors[:pairs], tensors[pairs : 2 * pairs], gammas

    def product(*tensors):
        x, y, gammas = split(tensors)
        params = {"id": kernel, "gamma": gammas}
        return kernel_product(params, x, y, tensors[2 * pairs], backend=backend)

    def dense(*tensors):
        x, y, gammas = split(tensors)
        return oracle.kernel_matrix(name, x, y, gammas) @ tensors[2 * pairs]

    assert_near(product(*tensors).detach(), dense(*tensors).detach(), 1e-10)
    actual = derivatives(product, tensors, 2, seed)
    expected = derivatives(dense, tensors, 2, seed)
    for step in range(2):
        for gradient, wanted in zip(actual[step], expected[step], strict=True):
            assert_near(gradient, wanted, 1e-9)


def check_reproducibly(case, backend):
    try:
        check(*case, backend)
    except Exception as error:
        arguments = ", ".join(map(repr, (*case, backend)))
        line = f"from fuzz_test import check; check({arguments})"
        raise AssertionError(f"{error}\nTo reproduce: {line}") from error


@fuzz(100)
@given(cases())
def test_engine(case):
    check_reproducibly(case, "auto")


@fuzz(40)
@given(cases())
def test_dense_backend(case):
    check_reproducibly(case, "pytorch")
