# SPDX-License-Identifier: MIT
"""The cases of the benchmark: kernels, sizes, derivatives and data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

ROW_ARGUMENTS = ("x", "u", "c", "w")
"""The arguments with a row for each i."""

ORIENTED = " * linear(u,v)**2"
"""A factor that kernels of directions end with."""


@dataclass(frozen=True)
class Case:
    """One row of the table.

    With a the product and <c, a> its sum with weights c, order 1 takes the
    gradients of <c, a>, and order 2 those of <w, d<c, a>/dx>, which is what
    fitting forces and penalizing gradients need.
    """

    name: str
    N: int
    M: int = 0  # 0: the same as N.
    problems: int = 1  # Of a batch, which share gamma.
    D: int = 3
    E: int = 1
    dtype: str = "float32"
    kernel: str = "gaussian(x,y)"
    slots: tuple[float | None, ...] = (1.0,)  # Times gamma, for each atom.
    mode: str = "sum"
    has_metrics: bool = False  # A symmetric matrix for each j, not a scalar.
    order: int = 0
    only: tuple[str, ...] = ()  # The gradients to take; (): all of them.
    is_gradient_alone: bool = False  # What comes before is not timed.
    is_quick: bool = False  # Is among the cases of --quick.

    @property
    def rows(self) -> int:
        """How many i there are."""
        return self.M or self.N

    @property
    def pairs(self) -> int:
        return self.problems * self.rows * self.N

    @property
    def parts(self) -> int:
        """How many parts a call can be cut into: its rows, or its problems."""
        return self.problems if self.problems > 1 else self.rows

    @property
    def cut_arguments(self) -> tuple[str, ...]:
        """The arguments that each part has its own of."""
        others = ("y", "v", "b") if self.problems > 1 else ()
        return (*ROW_ARGUMENTS, *others)

    @property
    def is_oriented(self) -> bool:
        """Whether points have directions, u and v."""
        return self.kernel.endswith(ORIENTED)

    @property
    def kind(self) -> str:
        """The atom of points, or where there are several the case's name."""
        atom, *others = self.kernel.removesuffix(ORIENTED).split("(x,y)")
        return self.name if any(others) else atom

    @property
    def names(self) -> tuple[str, ...]:
        """The arguments of the kernel product."""
        directions = ("u", "v") if self.is_oriented else ()
        return ("x", "y", *directions, "b", "gamma")

    @property
    def wrt(self) -> tuple[str, ...]:
        """The arguments that the case wants gradients of."""
        return (self.only or self.names) if self.order else ()

    def block_parts(self, entries: int) -> int:
        """Returns how many parts make a block of at most so many entries.

        A divisor of their number, so that all blocks have one shape.
        """
        of_part = self.pairs // self.parts
        most = max(1, min(self.parts, entries // of_part))
        return next(n for n in range(most, 0, -1) if self.parts % n == 0)


K = 1000
MIXTURE = {"N": 30, "M": K * K}
ALL_CASES = (
    Case("gaussian 1e3", K, is_quick=True),
    Case("gaussian 1e4", 10 * K, is_quick=True),
    Case("gaussian 5e4", 50 * K),
    Case("D=10", 10 * K, D=10, is_quick=True),
    Case("D=100", 10 * K, D=100),
    Case("E=64", 10 * K, E=64),
    Case("laplacian", 10 * K, kernel="laplacian(x,y)"),
    Case("cauchy", 10 * K, kernel="cauchy(x,y)"),
    Case("inverse_multiquadric", 10 * K, kernel="inverse_multiquadric(x,y)"),
    Case(
        "rational_quadratic",
        10 * K,
        kernel="rational_quadratic(x,y)",
        slots=(1, 0.1875),
    ),
    Case(
        "three gaussians",
        10 * K,
        kernel="gaussian(x,y) + gaussian(x,y) + gaussian(x,y)",
        slots=(1, 1 / 4, 1 / 16),
    ),
    Case(
        "gaussian laplacian",
        10 * K,
        kernel="gaussian(x,y) * laplacian(x,y)",
        slots=(1, 1),
    ),
    Case("float64", 10 * K, dtype="float64", is_quick=True),
    Case("float64 backward", 10 * K, dtype="float64", order=1),
    Case("backward", 10 * K, order=1, is_quick=True),
    Case("double backward", 5 * K, order=2),
    Case("lse", 10 * K, mode="lse", is_quick=True),
    Case("lse backward", 10 * K, mode="lse", order=1, only=("x", "y", "b")),
    Case(
        "oriented backward",
        10 * K,
        kernel="gaussian(x,y)" + ORIENTED,
        slots=(1, None),
        order=1,
    ),
    Case("metric per j, D=2", 100, 10 * K, D=2, has_metrics=True),
    Case("metric per j, D=3", 100, 10 * K, has_metrics=True, is_quick=True),
    Case("mixture", **MIXTURE, is_quick=True),
    Case("mixture backward", **MIXTURE, order=1),
    Case("mixture lse", **MIXTURE, mode="lse"),
    Case(
        "mixture fit",
        **MIXTURE,
        mode="lse",
        has_metrics=True,
        order=1,
        only=("y", "b", "gamma"),
    ),
)
CASES = {case.name: case for case in ALL_CASES}


def data(case: Case) -> dict[str, np.ndarray]:
    """Returns the arguments of a case, and the weights c and w.

    Points are centred, for the accuracy of those who expand squares. No sum
    cancels, because b and c are positive and w = x points outwards: so the
    largest number of a result is a scale for its errors.
    """
    random = np.random.default_rng(0)
    N, D, E = case.N, case.D, case.E  # noqa: N806
    leading = (case.problems,) if case.problems > 1 else ()
    rows, columns = (*leading, case.rows), (*leading, N)
    arrays = {
        "x": random.random((*rows, D)) - 0.5,
        "y": random.random((*columns, D)) - 0.5,
        "u": random.standard_normal((*rows, 3)),
        "v": random.standard_normal((*columns, 3)),
        "b": 0.5 + random.random((*columns, E)),
        "c": 0.5 + random.random((*rows, E)),
        "gamma": np.array([24 / D]),
    }
    arrays["w"] = arrays["x"].copy()
    for name in ("u", "v"):
        arrays[name] /= np.linalg.norm(arrays[name], axis=-1, keepdims=True)
    if case.has_metrics:
        root = random.standard_normal((N, D, D))
        metrics = np.eye(D) + root @ root.swapaxes(1, 2) / D
        arrays["gamma"] = 12 / D * metrics.reshape(N, D * D)
    return {
        name: array.astype(case.dtype)
        for name, array in arrays.items()
        if name in (*case.names, "c", "w")
    }


def gammas(case: Case, gamma: object) -> list:
    """Returns the parameter of each atom, as a case makes them of gamma."""
    return [
        gamma if slot == 1 else slot and slot * gamma for slot in case.slots
    ]
