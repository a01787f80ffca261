# SPDX-License-Identifier: MIT
"""Measures Gramless beside what one would run instead, on the CPU.

Each case runs with each engine in a fresh process, on the same cores. Its
first result is compared with float64 before anything is timed; a wrong one is
reported instead. Then Gramless and each peer take turns, and so does a loop of
multiply-adds, which is what shares are of. The medians of their times, and of
the ratios of neighbouring turns, are in build/bench/results.md, all numbers in
build/bench/runs/, where compare.py and picture.py read them.

    make bench                                  # All cases and peers.
    make bench ARGS="--quick"                   # Some cases, few repeats.
    make bench ARGS="--only 'lse backward' --peers JAX"
    make bench ARGS="--cores 2"                 # Peers on two cores as well.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from statistics import median

from tqdm import tqdm

from cases import CASES, Case
from deviation import ROUNDINGS, deviation
from engines import (
    ENGINES,
    FOLDER,
    REFERENCE,
    EngineError,
    Worker,
    available_cores,
    pin,
)
from tables import OURS, PEERS, Outcome, Report, Row, processor

PARALLEL_PAIRS = 3 * 10**7
"""Cases with so many pairs are timed on all cores as well."""

# Keeps all engines to the CPU, and lets the C library keep memory between
# calls: page faults would halve the speed of peers with blocks of the matrix.
_ENVIRONMENT = {
    "CUDA_VISIBLE_DEVICES": "",
    "JAX_PLATFORMS": "cpu",
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TOP_PAD_": "100000000",
    "MALLOC_TRIM_THRESHOLD_": "2000000000",
}


def parse_arguments() -> argparse.Namespace:
    """Returns the options, with the cases and the times they stand for."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--quick", action="store_true", help="some cases, few repeats")
    add("--only", metavar="CASE", help="a case, or those a pattern is found in")
    add("--peers", metavar="PATTERN", help="peers that a pattern is found in")
    add("--cores", type=int, default=1, help="cores for each engine")
    add("--avx2", action="store_true", help="no AVX-512 for Gramless and loop")
    options = parser.parse_args()
    options.cases = [
        c for c in CASES.values() if c.is_quick or not options.quick
    ]
    if options.only in CASES:
        options.cases = [CASES[options.only]]
    elif options.only:
        pattern = re.compile(options.only, re.IGNORECASE)
        options.cases = [c for c in CASES.values() if pattern.search(c.name)]
    if not options.cases:
        parser.error(f"--only matches no case of: {', '.join(CASES)}")
    peers = re.compile(options.peers or "", re.IGNORECASE)
    options.peers = [name for name in PEERS if peers.search(name)]
    options.all_cores = available_cores()
    if options.cores > len(options.all_cores):
        parser.error(f"--cores: there are {len(options.all_cores)}")
    options.most = 32 if options.avx2 else 64  # Bytes of a vector.
    options.turns = 3 if options.quick else 5
    options.seconds = 0.1 if options.quick else 0.25  # Of one turn.
    options.limit = 3.0 if options.quick else 6.0  # Seconds of all turns.
    return options


def prepare_folder() -> None:
    """Sets the environment, and empties what KeOps compiles into."""
    os.environ.update(_ENVIRONMENT)
    (FOLDER / "runs").mkdir(parents=True, exist_ok=True)
    for path in FOLDER.glob("*.cache"):
        shutil.rmtree(path)


def time_loop(cores: Sequence[int], most: int) -> list[dict]:
    """Times the loop of multiply-adds, with vectors of at most so many bytes.

    Returns nothing where the loop was not built.
    """
    program = FOLDER / "fma_peak"
    if not program.exists():
        return []
    before = available_cores()
    pin(cores)
    command = [program, str(len(cores)), str(most)]
    output = subprocess.run(command, check=True, capture_output=True)
    pin(before)
    return [json.loads(output.stdout)]


class Run:
    """One case, with all engines."""

    def __init__(self, case: Case, options: argparse.Namespace) -> None:
        self._case = case
        self._options = options
        self._cores = options.all_cores[-options.cores :]
        self._workers: dict[str, Worker] = {}
        self.row = Row(case, {n: Outcome() for n in [OURS, *options.peers]})

    def expected(self) -> dict:
        """Returns what results are compared with."""
        worker = Worker(REFERENCE, self._case, self._cores)
        try:
            return worker.ask("first")["results"]
        finally:
            worker.close()

    def check(self, name: str, expected: dict) -> None:
        """Starts the process of an engine, and compares its first result."""
        outcome = self.row.engines[name]
        worker = self._start(name, self._cores)
        try:
            first = worker.ask("first")
            outcome.first, outcome.peak = first["first"], first["peak"]
            outcome.error = deviation(self._case, expected, first["results"])
            if not outcome.error <= ROUNDINGS:
                text = f"wrong: off by {outcome.error:.3g} roundings"
                raise EngineError(text)
            outcome.entries = worker.ask("tune")["entries"]
            outcome.instructions = worker.ask("count")["instructions"]
        except EngineError as error:
            self._drop(name, error)

    def take_turn(self) -> None:
        """Times the loop, and Gramless and each peer one after the other."""
        row, options = self.row, self._options
        row.loops += time_loop(self._cores, options.most)
        if not options.peers:
            self._time(OURS)
        for peer in options.peers:
            outcome = row.engines[peer]
            if sum(outcome.times) < options.limit:
                ours, theirs = self._time(OURS), self._time(peer)
                if ours and theirs:
                    outcome.ratios.append(theirs / ours)
        if OURS in self._workers and self._is_parallel():
            self._take_parallel_turn()

    def _is_parallel(self) -> bool:
        more_cores = len(self._options.all_cores) > len(self._cores)
        return more_cores and self._case.pairs >= PARALLEL_PAIRS

    def _take_parallel_turn(self) -> None:
        """Times Gramless on all cores, and the loop."""
        row, cores = self.row, self._options.all_cores
        if "parallel" not in self._workers:
            self._start("parallel", cores).ask("first")
        row.parallel_loops += time_loop(cores, self._options.most)
        one = self._time(OURS)
        times = self._workers["parallel"].ask("times", self._options.seconds)
        row.parallel.times += times
        row.parallel.ratios.append(one / median(times))

    def _start(self, name: str, cores: Sequence[int]) -> Worker:
        engine = ENGINES.get(name, ENGINES[OURS])
        if engine is ENGINES[OURS] and self._options.avx2:
            engine = replace(engine, function="prepare_avx2")
        self._workers[name] = Worker(engine, self._case, cores)
        return self._workers[name]

    def _time(self, name: str) -> float | None:
        if name not in self._workers:
            return None
        try:
            times = self._workers[name].ask("times", self._options.seconds)
        except EngineError as error:
            self._drop(name, error)
            return None
        self.row.engines[name].times += times
        return median(times)

    def _drop(self, name: str, error: EngineError) -> None:
        self.row.engines[name].fault = str(error)
        self._workers.pop(name).close()

    def close(self) -> None:
        """Ends the processes."""
        for worker in self._workers.values():
            worker.close()


def main() -> int:
    """Runs the benchmark; returns 1 if Gramless was wrong or failed."""
    options = parse_arguments()
    prepare_folder()
    started = datetime.now()
    names = [OURS, *options.peers]
    versions = dict.fromkeys(ENGINES[name].version for name in names)
    facts = {
        "processor": processor(),
        "started": started.isoformat(timespec="seconds"),
        "cores": options.cores,
        "all_cores": len(options.all_cores),
        "most_bytes": options.most,
        "versions": ", ".join(versions),
    }
    report = Report(facts, [])
    path = FOLDER / "runs" / f"{started:%Y-%m-%dT%H%M%S}.json"
    steps = len(options.cases) * (len(names) + options.turns)
    with tqdm(total=steps, ncols=80) as progress:

        def step(text: str) -> None:
            progress.set_postfix_str(text)
            progress.update()

        for case in options.cases:
            run = Run(case, options)
            try:
                expected = run.expected()
                for name in names:
                    step(f"{case.name}, {name}")
                    run.check(name, expected)
                for turn in range(options.turns):
                    step(f"{case.name}, turn {turn + 1}")
                    run.take_turn()
            finally:
                run.close()
            report.rows.append(run.row)
            report.save(path)
            (FOLDER / "results.md").write_text(report.markdown(), "utf-8")
    print(report.markdown())
    print(f"All numbers are in {path}.")
    return int(any(row.engines[OURS].fault for row in report.rows))


if __name__ == "__main__":
    sys.exit(main())
