# SPDX-License-Identifier: MIT
"""A promise, with a change of the code that breaks it and a test."""

from typing import NamedTuple


class Mutant(NamedTuple):
    """A change that the test, and so somebody's work, depends on.

    `old` stands once in the file. The test is a filter of the C++ program, or
    a node of pytest.
    """

    promise: str
    file: str
    old: str
    new: str
    test: str

    @property
    def target(self) -> str:
        return "_core" if ".py" in self.test else "gramless_tests"
