# SPDX-License-Identifier: MIT
"""Checks the program newton with plain sums: the gradient of the energy that
it minimizes is 0 at the place that it finds, and it gets there fast."""

import math
import re
import subprocess
import sys

COUNT, G = 20_000, 25


def make_points():
    """Returns the points and weights of the program."""

    def wave(k):
        return math.sin(k * k) + math.cos(k)

    return [
        ([wave(3.0 * j + d) for d in range(3)], 1.5 + math.sin(j))
        for j in range(COUNT)
    ]


def energy(points, place):
    return math.fsum(
        b * math.sqrt(1 + G * math.dist(place, y) ** 2) for y, b in points
    )


def gradient(points, place):
    def term(y, b, d):
        root = math.sqrt(1 + G * math.dist(place, y) ** 2)
        return b * G * (place[d] - y[d]) / root

    return [
        math.fsum(term(y, b, d) for y, b in points) for d in range(len(place))
    ]


def main(program):
    printed = subprocess.run(
        [program], stdout=subprocess.PIPE, text=True, check=True
    ).stdout
    print(printed)
    points = make_points()
    steps = re.findall(r"energy (\S+), gradient (\S+)", printed)
    energies = [float(value) for value, _ in steps]
    norms = [float(value) for _, value in steps]
    place = [float(t) for t in re.search(r"x = (.*)", printed)[1].split()]
    start = [1.0, 1.0, 1.0]
    assert math.isclose(energies[0], energy(points, start), rel_tol=1e-12)
    assert math.isclose(energies[-1], energy(points, place), rel_tol=1e-12)
    norm = math.hypot(*gradient(points, start))
    assert math.isclose(norms[0], norm, rel_tol=1e-3)  # Printed in 4 digits.
    # Terms of up to 2.5 * sqrt(G), of which each is rounded.
    assert math.hypot(*gradient(points, place)) < 2e-9
    assert sorted(energies, reverse=True) == energies
    # Near the minimum the number of right digits doubles.
    assert norms[-2] < 1e-2 * norms[-3], norms
    assert len(steps) < 12


if __name__ == "__main__":
    main(sys.argv[1])
