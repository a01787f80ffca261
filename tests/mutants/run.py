# SPDX-License-Identifier: MIT
"""Breaks each promise of the table in a copy of the tree: its test must fail.

python tests/mutants/run.py              # All rows of tests/mutants/table.py.
python tests/mutants/run.py fork denorm  # Those that hold one of the words.
"""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from table import MUTANTS, Mutant

ROOT = Path(__file__).parents[2]
TREE = ROOT / "build/mutants/tree"
BUILD = ROOT / "build/mutants/build"
TIME_LIMIT = 120  # Seconds of a test.


def copy_tree() -> None:
    """Copies what has changed, so that no more than that is compiled."""
    command = ["git", "ls-files", "-co", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    for name in filter(None, listed.stdout.decode().split("\0")):
        source, target = ROOT / name, TREE / name
        if not source.is_file():
            continue
        if target.is_file() and target.read_bytes() == source.read_bytes():
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)


def configure() -> None:
    options = {
        "CMAKE_BUILD_TYPE": "Release",
        "CMAKE_CXX_FLAGS_RELEASE": "-O1",
        "GRAMLESS_TESTS": "ON",
        "GRAMLESS_PYTHON": "ON",
        "Python_EXECUTABLE": sys.executable,
    }
    if shutil.which("ccache"):
        options["CMAKE_CXX_COMPILER_LAUNCHER"] = "ccache"
    command = ["cmake", "-S", TREE, "-B", BUILD, "-G", "Ninja"]
    command += [f"-D{name}={value}" for name, value in options.items()]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def build(*targets: str) -> None:
    command = ["cmake", "--build", BUILD, "--target", *targets]
    done = subprocess.run(command, text=True, stdout=subprocess.PIPE)
    if done.returncode != 0:
        raise SystemExit(f"{done.stdout}error: the build failed")
    for module in (BUILD / "python").glob("_core.*.so"):
        link = TREE / "python/gramless" / module.name
        if not link.is_symlink():
            link.symlink_to(module)


def passes(tests: list[str], target: str) -> bool:
    """Runs tests of one kind: of the C++ program, or of Python."""
    if target == "gramless_tests":
        command = [BUILD / "tests/gramless_tests"]
        command += [f"--gtest_filter={':'.join(tests)}"]
        folder = TREE / "tests"
    else:
        command = [sys.executable, "-m", "pytest", "-x", "-q", *tests]
        folder = TREE
    environment = {**os.environ, "PYTHONPATH": str(TREE / "python")}
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            timeout=TIME_LIMIT * len(tests),
            capture_output=True,
            text=True,
        )
    except subprocess.TimeoutExpired:
        return False
    # Of pytest, 1 is a test that failed; more than that is no test's result.
    if 1 < done.returncode < 128:
        raise SystemExit(f"{done.stdout}{done.stderr}error: no test has run")
    return done.returncode == 0


def survives(mutant: Mutant) -> bool:
    path = TREE / mutant.file
    text = path.read_text("utf-8")
    path.write_text(text.replace(mutant.old, mutant.new), "utf-8")
    try:
        if path.suffix != ".py":
            build(mutant.target)
        return passes([mutant.test], mutant.target)
    finally:
        path.write_text(text, "utf-8")


def main(words: list[str]) -> int:
    rows = [m for m in MUTANTS if not words or any(w in str(m) for w in words)]
    copy_tree()
    configure()
    build("gramless_tests", "_core")
    for target in {row.target for row in rows}:
        tests = {row.test for row in rows if row.target == target}
        if not passes(sorted(tests), target):
            raise SystemExit(f"error: {target}: tests fail before any change")
    survivors = 0
    for number, row in enumerate(rows, 1):
        start = time.monotonic()
        survivor = survives(row)
        survivors += survivor
        fate = "SURVIVED" if survivor else "killed  "
        seconds = time.monotonic() - start
        print(f"{fate} {number}/{len(rows)} {seconds:3.0f} s  {row.promise}")
        sys.stdout.flush()
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
