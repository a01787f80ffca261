# SPDX-License-Identifier: MIT
"""Checks the installed package: what it holds, and how quietly it loads."""

import importlib.metadata
import importlib.resources
import re
import subprocess
import sys
from pathlib import Path

import pytest

import gramless

ROOT = Path(__file__).parents[1]

# NumPy starts threads of its own, so it is there before the count.
LOAD = """
import os, sys, numpy
def state():
    tasks = "/proc/self/task"
    threads = len(os.listdir(tasks)) if os.path.isdir(tasks) else 0
    return threads, dict(os.environ)
before = state()
import gramless
assert state() == before, "the import started threads or set variables"
assert "torch" not in sys.modules, "the import loaded torch"
"""


def test_is_the_installed_one():
    assert not Path(gramless.__file__).is_relative_to(ROOT / "python")


@pytest.mark.parametrize("name", ["py.typed", "_core.pyi"])
def test_holds_types(name):
    assert importlib.resources.files("gramless").joinpath(name).is_file()


def test_holds_no_cxx_headers():
    paths = importlib.metadata.files("gramless")
    assert [
        path for path in paths if path.suffix in {".h", ".a", ".cmake"}
    ] == []


def test_version_is_that_of_the_library():
    project = (ROOT / "CMakeLists.txt").read_text("utf-8")
    version = re.search(r"VERSION ([0-9.]+) LANGUAGES", project)[1]
    assert importlib.metadata.version("gramless") == version


def test_loads_quietly():
    """Nothing runs at import, and nothing is left over at exit."""
    done = subprocess.run(
        [sys.executable, "-c", LOAD],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
