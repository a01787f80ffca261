# SPDX-License-Identifier: MIT
"""Random and hostile kernel names: a Kernel, or a ValueError, at once.

What is a name is told by Python's own parser, on random tokens between blanks,
which are tokens of both languages.
"""

import ast
import pickle
import re
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

import oracle
from fuzzing import fuzz
from gramless.torch import Kernel

NUMBERS = ("2", "0.5", ".5", "1e-3", "1E2", "3.0", "0", "1024", "1025")
TOKENS = (
    *oracle.ATOMS,
    *("x", "y", "u", "v", "rbf", "Gaussian", "_", "x1"),
    *NUMBERS,
    *("+", "-", "*", "/", "**", "(", ")", ",", "[", "]", "^", "'", ".", "//"),
)
OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.Div)
LARGEST_EXPONENT = 1024


class NoNameError(Exception):
    """A text is not the name of a kernel."""


def need(condition):
    if not condition:
        raise NoNameError


class Checker:
    """Checks the tree of a text; `visit` returns value, sign and atoms."""

    def __init__(self):
        self.pairs = []

    def visit(self, node):
        """Returns the value where there are no atoms, and whether k >= 0."""
        if isinstance(node, ast.Constant):
            need(type(node.value) in (int, float))
            return float(node.value), True
        if isinstance(node, ast.Call):
            return None, self.visit_atom(node)
        if isinstance(node, ast.UnaryOp):
            value, is_positive = self.visit(node.operand)
            if isinstance(node.op, ast.UAdd):
                return value, is_positive
            need(isinstance(node.op, ast.USub))
            return self.numbers(lambda a: -a, [value], False)
        need(isinstance(node, ast.BinOp))
        if isinstance(node.op, ast.Pow):
            return self.visit_power(node)
        need(isinstance(node.op, OPERATORS))
        parts = [self.visit(part) for part in (node.left, node.right)]
        is_positive = parts[0][1] and parts[1][1]
        is_positive = is_positive and not isinstance(node.op, ast.Sub)
        values = [value for value, _ in parts]
        return self.numbers(COMBINE[type(node.op)], values, is_positive)

    def numbers(self, combine, values, is_positive):
        if None in values:
            return None, is_positive
        value = combine(*values)
        return value, value >= 0

    def visit_atom(self, node):
        need(isinstance(node.func, ast.Name) and node.func.id in oracle.ATOMS)
        need(not node.keywords and len(node.args) == 2)
        need(all(isinstance(argument, ast.Name) for argument in node.args))
        pair = tuple(argument.id for argument in node.args)
        need(pair[0] != pair[1])
        if pair not in self.pairs:
            need(not {*pair} & {name for p in self.pairs for name in p})
            self.pairs.append(pair)
        return node.func.id != "linear"

    def visit_power(self, node):
        value, is_positive = self.visit(node.left)
        exponent = node.right
        sign = 1
        while isinstance(exponent, ast.UnaryOp):
            need(isinstance(exponent.op, (ast.UAdd, ast.USub)))
            sign = -sign if isinstance(exponent.op, ast.USub) else sign
            exponent = exponent.operand
        need(isinstance(exponent, ast.Constant))
        need(type(exponent.value) in (int, float))
        n = sign * exponent.value
        need(abs(n) <= LARGEST_EXPONENT)
        need(is_positive or n == int(n))
        if value is not None:
            value = power(value, n)
        return value, is_positive or n % 2 == 0


def power(value, exponent):
    """Returns a power as IEEE 754 has it, without Python's exceptions."""
    try:
        return value**exponent
    except ZeroDivisionError:
        return float("inf")
    except OverflowError:
        is_odd = exponent % 2 == 1
        return -float("inf") if value < 0 and is_odd else float("inf")


def divide(a, b):
    if b != 0:
        return a / b
    return float("nan") if a == 0 or a != a else a * float("inf")


COMBINE = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: divide,
}


def is_name(text):
    """Returns whether Python's parser makes a kernel's name of a text."""
    # Python takes more: calls of anything, a last comma, exponents in brackets.
    if re.search(r"\) *\(|, *\)|\*\*[ +-]*\(", text):
        return False
    try:
        Checker().visit(ast.parse(text.strip(), mode="eval").body)
    except (NoNameError, SyntaxError):
        return False
    return True


def check(text):
    """Asserts that a text is a Kernel, or a ValueError; returns which."""
    kernel = error = None
    try:
        kernel = Kernel(text)
    except ValueError as raised:
        error = raised
    if error is not None:
        assert type(error) is ValueError
        assert str(error).startswith("Kernel(): expected ")
        return False
    assert kernel.name == text
    assert eval(repr(kernel)) == kernel
    assert pickle.loads(pickle.dumps(kernel)) == kernel
    assert hash(Kernel(f" ({text}) ")) == hash(kernel)
    return True


def token_texts():
    names = st.sampled_from([f"{atom} ( x , y )" for atom in oracle.ATOMS])
    others = st.sampled_from([f"{atom} ( u , v )" for atom in oracle.ATOMS])
    tokens = st.sampled_from(TOKENS) | names | others
    return st.lists(tokens, max_size=14).map(" ".join)


def right_texts():
    """Returns texts that are mostly right, with a token replaced or lost."""
    leaves = st.sampled_from(NUMBERS[:6]) | st.builds(
        "{} ( {} )".format,
        st.sampled_from(oracle.ATOMS),
        st.sampled_from(("x , y", "u , v", "x , y", "y , x")),
    )
    texts = st.recursive(
        leaves,
        lambda part: st.one_of(
            st.builds("{} {} {}".format, part, st.sampled_from("+-*/"), part),
            st.builds("( {} )".format, part),
            st.builds("{} {}".format, st.sampled_from("+-"), part),
            st.builds("( {} ) ** {}".format, part, st.sampled_from(NUMBERS)),
            st.builds("{} ** - {}".format, part, st.sampled_from(NUMBERS)),
        ),
        max_leaves=6,
    )

    def replaced(text, place, token):
        tokens = text.split(" ")
        tokens[place % len(tokens)] = token
        return " ".join(tokens)

    wrong = st.builds(
        replaced, texts, st.integers(0, 99), st.sampled_from((*TOKENS, ""))
    )
    return texts | wrong


@fuzz(300)
@given(token_texts() | right_texts())
def test_tokens(text):
    assert check(text) == is_name(text)


@fuzz(200)
@given(st.text() | st.text("gausin(x,y)*+-/.0123 e", max_size=60))
def test_characters(text):
    check(text)


class Pickled:
    """Something that is a Kernel of a name when it is read."""

    def __init__(self, name):
        self.name = name

    def __reduce__(self):
        return Kernel, (self.name,)


MANY = 100_000
ATOM = "cauchy(x,y)"
HOSTILE = {
    "spaces": " " * 10 * MANY,
    "letters": "a" * 10 * MANY,
    "no_ascii": "\U0001d54f" * 10 * MANY,
    "digits": "9" * 10 * MANY,
    "digits_within_the_limit": "9" * 19_999,
    "small_number": "." + "0" * 19_000 + "1e99999999999999999999",
    "brackets": "(" * MANY,
    "closed_brackets": "(" * MANY + ATOM + ")" * MANY,
    "brackets_within_the_limit": "(" * 9_990 + "1" + ")" * 9_990,
    "calls": "cauchy(" * MANY,
    "calls_within_the_limit": "cauchy(" * 2_800,
    "elements": "cauchy[" * 2_800,
    "signs": "-" * MANY + ATOM,
    "signs_within_the_limit": "-" * 19_000 + ATOM,
    "signs_of_exponents": ATOM + "**" + "-" * 19_000,
    "exponent": ATOM + "**1000000",
    "float_exponent": ATOM + "**1e300",
    "infinite_exponent": ATOM + "**1e999",
    "powers": ATOM + "**2" * 6_000,
    "terms": "+".join([ATOM] * MANY),
    "terms_within_the_limit": "+".join(["1"] * 9_999),
    "factors": "*".join(["x"] * 9_999),
    "arguments": "cauchy(" + "x," * 9_000 + "y)",
    "commas": "cauchy(" + "," * 19_000,
    "pairs": "+".join(f"cauchy(x{k},y{k})" for k in range(MANY)),
    "zeros": "\0" * 19_000,
}


def assert_refused_soon(function):
    start = time.perf_counter()
    with pytest.raises(ValueError, match=r"^Kernel\(\): expected "):
        function()
    assert time.perf_counter() - start < 1


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_names(case):
    name = HOSTILE[case]
    assert_refused_soon(lambda: Kernel(name))
    read = pickle.dumps(Pickled(name))
    assert_refused_soon(lambda: pickle.loads(read))


def test_no_name_needs_a_deep_stack():
    """All names pass on a stack of 1 MiB, an eighth of what Linux gives."""
    right = ["+".join(["1"] * 1000), "(" * 98 + ATOM + ")" * 98]
    right += ["-" * 98 + ATOM, "*".join([ATOM] * 333)]
    results = []

    def run():
        results.extend(check(name) for name in (*HOSTILE.values(), *right))

    before = threading.stack_size(1 << 20)
    try:
        thread = threading.Thread(target=run)
        thread.start()
        thread.join()
    finally:
        threading.stack_size(before)
    assert results == [False] * len(HOSTILE) + [True] * len(right)
