# SPDX-License-Identifier: MIT
"""Code for AArch64, generated on any machine: llvmlite compiles, QEMU runs it.

What a sweep takes and gives is read from the text of explain().
"""

import functools
import math
import re
import shutil
import struct
import subprocess
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from gramless.torch import Kernel, explain

llvm = pytest.importorskip("llvmlite.binding")

ROOT = Path(__file__).parents[2]
COMPILER, EMULATOR = "aarch64-linux-gnu-g++", "qemu-aarch64"
SOURCES = ("tests/torch/neon_driver.cpp", "gramless/ir/reductions.cpp")

MODULE = re.compile(r"(; ModuleID.*?)(?=\n\n(?:sweep|stages|where))", re.DOTALL)
ARRAY = re.compile(r"(\w+)\[([ij]?),?([^\]]*)\](:float64)?")
SPECIAL_NUMBERS = {"+qnan": math.nan, "+inf": math.inf, "-inf": -math.inf}
REDUCTIONS = ("+=", "log_sum_exp")


class Array(NamedTuple):
    """An argument or a result of a sweep."""

    name: str
    pair: str  # i, j or nothing.
    axes: dict  # Extents by name.
    dtype: type

    @property
    def width(self):
        return math.prod(self.axes.values())

    def shape(self, sizes):
        return sizes.get(self.pair, 1), self.width


class Sweep:
    """A generated module, with what explain() says of it and its formula."""

    def __init__(self, formula, text, module):
        self.module = module
        dtype, lanes = re.search(r"plan for (\w+), (\d+) lanes", text).groups()
        self.dtype, self.lanes = np.dtype(dtype), int(lanes)
        tile = re.search(r"a tile spans (\d+) (rows|columns)", text)
        rows, kept = tile.groups()
        assert f"lanes run along {kept}" in text
        self.tile_rows, self.kept = int(rows), "i" if kept == "rows" else "j"
        self.longest_unrolled = int(re.search(r"axes of up to (\d+)", text)[1])
        (lines,) = re.findall(
            r"  (?:summed|reduced)\n(.*?)\n\n", text, re.DOTALL
        )
        (self.reduction,) = (
            k for k, word in enumerate(REDUCTIONS) if word in lines
        )
        self.arguments = self._arrays(re.search("arguments (.*)", formula)[1])
        self.outputs = [
            self._arrays(re.split(r" \+?= ", line)[0])
            for line in lines.splitlines()
        ]
        self.results = self._results_of(formula)

    def _results_of(self, formula):
        """Returns the results of all sweeps: an output may have several."""
        own = {output[0].name: output for output in self.outputs}
        firsts = re.findall(r"^  (\w+\[.*?\]) = ", formula, re.MULTILINE)
        return [
            result
            for first in self._arrays(" ".join(firsts))
            for result in own.get(first.name, [first])
        ]

    def _arrays(self, text):
        return [
            Array(
                name,
                pair,
                {k: int(v) for k, v in re.findall(r"(\w+):(\d+)", axes)},
                np.dtype(np.float64) if wide else self.dtype,
            )
            for name, pair, axes, wide in ARRAY.findall(text)
        ]

    def extents(self):
        """Returns the extents of loops at run time, in their order."""
        arrays = (*self.arguments, *self.results)
        axes = {k: v for array in arrays for k, v in array.axes.items()}
        return [v for _, v in sorted(axes.items()) if v > self.longest_unrolled]

    def kind(self, array):
        """Returns the driver's `Kind` of an output."""
        return 2 if not array.pair else int(array.pair != self.kept)


def sweeps(case, monkeypatch):
    """Returns the sweeps of a product and of its gradients."""
    options = "gramless.torch.map_reduce.FORCED_OPTIONS"
    monkeypatch.setattr(options, {"aarch64": 1})
    leaves = case.with_tensors(case.leaves())
    params = {"id": Kernel(case.name), "gamma": tuple(leaves.gamma)}
    text = explain(
        params,
        tuple(leaves.x),
        tuple(leaves.y),
        *leaves.bs,
        mode=case.mode,
        code="llvm",
    )
    assert "instructions: baseline of aarch64" in text
    found, formula = [], ""
    parts = MODULE.split(text)
    for part, module in zip(parts[::2], parts[1::2], strict=False):
        if "formula\n" in part:
            formula = part
        found.append(Sweep(formula, part, module))
    return found


def _as_older_text(module):
    """Returns a module as the LLVM of llvmlite reads it, which may be older.

    It knows other attributes, and writes a number with the bits of a double.
    """
    module = re.sub(r"^attributes .*$| #\d+", "", module, flags=re.MULTILINE)
    for name, value in SPECIAL_NUMBERS.items():
        module = module.replace(name, f"0x{struct.pack('>d', value).hex()}")

    def number(match):
        bits = bytes.fromhex(match[1])
        (value,) = struct.unpack(">f" if len(bits) == 4 else ">d", bits)
        return f"0x{struct.pack('>d', value).hex()}"

    return re.sub(r"\bf0x([0-9A-F]+)", number, module)


def _machine_and_module(module):
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    target = llvm.Target.from_triple("aarch64-unknown-linux-gnu")
    # The engine's level of optimization is 1, too.
    machine = target.create_target_machine(features="+neon", opt=1)
    parsed = llvm.parse_assembly(_as_older_text(module))
    parsed.verify()
    return machine, parsed


@functools.cache
def object_file(module):
    """Returns a module as an object file."""
    machine, parsed = _machine_and_module(module)
    return machine.emit_object(parsed)


def assembly(module):
    """Returns a module as assembly."""
    machine, parsed = _machine_and_module(module)
    return machine.emit_assembly(parsed)


def _integers(*numbers):
    return struct.pack(f"<{len(numbers)}q", *numbers)


def _strides(array):
    return [stride // array.itemsize for stride in array.strides]


def _run(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{command[0]}: {done.returncode}\n{done.stderr}")


class Driver:
    """The compiled driver, in a folder, which runs sweeps."""

    def __init__(self, folder):
        self._folder = folder
        self._objects = []
        options = "-std=c++20", "-O1", f"-I{ROOT}", f"-I{ROOT}/include"
        for source in SOURCES:
            path = folder / f"{Path(source).stem}.o"
            _run(COMPILER, *options, "-c", ROOT / source, "-o", path)
            self._objects.append(path)

    @staticmethod
    def missing():
        """Returns the tools that are not installed."""
        return [t for t in (COMPILER, EMULATOR) if not shutil.which(t)]

    def program(self, sweep):
        """Links a sweep with the driver: a function of named arrays.

        The function is good until the next sweep is linked.
        """
        program = self._folder / "program"
        code, given, found = (
            program.with_suffix(suffix) for suffix in (".o", ".in", ".out")
        )
        code.write_bytes(object_file(sweep.module))
        _run(COMPILER, "-static", *self._objects, code, "-o", program)

        def run(arrays, order="C"):
            """Returns the results by name, in arrays of an order as given."""
            sizes = {"i": len(arrays["x0"]), "j": len(arrays["y0"])}
            given.write_bytes(_input(sweep, sizes, arrays, order))
            _run(EMULATOR, program, given, found)
            return _results(sweep, sizes, found.read_bytes(), order)

        return run


def _input(sweep, sizes, arrays, order):
    """Returns what the driver reads."""
    reduced = {"i": "j", "j": "i"}[sweep.kept]
    extents = sweep.extents()
    parts = [
        _integers(
            *(sweep.dtype.itemsize, sweep.lanes, sweep.tile_rows),
            *(sizes[sweep.kept], sizes[reduced], sweep.reduction),
            *(len(extents), *extents, len(sweep.arguments)),
        )
    ]
    for spec in sweep.arguments:
        array = np.reshape(arrays[spec.name], spec.shape(sizes))
        array = np.array(array, spec.dtype, order=order)
        numbers = array.tobytes("A")
        numbers += bytes(-len(numbers) % 8)
        parts.append(_integers(*_strides(array), len(numbers)) + numbers)
    parts.append(_integers(len(sweep.results)))
    for spec in sweep.results:
        array = np.empty(spec.shape(sizes), spec.dtype, order)
        numbers = *_strides(array), array.nbytes, array.itemsize
        parts.append(_integers(*numbers))
    parts.append(_integers(len(sweep.outputs)))
    for first, *_ in sweep.outputs:
        place = sweep.results.index(first)
        parts.append(_integers(sweep.kind(first), first.width, place))
    return b"".join(parts)


def _results(sweep, sizes, numbers, order):
    """Returns what the driver wrote for the outputs of a sweep, by name."""
    results = {}
    for spec in sweep.results:
        shape = spec.shape(sizes)
        array = np.frombuffer(numbers, spec.dtype, math.prod(shape))
        numbers = numbers[array.nbytes :]
        results[spec.name] = np.array(array.reshape(shape, order=order))
    assert not numbers
    own = [result.name for output in sweep.outputs for result in output]
    return {name: results[name] for name in own}
