# SPDX-License-Identifier: MIT
"""The engines of the benchmark, each in a process of its own for each case."""

from __future__ import annotations

import importlib
import multiprocessing
import os
import re
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import metadata
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from cases import Case, data

FOLDER = Path("build/bench")
"""Where results, logs and what KeOps compiles go, below the current folder."""

ENTRIES = (2**20, 2**18, 2**16, 2**22)
"""How many entries of the matrix a block may have, where that is tuned."""

_TOO_LONG = 5.0  # Seconds that a result may take, to be tuned.


@dataclass(frozen=True)
class Engine:
    """Something that computes cases: a function of a module in this folder."""

    module: str
    function: str
    package: str
    entries: tuple[int, ...] = (0,)  # Sizes of blocks, to choose from.
    flags: str = ""  # Of a compiler that it runs.

    @property
    def version(self) -> str:
        with suppress(metadata.PackageNotFoundError):
            return f"{self.package} {metadata.version(self.package)}"
        return f"{self.package} is not installed"


_NATIVE = "-march=native -ffast-math"
ENGINES = {
    "Gramless": Engine("with_gramless", "prepare", "gramless"),
    "KeOps": Engine("with_keops", "prepare", "pykeops"),
    "KeOps, native": Engine("with_keops", "prepare", "pykeops", flags=_NATIVE),
    "torch, differences": Engine("with_torch", "differences", "torch", ENTRIES),
    "torch, products": Engine("with_torch", "products", "torch", ENTRIES),
    "torch, compiled": Engine("with_torch", "compiled", "torch", ENTRIES[:2]),
    "JAX": Engine("with_jax", "prepare", "jax", ENTRIES),
}
REFERENCE = Engine("reference", "prepare", "numpy")


def available_cores() -> list[int]:
    """Returns the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def pin(cores: Sequence[int]) -> None:
    """Keeps this process to some cores, where the system can do that."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cores)


class EngineError(Exception):
    """An engine gave no answer."""


class Worker:
    """A fresh process that computes one case with one engine, on some cores."""

    def __init__(
        self, engine: Engine, case: Case, cores: Sequence[int]
    ) -> None:
        words = f"{engine.module} {engine.function} {engine.flags} {case.name}"
        name = re.sub(r"\W+", "-", words)  # KeOps' compiler wants no spaces.
        cache = (FOLDER / f"{name}.cache").resolve()
        os.environ["KEOPS_CACHE_FOLDER"] = str(cache)  # Empty: it compiles.
        os.environ["CXXFLAGS"] = engine.flags
        for name in ("MKL_NUM_THREADS", "OMP_NUM_THREADS"):
            os.environ[name] = str(len(cores))
        context = multiprocessing.get_context("spawn")
        self._connection, there = context.Pipe()
        self._process = context.Process(
            target=_serve,
            args=(there, engine, case, cores, FOLDER / f"{name}.log"),
            daemon=True,
        )
        self._process.start()
        there.close()

    def ask(self, method: str, *arguments: float) -> dict:
        """Returns what a method of the process's task returns."""
        try:
            self._connection.send((method, arguments))
            answer = self._connection.recv()
        except (EOFError, OSError):
            self._process.join()
            answer = f"ended with code {self._process.exitcode}"
        if isinstance(answer, str):
            raise EngineError(answer)
        return answer

    def close(self) -> None:
        """Ends the process."""
        self._connection.close()
        self._process.kill()
        self._process.join()


class _Task:
    """A case and an engine, in their process."""

    def __init__(
        self, engine: Engine, case: Case, cores: Sequence[int]
    ) -> None:
        pin(cores)
        arrays = data(case)
        module = importlib.import_module(engine.module)
        if "torch" in sys.modules:
            sys.modules["torch"].set_num_threads(len(cores))
        self._module = module
        prepare = getattr(module, engine.function)
        self._prepare = lambda entries: prepare(case, arrays, entries)
        self._entries = engine.entries
        self._compute: Callable[[], dict] | None = None

    def first(self) -> dict:
        """Returns the first results, with the seconds and MB they took."""
        before = None
        with suppress(OSError):  # Linux alone has it, and not everywhere.
            Path("/proc/self/clear_refs").write_text("5")  # VmHWM := VmRSS.
            before = _peak_memory()
        start = time.perf_counter()
        self._compute = self._prepare(self._entries[0])
        results = self._compute()
        seconds = time.perf_counter() - start
        peak = None if before is None else _peak_memory() - before
        arrays = {name: np.asarray(result) for name, result in results.items()}
        return {"results": arrays, "first": seconds, "peak": peak}

    def tune(self) -> dict:
        """Chooses the size of blocks that is fastest, unless that is long."""
        chosen, *others = self._entries
        if not others:
            return {"entries": None}
        best = min(self.times(0) + self.times(0))
        for entries in others if best < _TOO_LONG else ():
            before, self._compute = self._compute, self._prepare(entries)
            self.times(0)
            seconds = min(self.times(0) + self.times(0))
            if seconds < best:
                best, chosen = seconds, entries
            else:
                self._compute = before
        return {"entries": chosen}

    def count(self) -> dict:
        """Returns the instructions that arithmetic takes, if it is known."""
        count = getattr(self._module, "instructions", None)
        return {"instructions": count and count(self._compute)}

    def times(self, seconds: float) -> list[float]:
        """Returns the times of warm results, for about so many seconds."""
        times: list[float] = []
        while not times or sum(times) + min(times) <= seconds:
            start = time.perf_counter()
            self._compute()
            times.append(time.perf_counter() - start)
        return times


def _peak_memory() -> float:
    """Returns VmHWM of this process, in MB."""
    status = Path("/proc/self/status").read_text("ascii")
    return int(status.split("VmHWM:")[1].split()[0]) * 1024 / 1e6


def _serve(
    connection: Connection,
    engine: Engine,
    case: Case,
    cores: Sequence[int],
    log: Path,
) -> None:
    """Answers questions until there are no more; a text says what failed."""
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(descriptor, stream)
    try:
        task = None
        while True:
            method, arguments = connection.recv()
            task = task or _Task(engine, case, cores)
            connection.send(getattr(task, method)(*arguments))
    except EOFError:
        return
    except Exception as error:
        connection.send(f"{type(error).__name__}: {error}")
