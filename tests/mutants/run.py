# SPDX-License-Identifier: MIT
"""Breaks each promise of the table in a copy of the tree: its test must fail.

python tests/mutants/run.py [WORD ...]  # All rows, or those that hold a word.
"""

import os
import shutil
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

from promises.mutant import Mutant
from table import MUTANTS

ROOT = Path(__file__).parents[2]
TREE, BUILD = ROOT / "build/mutants/tree", ROOT / "build/mutants/build"

run = partial(subprocess.run, capture_output=True, text=True)


class RowError(Exception):
    """A change that cannot be built, or a test that cannot be run."""


def copy_tree() -> None:
    """Copies what has changed, so that no more than that is compiled."""
    command = ["git", "ls-files", "-coz", "--exclude-standard"]
    listed = run(command, cwd=ROOT, check=True).stdout.split("\0")
    names = {name for name in listed if (ROOT / name).is_file()}
    for path in TREE.rglob("*"):
        is_old = path.relative_to(TREE).as_posix() not in names
        if is_old and path.is_file() and not path.is_symlink():
            path.unlink()
    for name in names:
        source, target = ROOT / name, TREE / name
        if target.is_file() and target.read_bytes() == source.read_bytes():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


def configure() -> None:
    options = [
        "CMAKE_BUILD_TYPE=Release",
        "CMAKE_CXX_FLAGS_RELEASE=-O1",
        "GRAMLESS_TESTS=ON",
        "GRAMLESS_PYTHON=ON",
        f"Python_EXECUTABLE={sys.executable}",
    ]
    if shutil.which("ccache"):
        options.append("CMAKE_CXX_COMPILER_LAUNCHER=ccache")
    command = ["cmake", "-S", TREE, "-B", BUILD, "-G", "Ninja"]
    subprocess.run([*command, *(f"-D{o}" for o in options)], check=True)


def build(*targets: str) -> None:
    done = run(["cmake", "--build", BUILD, "--target", *targets])
    if done.returncode:
        raise RowError(done.stdout + done.stderr)
    for module in (BUILD / "python").glob("_core.*.so"):
        link = TREE / "python/gramless" / module.name
        if not link.is_symlink():
            link.symlink_to(module)


def failure_of(tests: list[str], target: str) -> str:
    """Runs tests of one kind; returns what they print if they fail."""
    if target == "gramless_tests":
        option = f"--gtest_filter={':'.join(tests)}"
        command, folder = [BUILD / "tests" / target, option], TREE / "tests"
    else:
        command = [sys.executable, "-m", "pytest", "-x", "-q", *tests]
        folder = TREE
    variables = {**os.environ, "PYTHONPATH": str(TREE / "python")}
    seconds = 120 * len(tests)
    try:
        done = run(command, cwd=folder, env=variables, timeout=seconds)
    except subprocess.TimeoutExpired:
        return "error: no end of the tests"
    # Of pytest, 1 is a test that failed; more than that is no test's result.
    output = f"{done.stdout}{done.stderr}error: status {done.returncode}"
    if 1 < done.returncode < 128:
        raise RowError(output)
    return output if done.returncode else ""


def fate_of(mutant: Mutant) -> str:
    path = TREE / mutant.file
    text = path.read_text("utf-8")
    path.write_text(text.replace(mutant.old, mutant.new), "utf-8")
    try:
        if path.suffix != ".py":
            build(mutant.target)
        is_dead = failure_of([mutant.test], mutant.target)
        return "killed" if is_dead else "SURVIVED"
    except RowError as problem:
        return f"{problem}\nERROR"
    finally:
        path.write_text(text, "utf-8")


def main(words: list[str]) -> int:
    rows = [m for m in MUTANTS if not words or any(w in str(m) for w in words)]
    copy_tree()
    configure()
    build("gramless_tests", "_core")
    for target in {row.target for row in rows}:
        tests = {row.test for row in rows if row.target == target}
        if failure := failure_of(sorted(tests), target):
            raise SystemExit(f"{failure}, before any change")
    killed = 0
    for number, row in enumerate(rows, 1):
        start = time.monotonic()
        fate = fate_of(row)
        killed += fate == "killed"
        seconds = f"{time.monotonic() - start:.0f} s"
        print(fate, f"{number}/{len(rows)}", seconds, row.promise, flush=True)
    return 0 if killed == len(rows) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
