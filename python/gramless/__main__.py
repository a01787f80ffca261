# SPDX-License-Identifier: MIT
"""The commands of `python -m gramless`."""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import platform
from collections.abc import Sequence

from gramless import _core

_PACKAGES = ("torch", "numpy")


def _versions() -> list[tuple[str, str]]:
    """Returns the versions of Python and of packages, which it loads not."""
    versions = [("Python", platform.python_version())]
    for name in _PACKAGES:
        try:
            versions.append((name, importlib.metadata.version(name)))
        except importlib.metadata.PackageNotFoundError:
            versions.append((name, "not installed"))
    return versions


def _doctor(arguments: argparse.Namespace) -> None:
    report = _core.doctor(_versions())
    if arguments.json:
        print(json.dumps(report.to_dict(), indent=2))
    else:
        print(report.to_text(), end="")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m gramless")
    commands = parser.add_subparsers(metavar="command", required=True)
    doctor = commands.add_parser(
        "doctor",
        help="print what was found: versions, processor, threads, driver and "
        "devices, and a small product by each engine",
        description="Prints what Gramless found of this machine, and tries "
        "each engine. What is missing or wrong is a line of the report.",
    )
    doctor.add_argument("--json", action="store_true", help="print JSON")
    doctor.set_defaults(run=_doctor)
    chosen = parser.parse_args(arguments)
    chosen.run(chosen)


if __name__ == "__main__":
    main()
