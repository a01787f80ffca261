# SPDX-License-Identifier: MIT
"""Builds dist/: the source distribution, and from it a wheel for each Python.

python packaging/wheels.py  # make wheel

Each wheel is tested by packaging/check.py, in fresh environments.
"""

import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
DIST, BUILD = ROOT / "dist", ROOT / "build" / "wheels"
MOST_BYTES = 22_000_000

# The Pythons that get a wheel of their own, and those that share one, which
# the first that is there builds. nanobind's stable interface starts at 3.12.
OWN, SHARED = ("3.10", "3.11"), ("3.12", "3.13", "3.14")

# The libstdc++ of this system may be newer than that of the users.
LINK = "-static-libstdc++"


def run(*command: object, **options: object) -> None:
    print("+", *command, flush=True)
    subprocess.run([str(part) for part in command], check=True, **options)


def find_pythons() -> dict[str, str]:
    """Returns the interpreters that start, by their versions."""
    found = {}
    for version in (*OWN, *SHARED):
        program = shutil.which(f"python{version}")
        test = [program, "-c", "import ensurepip, venv"]
        if (
            program
            and subprocess.run(test, capture_output=True).returncode == 0
        ):
            found[version] = program
        else:
            print(f"python{version} is not at hand")
    return found


def make_tools() -> Path:
    """Makes an environment of the tools; returns its folder of programs."""
    run(sys.executable, "-m", "venv", BUILD / "tools")
    tools = BUILD / "tools" / "bin"
    requirements = ROOT / "packaging" / "requirements.txt"
    run(tools / "pip", "install", "-q", "-r", requirements)
    return tools


def make_sources(tools: Path) -> Path:
    """Makes the source distribution; returns the folder that it unpacks to."""
    run(tools / "python", "-m", "build", "--sdist", "--outdir", DIST, ROOT)
    [archive] = DIST.glob("*.tar.gz")
    with tarfile.open(archive) as file:
        file.extractall(BUILD, filter="data")
    return BUILD / archive.name.removesuffix(".tar.gz")


def make_wheel(tools: Path, sources: Path, python: str) -> Path:
    """Builds a wheel from the sources for a Python, and names its platform."""
    raw = BUILD / "raw"
    shutil.rmtree(raw, ignore_errors=True)
    # One LLVM, at one place, lets a compiler cache serve all Pythons.
    llvm = [sys.executable, "-m", "mlc_llvm_static.config", "--prefix"]
    root = subprocess.check_output(llvm, text=True).strip()
    cmake = [f"-DCMAKE_MODULE_LINKER_FLAGS='{LINK}'", f"-DLLVM_ROOT='{root}'"]
    arguments = " ".join([os.environ.get("CMAKE_ARGS", ""), *cmake])
    variables = {**os.environ, "CMAKE_ARGS": arguments}
    run(
        *(python, "-m", "pip", "wheel", "-q", "--no-deps", "-w", raw, sources),
        env=variables,
    )
    [wheel] = raw.glob("*.whl")
    path = f"{tools}:{os.environ['PATH']}"
    repaired = BUILD / "repaired"
    shutil.rmtree(repaired, ignore_errors=True)
    run(
        *(tools / "auditwheel", "repair", "-w", repaired, wheel),
        env={**os.environ, "PATH": path},
    )
    [wheel] = repaired.glob("*.whl")
    return Path(shutil.copy(wheel, DIST))


def main() -> None:
    shutil.rmtree(DIST, ignore_errors=True)
    shutil.rmtree(BUILD, ignore_errors=True)
    pythons = find_pythons()
    tools = make_tools()
    sources = make_sources(tools)
    users = {version: [version] for version in OWN if version in pythons}
    if shared := [version for version in SHARED if version in pythons]:
        users[shared[0]] = shared
    for version, versions in users.items():
        wheel = make_wheel(tools, sources, pythons[version])
        size = wheel.stat().st_size
        assert size <= MOST_BYTES, f"{wheel.name} has {size} bytes"
        if version in SHARED:
            run(tools / "abi3audit", "--strict", wheel)
        for each in versions:
            run(
                sys.executable,
                ROOT / "packaging/check.py",
                pythons[each],
                wheel,
            )
    run(tools / "twine", "check", "--strict", *sorted(DIST.iterdir()))
    for path in sorted(DIST.iterdir()):
        print(f"{path.stat().st_size / 1e6:6.1f} MB  {path.name}")


if __name__ == "__main__":
    main()
