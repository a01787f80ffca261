# SPDX-License-Identifier: MIT
"""Checks the program density with a file of 10^6 points and plain sums."""

import csv
import math
import random
import subprocess
import sys
import tempfile
from pathlib import Path

COUNT, WIDTH = 1_000_000, 0.5


def make_points():
    """Returns draws of a mixture of two normal distributions."""
    generator = random.Random(0)
    draw = generator.gauss
    return [
        (draw(0, 1), draw(0, 1), draw(0, 1))
        if generator.random() < 0.7
        else (draw(3, 0.5), draw(-1, 0.5), draw(0, 0.5))
        for _ in range(COUNT)
    ]


def plain_density(points, place):
    terms = (
        math.exp(-(math.dist(point, place) ** 2) / (2 * WIDTH**2))
        for point in points
    )
    return math.fsum(terms) / COUNT / (2 * math.pi * WIDTH**2) ** 1.5


def mixture(place):
    """Returns the density that that of infinitely many points would be."""

    def normal(centre, variance):
        q = math.dist(centre, place) ** 2 / variance
        return math.exp(-q / 2) / (2 * math.pi * variance) ** 1.5

    smooth = WIDTH**2
    return 0.7 * normal((0, 0, 0), 1 + smooth) + 0.3 * normal(
        (3, -1, 0), 0.25 + smooth
    )


def run(program, points, folder):
    path = folder / "points.csv"
    with path.open("w") as file:
        file.write("x,y,z\n")
        file.writelines(f"{x!r},{y!r},{z!r}\n" for x, y, z in points)
    done = subprocess.run(
        [program, path, str(WIDTH)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    rows = csv.DictReader(done.stdout.splitlines())
    return {
        (float(r["x"]), float(r["y"]), float(r["z"])): float(r["density"])
        for r in rows
    }


def main(program):
    points = make_points()
    with tempfile.TemporaryDirectory() as folder:
        density = run(program, points, Path(folder))
    assert len(density) == 12**3, len(density)
    for axis in range(3):
        for bound in min, max:
            of_grid, of_points = (
                bound(place[axis] for place in places)
                for places in (density, points)
            )
            assert math.isclose(of_grid, of_points, rel_tol=1e-12)
    for place, value in random.Random(1).sample(sorted(density.items()), 3):
        expected = plain_density(points, place)
        print(place, value, expected)
        assert math.isclose(value, expected, rel_tol=1e-11)
    # The mean of terms below s = (2 pi WIDTH^2)^(-3/2) has a standard error
    # below sqrt(s f / COUNT) for the density f; where few points are near, it
    # is that of some terms.
    highest = (2 * math.pi * WIDTH**2) ** -1.5
    for place, value in density.items():
        expected = mixture(place)
        error = 6 * math.sqrt(highest * expected / COUNT) + 20 * highest / COUNT
        assert abs(value - expected) < error, (place, value, expected)


def wrong_files(program):
    """Checks what the program says of files that it cannot use."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "points.csv"
        for text, message in (
            ("a,b\n", "expected the header x,y,z"),
            ("x,y,z\n1,2\n", "expected three columns, got '1,2'"),
            ("x,y,z\n1,2,3,4\n", "expected three columns, got '1,2,3,4'"),
            ("x,y,z\n1,2,c\n", "expected a number, got 'c'"),
            ("x,y,z\n", "no points in"),
        ):
            path.write_text(text)
            done = subprocess.run(
                [program, path, "1"],
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 1, text
            assert message in done.stderr, done.stderr


if __name__ == "__main__":
    main(sys.argv[1])
    wrong_files(sys.argv[1])
