# SPDX-License-Identifier: MIT
"""Tests what runs all that needs a device, with programs in their places."""

import importlib.util
from pathlib import Path

import pytest

PATH = Path(__file__).parent / "on_device.py"
spec = importlib.util.spec_from_file_location("on_device", PATH)
on_device = importlib.util.module_from_spec(spec)
spec.loader.exec_module(on_device)


@pytest.fixture
def run(tmp_path, capfd):
    """Returns what runs a step with a script, and gives failures and output."""

    def with_script(step, *lines):
        script = tmp_path / "script"
        script.write_text("\n".join(["#!/bin/sh", *lines, ""]))
        script.chmod(0o755)
        options = ["--tests", str(script), "--python", str(script)]
        failures = on_device.main([*options, "--jobs", "2", step])
        return failures, capfd.readouterr().out

    return with_script


def test_counts_tests_in_all_processes(run):
    line = (
        "echo '[       OK ] Device/GridKernels.AreComputed/'$GTEST_SHARD_INDEX"
    )
    failures, output = run(
        "conformance", 'echo "$1 of $GTEST_TOTAL_SHARDS"', line
    )
    assert failures == 0
    assert "conformance: 2 passed (" in output


def test_says_that_nothing_ran(run):
    failures, output = run(
        "conformance",
        "echo '[       OK ] Doctor.PrintsEachPart'",
        "echo 'grid_suite.cpp:12: Skipped'",
        "echo 'expected a driver.'",
    )
    assert failures == 1
    assert "FAILED: nothing ran: expected a driver." in output
    failures, output = run("torch", "echo '70 skipped in 0.1s'")
    assert failures == 1
    assert "torch: FAILED: nothing ran" in output


def test_shows_what_failed(run):
    failures, output = run(
        "conformance",
        "echo shard $GTEST_SHARD_INDEX",
        "exit $GTEST_SHARD_INDEX",
    )
    assert failures == 1
    assert "FAILED: 1 of 2 processes failed" in output
    assert "shard 1" in output
    assert "shard 0" not in output


def test_runs_pytest_and_the_benchmark_with_the_python_that_is_given(run):
    failures, output = run("torch", 'echo "$2 $5"', "echo '3 passed in 1s'")
    assert failures == 0
    assert "pytest 2\n" in output
    assert "torch: 3 passed (" in output
    failures, output = run("bench", 'echo "$1"', "exit 2")
    assert failures == 1
    assert "bench/run_cuda.py\n" in output
    assert "bench: FAILED: the benchmark ended with 2 (" in output


@pytest.mark.parametrize("step", on_device.STEPS)
def test_ends_a_step_at_its_limit(run, step, monkeypatch):
    monkeypatch.setitem(on_device.LIMITS, step, 0.3)
    failures, output = run(step, "sleep 60 & wait")
    assert failures == 1
    assert f"{step}: FAILED: no end after 0 s" in output


def test_goes_on_behind_a_failure(tmp_path):
    options = ["--tests", str(tmp_path / "none"), "--python", "/bin/false"]
    assert on_device.main([*options, "--jobs", "1"]) == 3


def test_fits_into_twelve_minutes_with_a_build():
    assert sum(on_device.LIMITS.values()) <= 9 * 60
