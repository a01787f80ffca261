# SPDX-License-Identifier: MIT
"""Measures Gramless on a CUDA device, beside what one would run instead.

The most important cases come first, and each row is printed as it comes, so
that a run that is cut short tells something too. A first result is compared
with float64, by torch in blocks and on a sample of rows, before anything is
timed; a wrong one is reported instead. Then Gramless and each peer take turns.
Peers that are not installed are left out. The table is in
build/bench/cuda.md, all numbers in build/bench/runs/.

    python bench/run_cuda.py                    # All cases, in four minutes.
    python bench/run_cuda.py --only "lse|D=10"  # Some of them.
    python bench/run_cuda.py --peers "" --seconds 60
"""

from __future__ import annotations

import argparse
import gc
import importlib
import importlib.util
import math
import os
import re
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

import torch

from cases import Case, data
from cuda_cases import ALL_CUDA_CASES
from cuda_device import Compute, CudaDevice
from cuda_reference import expected
from cuda_tables import OURS, DeviceReport, DeviceRow, Timing
from deviation import ROUNDINGS, deviation
from engines import Engine

FOLDER = Path("build/bench")
ENTRIES = 2**26
"""How many entries of the matrix a block of torch's may have."""

TURNS = 5
TURN_SECONDS = 0.05
MOST_CALLS = 100  # Of a turn: a device takes some thousand launches at once.
SHARE_OF_PEERS = 0.75
"""Of the time: cases behind that are run by Gramless alone."""


@dataclass(frozen=True)
class Peer:
    """An engine, and the cases that it can compute in a moment."""

    engine: Engine
    takes: Callable[[Case], bool]


def _is_plain(case: Case) -> bool:
    return case.problems == 1


def _is_moderate(case: Case) -> bool:
    return case.pairs <= 2e10


def _is_narrow(case: Case) -> bool:
    """Whether the dimensions can be written out one after the other."""
    return _is_moderate(case) and case.D <= 16 and case.order < 2


def _is_sinkhorn(case: Case) -> bool:
    return _is_plain(case) and case.mode == "lse" and case.order == 0


PEERS = {
    "torch, products": Peer(
        Engine("with_torch", "products", "torch"), _is_moderate
    ),
    "torch, compiled": Peer(
        Engine("with_torch", "compiled", "torch"), _is_narrow
    ),
    "KeOps": Peer(Engine("with_keops", "prepare", "pykeops"), _is_plain),
    "FlashSinkhorn": Peer(
        Engine("with_flash_sinkhorn", "prepare", "flash-sinkhorn"), _is_sinkhorn
    ),
}
GRAMLESS = Peer(Engine("with_gramless", "prepare", "gramless"), lambda _: True)


def parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    """Returns the options, with the cases and peers that they stand for."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--only", metavar="CASES", default="", help="cases of a pattern")
    add("--peers", metavar="PEERS", default=".", help="peers of a pattern")
    add("--seconds", type=float, default=220, help="no case starts behind them")
    options = parser.parse_args(arguments)
    pattern = re.compile(options.only, re.IGNORECASE)
    options.cases = [c for c in ALL_CUDA_CASES if pattern.search(c.name)]
    if not options.cases:
        names = ", ".join(case.name for case in ALL_CUDA_CASES)
        parser.error(f"--only matches no case of: {names}")
    is_wanted = re.compile(options.peers or "(?!)", re.IGNORECASE).search
    options.peers = [
        name
        for name, peer in PEERS.items()
        if is_wanted(name) and _is_installed(peer.engine.package)
    ]
    return options


def _is_installed(package: str) -> bool:
    return importlib.util.find_spec(package.replace("-", "_")) is not None


class DeviceCase:
    """One case on a device, with all engines that take it."""

    def __init__(self, case: Case, device: CudaDevice) -> None:
        self._case = case
        self._device = device
        self._computes: dict[str, Compute] = {}
        self._calls: dict[str, int] = {}
        self._tensors = {
            name: torch.from_numpy(array).to(device.name)
            for name, array in data(case).items()
        }
        self.row = DeviceRow(case, {OURS: Timing()})

    def measure(self, peers: list[str], arch: str) -> None:
        """Checks and times the case, by Gramless and some peers."""
        wanted = expected(self._case, self._tensors)
        self._device.release()
        self._check(OURS, GRAMLESS, wanted)
        if OURS in self._computes:
            self._attempt(OURS, lambda: self._look_at_plan(arch))
        for name in peers:
            self.row.engines[name] = Timing()
            if PEERS[name].takes(self._case):
                self._check(name, PEERS[name], wanted)
        for _ in range(TURNS):
            self._take_turn()

    def _check(self, name: str, peer: Peer, wanted: dict) -> None:
        """Prepares an engine, and compares its first result."""
        timing = self.row.engines[name]

        def check() -> None:
            module = importlib.import_module(peer.engine.module)
            prepare = getattr(module, peer.engine.function)
            compute, results, timing.first = self._device.first(
                partial(prepare, self._case, self._tensors, ENTRIES)
            )
            found = {key: each.cpu() for key, each in results.items()}
            timing.error = deviation(self._case, wanted, found)
            if not timing.error <= ROUNDINGS:
                text = f"wrong: off by {timing.error:.3g} roundings"
                raise ArithmeticError(text)
            self._computes[name] = compute
            seconds, host = self._device.turn(compute, 1)
            self._calls[name] = max(
                1,
                min(MOST_CALLS, math.ceil(TURN_SECONDS / max(seconds, host))),
            )

        self._attempt(name, check)

    def _look_at_plan(self, arch: str) -> None:
        """Finds the slots of a pair, and the clock under load."""
        module = importlib.import_module(GRAMLESS.engine.module)
        compute = self._computes[OURS]
        self.row.slots, self.row.special = module.slots(compute, arch)
        self.row.clock = self._device.clock(compute)

    def _take_turn(self) -> None:
        """Times Gramless, and each peer behind it."""
        ours = self._time(OURS)
        for name in self.row.engines:
            if name != OURS:
                theirs = self._time(name)
                if ours and theirs:
                    self.row.engines[name].ratios.append(theirs / ours)

    def _time(self, name: str) -> float | None:
        if name not in self._computes:
            return None
        turns: list[tuple[float, float]] = []
        turn = partial(
            self._device.turn, self._computes[name], self._calls[name]
        )
        self._attempt(name, lambda: turns.append(turn()))
        if not turns:
            return None
        seconds, host = turns[0]
        self.row.engines[name].times.append(seconds)
        self.row.engines[name].hosts.append(host)
        return seconds

    def _attempt(self, name: str, work: Callable[[], None]) -> None:
        """Does something for an engine, which is dropped where that fails."""
        try:
            work()
        except Exception as error:
            text = f"{type(error).__name__}: {error}"
            self.row.engines[name].fault = text.splitlines()[0][:200]
            self._computes.pop(name, None)


class DeviceRun:
    """A run of several cases, with its report."""

    def __init__(self, options: argparse.Namespace, device: CudaDevice) -> None:
        self._options = options
        self._device = device
        self._start = time.monotonic()
        started = datetime.now()
        engines = [GRAMLESS, *(PEERS[name] for name in options.peers)]
        versions = dict.fromkeys(each.engine.version for each in engines)
        facts = {
            **device.facts(),
            "started": started.isoformat(timespec="seconds"),
            "versions": ", ".join(versions),
        }
        self._arch = "sm_{}{}".format(*facts["capability"])
        self.report = DeviceReport(facts, options.peers)
        self._path = FOLDER / "runs" / f"cuda-{started:%Y-%m-%dT%H%M%S}.json"

    def run(self) -> None:
        """Runs cases while there is time, and prints and saves each row."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        print(_text_of(self.report.head()), flush=True)
        seconds = self._options.seconds
        for k, case in enumerate(self._options.cases):
            elapsed = time.monotonic() - self._start
            if elapsed > seconds:
                names = [each.name for each in self._options.cases[k:]]
                print(f"No time was left for: {', '.join(names)}.")
                break
            is_early = elapsed < SHARE_OF_PEERS * seconds
            self._measure(case, self._options.peers if is_early else [])
        print(f"\n{self.report.markdown()}")
        print(f"All numbers are in {self._path}.")

    def _measure(self, case: Case, peers: list[str]) -> None:
        measured = DeviceCase(case, self._device)
        self.report.rows.append(measured.row)
        try:
            measured.measure(peers, self._arch)
        except Exception as error:  # Of what results are compared with.
            text = f"{type(error).__name__}: {error}"
            measured.row.engines[OURS].fault = text.splitlines()[0][:200]
        print(_text_of(self.report.line(measured.row)), flush=True)
        self.report.save(self._path)
        (FOLDER / "cuda.md").write_text(self.report.markdown(), "utf-8")
        del measured
        gc.collect()
        torch._dynamo.reset()
        self._device.release()


def _text_of(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def main(arguments: list[str] | None = None) -> int:
    """Runs the benchmark.

    Returns 1 if Gramless was wrong or failed, 2 if there is no device.
    """
    options = parse_arguments(arguments)
    os.environ["CUDA_CACHE_DISABLE"] = "1"  # First calls compile.
    if not torch.cuda.is_available():
        print(
            "bench/run_cuda.py: expected a CUDA device, got none: "
            "torch.cuda.is_available() is False.",
            file=sys.stderr,
        )
        return 2
    run = DeviceRun(options, CudaDevice())
    run.run()
    return int(any(row.engines[OURS].fault for row in run.report.rows))


if __name__ == "__main__":
    sys.exit(main())
