# SPDX-License-Identifier: MIT
"""Runs `python -m gramless doctor`, on machines with and without a GPU."""

import importlib.metadata
import json
import os
import platform
import subprocess
import sys

import pytest


def run(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "gramless", *arguments],
        capture_output=True,
        check=False,
        env={**os.environb, **{k.encode(): v for k, v in environment.items()}},
    )


def output(*arguments, **environment):
    done = run(*arguments, **environment)
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout.decode()


def test_prints_each_part():
    text = output("doctor")
    titles = [line for line in text.splitlines() if line[0] != " "]
    assert titles == ["versions", "processor", "threads", "CUDA", "engines"]
    assert f"  gramless {importlib.metadata.version('gramless')}\n" in text
    assert f"  Python {platform.python_version()}\n" in text
    assert f"  torch {importlib.metadata.version('torch')}\n" in text
    assert "\n  CPU on cpu: first call " in text


def test_json_holds_the_same():
    report = json.loads(output("doctor", "--json"))
    assert list(report) == [
        "versions",
        "processor",
        "threads",
        "driver",
        "engines",
    ]
    assert report["versions"]["numpy"] == importlib.metadata.version("numpy")
    assert report["threads"]["processors"] == len(os.sched_getaffinity(0))
    cpu, gpu = report["engines"]
    assert (cpu["did_run"], cpu["problem"]) == (True, "")
    assert 0 <= cpu["error"] < 1e-6
    assert gpu["did_run"] or gpu["problem"]
    assert report["driver"]["devices"] or not gpu["did_run"]


@pytest.mark.parametrize(
    ("value", "count", "text"),
    [
        (b"3", 3, "3"),
        (b"", None, ""),
        (b"many", None, "many"),
        (b"\xff4", None, "\\xff4"),
    ],
)
def test_reads_any_number_of_threads(value, count, text):
    report = json.loads(output("doctor", "--json", OMP_NUM_THREADS=value))
    assert report["threads"]["omp_num_threads"] == text
    assert report["threads"]["count"] == count or count is None
    assert f"OMP_NUM_THREADS {text or 'is not set'}\n" in output(
        "doctor", OMP_NUM_THREADS=value
    )


def test_loads_no_other_package():
    code = (
        "import runpy, sys; sys.argv[1:] = ['doctor']\n"
        "runpy.run_module('gramless', run_name='__main__')\n"
        "assert not {'torch', 'numpy'} & set(sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("arguments", [(), ("doctr",), ("doctor", "--xml")])
def test_names_the_commands(arguments):
    done = run(*arguments)
    assert done.returncode == 2
    assert done.stderr.startswith(b"usage: python -m gramless ")
