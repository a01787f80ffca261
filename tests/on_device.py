# SPDX-License-Identifier: MIT
"""Runs all that needs a CUDA device: tests in C++ and torch, and the benchmark.

Each step has a limit in seconds, and the next one runs whatever came of it. A
step that ran no test has failed. Tests in C++ are one program, which runs in
several processes at once.

    python tests/on_device.py --tests build/dev/tests/gramless_tests
    python tests/on_device.py --python .venv/bin/python bench
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).parents[1]
FILTER = "Device/*:FunctionsOnADevice.*:CudaEngine.FindsADriver:Doctor.*"
LIMITS = {"conformance": 150, "torch": 150, "bench": 240}
"""Seconds, which leave some minutes of twelve for a build."""


class StepError(Exception):
    """A step that did not do what it should."""


def start(command: Sequence[object], **options) -> subprocess.Popen:
    """Starts a program in a group of its own, to be ended as a whole."""
    return subprocess.Popen(
        [str(word) for word in command],
        start_new_session=True,
        text=True,
        **options,
    )


def wait(processes: Sequence[subprocess.Popen], seconds: float) -> list[str]:
    """Returns what processes print; ends them all when the time is over."""
    end = time.monotonic() + seconds
    outputs = []
    try:
        for process in processes:
            output, _ = process.communicate(timeout=end - time.monotonic())
            outputs.append(output or "")
    except subprocess.TimeoutExpired:
        raise StepError(f"no end after {seconds:.0f} s") from None
    finally:
        for process in processes:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    return outputs


def conformance(options: argparse.Namespace, seconds: float) -> str:
    """Runs the tests in C++ that take a device."""
    variables = {**os.environ, "GTEST_TOTAL_SHARDS": str(options.jobs)}
    shards = [
        start(
            [options.tests, f"--gtest_filter={options.filter}"],
            cwd=ROOT / "tests",
            env={**variables, "GTEST_SHARD_INDEX": str(index)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        for index in range(options.jobs)
    ]
    outputs = wait(shards, seconds)
    failed = [k for k, shard in enumerate(shards) if shard.returncode != 0]
    for k in failed:
        print(outputs[k])
    if failed:
        raise StepError(f"{len(failed)} of {options.jobs} processes failed")
    output = "".join(outputs)
    passed = len(re.findall(r"^\[       OK \] ", output, re.MULTILINE))
    # Those of the driver and of the doctor pass without a device, too.
    if not re.search(r"^\[       OK \] Device/", output, re.MULTILINE):
        reasons = re.findall(r": Skipped\n(.*)", output)
        raise StepError(f"nothing ran: {reasons[0] if reasons else 'no test'}")
    return f"{passed} passed"


def torch_tests(options: argparse.Namespace, seconds: float) -> str:
    """Runs the tests of tensors on a device."""
    command = [options.python, "-m", "pytest", "-q", "-n", options.jobs]
    tests = ROOT / "tests/torch/cuda_test.py"
    process = start([*command, tests], cwd=ROOT, stdout=subprocess.PIPE)
    (output,) = wait([process], seconds)
    print(output)
    if process.returncode != 0:
        raise StepError(f"pytest ended with {process.returncode}")
    passed = re.search(r"(\d+) passed", output)
    if not passed:
        raise StepError("nothing ran")
    return passed[0]


def benchmark(options: argparse.Namespace, seconds: float) -> str:
    """Runs the benchmark, which prints rows as they come."""
    process = start([options.python, ROOT / "bench/run_cuda.py"], cwd=ROOT)
    wait([process], seconds)
    if process.returncode != 0:
        raise StepError(f"the benchmark ended with {process.returncode}")
    return "done"


STEPS = {
    "conformance": conformance,
    "torch": torch_tests,
    "bench": benchmark,
}


def parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("steps", nargs="*", choices=[*STEPS, []], help="all by default")
    program = ROOT / "build/dev/tests/gramless_tests"
    add("--tests", type=Path, default=program, help="the program of tests")
    add("--python", default=sys.executable, help="a Python with the package")
    add("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    add("--filter", default=FILTER, help="which tests in C++")
    options = parser.parse_args(arguments)
    options.tests = options.tests.resolve()
    return options


def main(arguments: list[str] | None = None) -> int:
    """Runs the steps; returns how many failed."""
    options = parse_arguments(arguments)
    summary = []
    failures = 0
    for name in options.steps or STEPS:
        begin = time.monotonic()
        print(f"== {name}", flush=True)
        try:
            result = STEPS[name](options, LIMITS[name])
        except (StepError, OSError) as error:
            failures += 1
            result = f"FAILED: {error}"
        seconds = time.monotonic() - begin
        summary.append(f"{name}: {result} ({seconds:.0f} s)")
        print(f"== {summary[-1]}", flush=True)
    print("\n".join(["", *summary]))
    return failures


if __name__ == "__main__":
    sys.exit(main())
