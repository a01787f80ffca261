# SPDX-License-Identifier: MIT
"""Measures Gramless beside what one would run instead, on the CPU.

Each case runs with each engine in a fresh process, on the same cores. Its
first result is compared with float64 before anything is timed; a wrong one is
reported instead. Then Gramless and each peer take turns. The medians of their
times, and of the ratios of neighbouring turns, are in build/bench/results.md,
all numbers in build/bench/results.json. Flags for what KeOps compiles may be
given as CXXFLAGS.

    make bench                                  # All cases, one thread.
    make bench ARGS="--quick"                   # Some cases, few repeats.
    make bench ARGS="--only lse --threads 2"    # Those named by a pattern.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from statistics import median

import numpy as np
from tqdm import tqdm

from cases import CASES, Case
from engines import ENGINES, FOLDER, REFERENCE, EngineError, Worker
from tables import Outcome, Report

OURS, *PEERS = ENGINES
ROUNDINGS = 1000
"""A result may be off by so many roundings of its largest number.

A plain sum of N = 10^4 terms is off by about √N = 100 roundings of the sum of
their absolute values. Where squares are expanded, that is up to 10 times as
large as a gradient in x. Mistakes are larger, and the table shows all errors.
"""

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
    add("--only", metavar="PATTERN", help="cases that a pattern is found in")
    add("--threads", type=int, default=1, help="cores and threads to use")
    options = parser.parse_args()
    cases = [c for c in CASES.values() if c.is_quick or not options.quick]
    if options.only:
        pattern = re.compile(options.only, re.IGNORECASE)
        cases = [c for c in CASES.values() if pattern.search(c.name)]
    if not cases:
        parser.error(f"--only matches no case of: {', '.join(CASES)}")
    options.cases = cases
    options.turns = 3 if options.quick else 9
    options.seconds = 0.1 if options.quick else 0.3  # Of one turn.
    options.limit = 3.0 if options.quick else 15.0  # Seconds of all turns.
    return options


def settle(threads: int) -> None:
    """Chooses cores and settings, for this process and its children."""
    names = ("MKL_NUM_THREADS", "OMP_NUM_THREADS")
    os.environ |= _ENVIRONMENT | dict.fromkeys(names, str(threads))
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        if threads > len(cores):
            sys.exit(f"error: --threads {threads}, but {len(cores)} cores")
        os.sched_setaffinity(0, cores[-threads:])
    FOLDER.mkdir(parents=True, exist_ok=True)
    for path in FOLDER.glob("*.cache"):
        shutil.rmtree(path)


def deviation(case: Case, expected: dict, results: dict) -> float:
    """Returns the largest error of all results, in roundings."""
    worst = 0.0
    for name, wanted in expected.items():
        if name == "rows":
            continue
        found = np.asarray(results[name], np.float64)
        found = found[expected["rows"]] if name == "a" else found
        if found.shape != wanted.shape or not np.isfinite(found).all():
            return float("inf")
        error = np.abs(found - wanted).max() / np.abs(wanted).max()
        worst = max(worst, float(error))
    return worst / float(np.finfo(case.dtype).eps / 2)


class Run:
    """One case, with all engines."""

    def __init__(self, case: Case, options: argparse.Namespace) -> None:
        self._case = case
        self._options = options
        self._workers: dict[str, Worker] = {}
        self.outcomes = {name: Outcome() for name in ENGINES}
        self.fma: list[dict] = []

    def expected(self) -> dict:
        """Returns what results are compared with."""
        worker = Worker(REFERENCE, self._case, self._options.threads)
        try:
            return worker.ask("first")["results"]
        finally:
            worker.close()

    def check(self, name: str, expected: dict) -> None:
        """Starts the process of an engine, and compares its first result."""
        outcome = self.outcomes[name]
        worker = Worker(ENGINES[name], self._case, self._options.threads)
        self._workers[name] = worker
        try:
            first = worker.ask("first")
            outcome.first, outcome.peak = first["first"], first["peak"]
            outcome.error = deviation(self._case, expected, first["results"])
            if not outcome.error <= ROUNDINGS:
                text = f"wrong: off by {outcome.error:.3g} roundings"
                raise EngineError(text)
            outcome.entries = worker.ask("tune")["entries"]
        except EngineError as error:
            self._drop(name, error)

    def take_turns(self, peer: str) -> None:
        """Times Gramless and a peer, one after the other."""
        outcome = self.outcomes[peer]
        if sum(outcome.times) < self._options.limit:
            ours, theirs = self._time(OURS), self._time(peer)
            if ours and theirs:
                outcome.ratios.append(theirs / ours)

    def time_loop(self) -> None:
        """Times the loop of the model, for the cases that it is about."""
        program = FOLDER / "fma_peak"
        is_meant = self._case.is_modelled and self._options.threads == 1
        if is_meant and program.exists():
            output = subprocess.run(program, check=True, capture_output=True)
            self.fma.append(json.loads(output.stdout))

    def _time(self, name: str) -> float | None:
        if name not in self._workers:
            return None
        try:
            times = self._workers[name].ask("times", self._options.seconds)
        except EngineError as error:
            self._drop(name, error)
            return None
        self.outcomes[name].times += times
        return median(times)

    def _drop(self, name: str, error: EngineError) -> None:
        self.outcomes[name].fault = str(error)
        self._workers.pop(name).close()

    def close(self) -> None:
        """Ends the processes."""
        for worker in self._workers.values():
            worker.close()


def main() -> int:
    """Runs the benchmark; returns 1 if Gramless was wrong or failed."""
    options = parse_arguments()
    settle(options.threads)
    report = Report(options.threads)
    steps = len(ENGINES) + options.turns * len(PEERS)
    with tqdm(total=len(options.cases) * steps, ncols=80) as progress:

        def step(text: str) -> None:
            progress.set_postfix_str(text)
            progress.update()

        for case in options.cases:
            run = Run(case, options)
            try:
                expected = run.expected()
                for name in ENGINES:
                    step(f"{case.name}, {name}")
                    run.check(name, expected)
                for _ in range(options.turns):
                    run.time_loop()
                    for peer in PEERS:
                        step(f"{case.name}, {peer}")
                        run.take_turns(peer)
            finally:
                run.close()
            report.add(case, run.outcomes, run.fma)
            report.save(FOLDER)
    print(report.markdown())
    return int(any(outcomes[OURS].fault for _, outcomes, _ in report.rows))


if __name__ == "__main__":
    sys.exit(main())
