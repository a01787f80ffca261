# SPDX-License-Identifier: MIT
"""Checks who includes whom: the layers of the library, with no exceptions."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CXX_SUFFIXES = {".h", ".cpp"}

# A file sees its own layer and those above it in this list. Layers that stand
# in one row do not see each other.
LAYERS = (
    ("base",),
    ("text",),
    ("ir",),
    ("transform",),
    ("formula", "lower"),
    ("plan",),
    ("codegen",),
    ("backend",),
    ("call",),
)
RANK = {layer: rank for rank, row in enumerate(LAYERS) for layer in row}

# The public headers, and the layer that each is a part of: it and those below
# it may include the header.
PUBLIC = {
    "gramless/export.h": "base",
    "gramless/error.h": "base",
    "gramless/arrays.h": "base",
    "gramless/formula.h": "formula",
    "gramless/kernel.h": "formula",
    "gramless/call.h": "backend",
    "gramless/doctor.h": "backend",
}

INCLUDE = re.compile(r'\s*#\s*include\s*([<"])([^>"]+)[>"]')
CONDITION = re.compile(r"\s*#\s*(?:if|ifdef|ifndef|elif|elifdef)\b(.*)")
BACKEND = re.compile(r"CPU|CUDA|GPU|NVCC|NVPTX|LLVM|BACKEND", re.IGNORECASE)
LLVM = re.compile(r"(llvm|llvm-c|clang|lld)/")
LLVM_HOME = re.compile(r"gramless/(codegen/.*|backend/(cpu|cuda)/.*\.cpp)")
CUDA = re.compile(
    r"(cuda|cu(blas|dnn|fft|rand|sparse|solver|tensor)"
    r"|nv(rtc|ml|tx|ptx|jitlink|tools)|thrust/|cub/)",
    re.IGNORECASE,
)
PYTHON = re.compile(r"(Python\.h|pyconfig|nanobind/|pybind11/|numpy/)")
# May stay half made in a child of fork: see base/fork_lock.h.
LOCAL_STATIC = re.compile(r"\s+static (?!constexpr |constinit )")
TORCH = re.compile(r"(torch|ATen|c10)/")


def layer_of(path):
    """Returns the layer of a file below gramless/, or of a public header."""
    folders = path.split("/")[1:-1]
    return folders[0] if folders else PUBLIC.get(path, "the top folder")


def include_faults(path, quote, header):
    """Yields what is wrong with one include of a file below gramless/."""
    if header.startswith("gramless/"):
        here, there = layer_of(path), layer_of(header)
        for layer in (here, there):
            if layer not in RANK:
                yield f"unknown layer '{layer}'"
                return
        if here != there and RANK[there] >= RANK[here]:
            yield f"{here} must not see {there}"
        if quote != '"':
            yield "our own headers stand in quotes"
        return
    if quote == '"':
        yield 'our own includes are written "gramless/<path>"'
    if LLVM.match(header) and not LLVM_HOME.fullmatch(path):
        yield "LLVM is for codegen/ and backend/{cpu,cuda}/*.cpp"
    if CUDA.match(header):
        yield "CUDA headers are used nowhere"
    if PYTHON.match(header) or TORCH.match(header):
        yield "the library knows no Python and no torch"


def library_faults(path, text):
    """Yields what is wrong with a C++ file below gramless/."""
    for number, line in enumerate(text.splitlines(), 1):
        if match := INCLUDE.match(line):
            for fault in include_faults(path, *match.groups()):
                yield f"{path}:{number}: {fault}: {line.strip()}"
        if (match := CONDITION.match(line)) and BACKEND.search(match[1]):
            yield f"{path}:{number}: CMake chooses backends: {line.strip()}"


def public_faults(path, text):
    """Yields includes of a public header beyond C++ and public headers."""
    for number, line in enumerate(text.splitlines(), 1):
        match = INCLUDE.match(line)
        is_standard = match and re.fullmatch(r"<[a-z_]+", match[1] + match[2])
        if match and not is_standard and match[2] not in PUBLIC:
            yield f"{path}:{number}: users have no such file: {line.strip()}"


def heading_faults(path, text):
    """Yields what is wrong with the first two lines of a source."""
    mark, start = ("#", '"""') if path.endswith(".py") else ("//", "// ")
    lines = [*text.splitlines(), "", ""]
    if lines[0] != f"{mark} SPDX-License-Identifier: MIT":
        yield f"{path}:1: the first line names the license"
    if not re.match(re.escape(start) + r"\w", lines[1]):
        yield f"{path}:2: the second line says what the file does"


def binding_faults(path, text):
    """Yields what is wrong with a C++ file of the Python module."""
    for number, line in enumerate(text.splitlines(), 1):
        match = INCLUDE.match(line)
        if (match and TORCH.match(match[2])) or '"torch' in line:
            yield f"{path}:{number}: the module knows no torch: {line.strip()}"
        if LOCAL_STATIC.match(line):
            yield f"{path}:{number}: statics are constexpr: {line.strip()}"


def python_faults(path, text):
    """Yields imports of torch in a Python file outside gramless/torch."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            start = node.module or ""
            names = [start, *(f"{start}.{a.name}" for a in node.names)]
        else:
            continue
        if any("torch" in name.split(".") for name in names):
            yield f"{path}:{node.lineno}: only gramless.torch imports torch"


def files(folder, suffixes):
    """Returns the files below a folder as pairs of path and text."""
    return [
        (path.relative_to(ROOT).as_posix(), path.read_text("utf-8"))
        for path in sorted((ROOT / folder).rglob("*"))
        if path.suffix in suffixes
    ]


def faults(check, sources):
    """Returns all that a check finds in some files, which must exist."""
    assert sources
    return [fault for path, text in sources for fault in check(path, text)]


def test_library():
    assert faults(library_faults, files("gramless", CXX_SUFFIXES)) == []


def test_public_headers():
    sources = files("include", CXX_SUFFIXES)
    assert {path.removeprefix("include/") for path, _ in sources} == {
        *PUBLIC,
        "gramless/gramless.h",
    }
    assert faults(public_faults, sources) == []


@pytest.mark.parametrize(
    "folder", ["include", "gramless", "python", "tests", "examples", "bench"]
)
def test_headings(folder):
    assert faults(heading_faults, files(folder, {*CXX_SUFFIXES, ".py"})) == []


def test_python_module():
    assert faults(binding_faults, files("python/src", CXX_SUFFIXES)) == []


def test_python_package():
    package = "python/gramless"
    sources = [
        (path, text)
        for path, text in files(package, {".py", ".pyi"})
        if not path.startswith(f"{package}/torch/")
    ]
    assert faults(python_faults, sources) == []


@pytest.mark.parametrize("folder", ["gramless", "tests"])
def test_every_source_is_built(folder):
    listing = (ROOT / folder / "CMakeLists.txt").read_text("utf-8").split()
    on_disk = [path.split("/", 1)[1] for path, _ in files(folder, {".cpp"})]
    own_builds = ("consume/", "torch/")
    assert [
        path
        for path in on_disk
        if path not in listing and not path.startswith(own_builds)
    ] == []


@pytest.mark.parametrize(
    ("path", "line", "fault"),
    [
        ("base/a.h", '#include "gramless/ir/expr.h"', "base must not see ir"),
        ("formula/a.h", '#include "gramless/lower/b.h"', "must not see lower"),
        ("lower/a.cpp", '#include "gramless/plan/b.h"', "must not see plan"),
        ("ir/a.h", '#include "gramless/kernel.h"', "ir must not see formula"),
        ("plan/a.h", '#include "gramless/call.h"', "must not see backend"),
        ("call/a.h", '#include "gramless/gramless.h"', "the top folder"),
        ("ir/a.h", '#include "gramless/misc/b.h"', "unknown layer 'misc'"),
        ("misc/a.h", '#include "gramless/ir/expr.h"', "unknown layer 'misc'"),
        ("ir/a.cpp", '#include "expr.h"', '"gramless/<path>"'),
        ("ir/a.cpp", "#include <gramless/ir/expr.h>", "stand in quotes"),
        ("plan/a.cpp", "#include <llvm/IR/Module.h>", "LLVM is for"),
        ("backend/cpu/a.h", "  # include <llvm-c/Core.h>", "LLVM is for"),
        ("backend/cuda/a.cpp", "#include <cuda.h>", "CUDA headers"),
        ("codegen/a.cpp", "#include <nvrtc.h>", "CUDA headers"),
        ("base/a.cpp", "#include <nanobind/nanobind.h>", "no Python"),
        ("a.cpp", "#include <torch/extension.h>", "no torch"),
        ("a.cpp", "#ifdef GRAMLESS_CUDA", "CMake chooses backends"),
        ("a.cpp", "# elif defined(USE_GPU)", "CMake chooses backends"),
    ],
)
def test_finds_a_fault_in_the_library(path, line, fault):
    (found,) = library_faults(f"gramless/{path}", f"\n{line}\n")
    assert found.startswith(f"gramless/{path}:2: ")
    assert fault in found


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("base/a.cpp", "#include <cuchar>"),
        ("base/a.cpp", "#ifdef __linux__"),
        ("formula/a.cpp", '#include "gramless/formula/atoms.h"'),
        ("plan/a.cpp", '#include "gramless/lower/program.h"'),
        ("codegen/a.cpp", "#include <llvm/IR/Module.h>"),
        ("backend/cuda/a.cpp", '#include "gramless/backend/cuda/driver.h"'),
        ("backend/cpu/a.cpp", "#include <llvm/IR/Module.h>"),
        ("call/a.cpp", '#include "gramless/backend/backend.h"'),
        ("formula/a.cpp", '#include "gramless/kernel.h"'),
    ],
)
def test_finds_no_fault_in_the_library(path, line):
    assert list(library_faults(f"gramless/{path}", line)) == []


def test_finds_a_fault_in_a_heading():
    line = "SPDX-License-Identifier: MIT"
    good = f"// {line}\n// Adds numbers.\n"
    assert list(heading_faults("a.h", good)) == []
    assert len(list(heading_faults("a.h", "#pragma once\n"))) == 2
    assert list(heading_faults("a.py", f'# {line}\n"""Adds numbers."""')) == []
    assert len(list(heading_faults("a.py", "import re\n"))) == 2


@pytest.mark.parametrize(
    "line", ["#include <torch/torch.h>", 'nb::module_::import_("torch");']
)
def test_finds_torch_in_the_module(line):
    assert len(list(binding_faults("module.cpp", line))) == 1
    assert list(binding_faults("module.cpp", "#include <numpy/x.h>")) == []


def test_finds_statics_in_the_module():
    line = "  static const std::map<int, int> kNumbers = {"
    assert len(list(binding_faults("module.cpp", line))) == 1
    line = "  static constexpr int kNumber = 3;"
    assert list(binding_faults("module.cpp", line)) == []


@pytest.mark.parametrize(
    "line",
    [
        "import torch.nn",
        "from torch import nn",
        "from . import torch",
        "from gramless.torch import kernel_product",
        "def f():\n    import torch",
    ],
)
def test_finds_torch_in_the_package(line):
    assert len(list(python_faults("a.py", line))) == 1
    assert list(python_faults("a.py", "import numpy as np")) == []
