# SPDX-License-Identifier: MIT
"""Checks the installed package: what it holds, and how quietly it loads."""

import importlib.metadata
import importlib.resources
import itertools
import re
import subprocess
import sys
from pathlib import Path

import pytest

import gramless

ROOT = Path(__file__).parents[1]

LOAD = """
import os, sys
def state():
    tasks = "/proc/self/task"
    threads = len(os.listdir(tasks)) if os.path.isdir(tasks) else 0
    return threads, dict(os.environ)
before = state()
import gramless
assert state() == before, "the import started threads or set variables"
assert not {"torch", "numpy"} & set(sys.modules), "the import loaded others"
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


def test_asks_for_torch_alone_as_an_extra():
    requires = importlib.metadata.requires("gramless")
    assert [r for r in requires if "extra ==" not in r] == []
    assert 'torch>=2.4; extra == "torch"' in requires


def test_says_what_to_install_for_torch():
    code = "import sys; sys.modules['torch'] = None; import gramless.torch"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr.splitlines()[-1] == (
        "ModuleNotFoundError: gramless.torch: expected torch 2.4 or later, got "
        "no module 'torch'. Install it: pip install 'gramless[torch]'."
    )


def licenses_of(name):
    """Returns the licence texts that a package came with."""
    return {
        path.name: path.read_text("utf-8")
        for path in importlib.metadata.files(name)
        if "licenses" in path.parts
    }


def test_holds_the_licences_of_what_it_links():
    ours = licenses_of("gramless")
    metadata = importlib.metadata.metadata("gramless")
    assert {
        Path(name).name for name in metadata.get_all("License-File")
    } == set(ours)
    assert ours.pop("LICENSE") == (ROOT / "LICENSE").read_text("utf-8")
    llvm = licenses_of("mlc-llvm-static")
    for part in "LLVM", "zlib", "zstd":
        assert ours.pop(f"{part}.txt") == llvm[f"{part}.txt"]
    assert ours.pop("nanobind.txt") == licenses_of("nanobind")["LICENSE"]
    [header] = (
        path
        for path in importlib.metadata.files("nanobind")
        if path.name == "robin_map.h"
    )
    comment = itertools.takewhile(
        lambda line: line.strip() != "*/",
        header.read_text("utf-8").splitlines()[1:],
    )
    lines = [re.sub(r"^ \* ?", "", line) for line in comment]
    assert ours.pop("robin-map.txt").splitlines() == lines
    assert not ours


def test_names_its_licences():
    """MIT is ours and robin-map's, BSD that of nanobind and of zstd."""
    metadata = importlib.metadata.metadata("gramless")
    assert sorted(metadata["License-Expression"].split(" AND ")) == [
        "Apache-2.0 WITH LLVM-exception",
        "BSD-3-Clause",
        "MIT",
        "Zlib",
    ]


def test_readme_needs_no_repository():
    text = importlib.metadata.metadata("gramless").get_payload()
    assert text.startswith("# Gramless\n")
    targets = re.findall(r"\]\(([^)]*)\)|(?:src|href)=\"([^\"]*)", text)
    assert targets
    assert [t for t in targets if not "".join(t).startswith("https://")] == []
    assert "Quickstart: install it" in text


def test_version_is_that_of_the_library():
    project = (ROOT / "CMakeLists.txt").read_text("utf-8")
    version = re.search(r"VERSION ([0-9.]+) LANGUAGES", project)[1]
    assert importlib.metadata.version("gramless") == version
    citation = (ROOT / "CITATION.cff").read_text("utf-8")
    assert re.findall(r"^version: (.*)$", citation, re.M) == [version]
    assert f"find_package(gramless {version[:-2]} REQUIRED)" in (
        ROOT / "docs/cpp.md"
    ).read_text("utf-8")


def test_all_files_pin_one_llvm():
    files = ("pyproject.toml", "requirements-dev.txt", "docs/cpp.md")
    pins = [
        pin
        for name in (*files, "cmake/FindStaticLLVM.cmake")
        for pin in re.findall(
            r"mlc-llvm-static(?:-extra-targets)?==([\w.]*\w)",
            (ROOT / name).read_text("utf-8"),
        )
    ]
    assert len(pins) == 8
    assert len(set(pins)) == 1


def test_loads_quietly():
    """Nothing runs at import, and nothing is left over at exit."""
    done = subprocess.run(
        [sys.executable, "-c", LOAD],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
