# SPDX-License-Identifier: MIT
"""Runs small cases of the benchmarks, which use the library from inside."""

import importlib
import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

sys.path.append(str(Path(__file__).parents[1] / "bench"))
import run_cuda
import with_torch
from cases import Case, data
from cuda_cases import ALL_CUDA_CASES
from cuda_device import CudaDevice
from cuda_reference import expected
from cuda_tables import DeviceRow, Timing, lanes
from deviation import deviation
from with_gramless import instructions, prepare, slots


@pytest.mark.parametrize("order", [0, 1, 2])
def test_counts_the_instructions_of_all_sweeps(order):
    case = Case("small", 40, order=order)
    compute = prepare(case, data(case), 0)
    counts = instructions(compute)
    assert set(compute()) == {"a", *case.wrt}
    # An exponential takes seven instructions or more, wherever it is computed.
    assert counts > 7 * (1 + order)


def test_counts_the_slots_of_a_gpu():
    def of(case):
        return slots(prepare(case, data(case), 0), "sm_90")

    case = Case("small", 40)
    assert of(case) == (9, 1)
    assert of(replace(case, E=64)) == (8 + 64, 1)
    assert of(replace(case, D=100)) == (9 + 2 * 97, 1)
    assert of(replace(case, kernel="laplacian(x,y)"))[1] == 2
    assert of(replace(case, problems=3)) == (9, 1)
    # A sweep for the gradient of x, and one for those of y and b.
    gradients = replace(case, order=1, only=("x", "y", "b"))
    alone = of(replace(gradients, is_gradient_alone=True))
    assert of(gradients) == (9 + alone[0], 1 + alone[1])
    assert alone[1] == 2


def small(case):
    """Returns a case with few pairs, and few problems."""
    problems = min(case.problems, 5)
    return replace(case, N=60, M=case.M and 130, problems=problems)


def arrays_of(case):
    return {k: torch.from_numpy(array) for k, array in data(case).items()}


@pytest.mark.parametrize(
    "case", [small(case) for case in ALL_CUDA_CASES], ids=lambda c: c.name
)
def test_engines_agree_with_what_is_expected(case):
    tensors = arrays_of(case)
    wanted = expected(case, tensors)
    assert set(wanted) == {"rows", "a", *case.wrt}
    for each in (prepare, with_torch.products, with_torch.differences):
        # Blocks of some rows, or of some problems.
        compute = each(case, tensors, 1000)
        compute()
        assert deviation(case, wanted, compute()) < 1000


def test_finds_what_is_wrong():
    case = Case("small", 50)
    tensors = arrays_of(case)
    wanted = expected(case, tensors)
    results = prepare(case, tensors, 0)()
    results["a"] = results["a"].clone()
    results["a"][wanted["rows"][3]] *= 1.001
    assert deviation(case, wanted, results) > 1000


def test_cases_have_names_of_their_own():
    names = [case.name for case in ALL_CUDA_CASES]
    assert len(set(names)) == len(names)


def test_shares_are_of_slots_or_of_special_functions():
    facts = {"multiprocessors": 132, "capability": [9, 0]}

    def share(slots, special, dtype="float32"):
        case = Case("pairs", 10**5, dtype=dtype)
        timing = Timing(times=[0.01, 0.02, 0.005])
        row = DeviceRow(case, {"Gramless": timing}, slots, special, 1.5e9)
        return row.share(facts)

    in_clock = 1e12 / (132 * 1.5e9)
    assert share(9, 1) == pytest.approx(in_clock * 9 / 128)
    assert share(16, 2) == pytest.approx(in_clock * 2 / 16)
    assert share(26, 0, "float64") == pytest.approx(in_clock * 26 / 64)
    assert share(None, None) is None


def test_knows_how_many_numbers_are_computed_in_a_clock():
    assert lanes((8, 0), "float32") == 64
    assert lanes((8, 6), "float32") == lanes((9, 0), "float32") == 128
    assert lanes((8, 6), "float64") == 2


def test_flash_sinkhorn_computes_a_log_sum_exp(monkeypatch):
    """With what its documentation says in its place."""

    def flashsinkhorn_lse(x, y, bias, eps, *, allow_tf32):
        assert not allow_tf32
        return -eps * (2 * x @ y.T / eps + bias).logsumexp(1)

    place = "flash_sinkhorn.kernels.sinkhorn_flashstyle_sqeuclid"
    module = SimpleNamespace(flashsinkhorn_lse=flashsinkhorn_lse)
    monkeypatch.setitem(sys.modules, place, module)
    for name in ("flash_sinkhorn", "flash_sinkhorn.kernels"):
        monkeypatch.setitem(sys.modules, name, SimpleNamespace(__path__=[]))
    engine = importlib.import_module("with_flash_sinkhorn")
    del sys.modules["with_flash_sinkhorn"]
    case = Case("lse", 80, mode="lse")
    tensors = arrays_of(case)
    results = engine.prepare(case, tensors, 0)()
    assert deviation(case, expected(case, tensors), results) < 1000


def test_times_are_of_events(monkeypatch):
    """With a device in whose time each event is 30 ms behind the last one."""
    log = []

    class Event:
        def __init__(self, enable_timing):
            assert enable_timing

        def record(self):
            log.append("event")

        def elapsed_time(self, end):
            return 30.0

    monkeypatch.setattr(torch.cuda, "Event", Event)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: log.append("wait"))
    monkeypatch.setattr(torch.cuda, "_sleep", lambda _: log.append("pause"))
    device = CudaDevice()
    seconds, host = device.turn(lambda: log.append("call"), 3)
    assert seconds == pytest.approx(0.01)
    assert 0 < host < 0.01
    queued = ["event", "call", "call", "call", "event", "wait"]
    assert log == ["call", "wait", "pause", *queued]
    log.clear()
    device.turn(lambda: log.append("call"), 1)
    assert log == ["event", "call", "event", "wait"]


def test_reads_the_clock_under_load(monkeypatch, tmp_path):
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\nsleep 0.1\necho 1755\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: None)
    calls = []
    assert CudaDevice().clock(lambda: calls.append(1)) == 1755e6
    assert calls
    tool.write_text("#!/bin/sh\nexit 1\n")
    assert CudaDevice().clock(lambda: None) is None


class Processor:
    """Takes the place of a CUDA device."""

    name = "cpu"

    def facts(self):
        return {
            "device": "a processor",
            "multiprocessors": 1,
            "capability": [9, 0],
            "gigabytes": 1,
            "cuda": "none",
        }

    def first(self, prepare):
        compute = prepare()
        return compute, compute(), 0.25

    def turn(self, compute, calls):
        start = time.perf_counter()
        for _ in range(calls):
            compute()
        seconds = time.perf_counter() - start
        return seconds / calls, seconds / calls / 2

    def clock(self, compute):
        return 1e9

    def release(self):
        pass


@pytest.fixture
def small_run(monkeypatch, tmp_path):
    """Returns what runs cases on the CPU, and gives the report's folder."""
    monkeypatch.setattr(run_cuda, "FOLDER", tmp_path)
    monkeypatch.setattr(run_cuda, "TURN_SECONDS", 0.002)

    def run(cases, peers, seconds=60.0):
        options = run_cuda.parse_arguments([])
        options.cases, options.peers = cases, peers
        options.seconds = seconds
        run_cuda.DeviceRun(options, Processor()).run()
        return tmp_path

    return run


def test_prints_and_saves_each_row(small_run, capsys):
    cases = [Case("one", 60), Case("lse", 50, mode="lse")]
    folder = small_run(cases, ["torch, products", "FlashSinkhorn"])
    output = capsys.readouterr().out
    assert output.startswith("| case | sizes | Gpairs/s | ms | slots | share |")
    assert "| one | 60 × 60, D=3, E=1, float32 |" in output
    (path,) = (folder / "runs").glob("cuda-*.json")
    saved = json.loads(path.read_text("utf-8"))
    one, lse = saved["rows"]
    assert (one["slots"], one["special"]) == (9, 1)
    assert one["share"] > 0
    ours, theirs = one["engines"]["Gramless"], one["engines"]["torch, products"]
    assert len(ours["times"]) == len(theirs["ratios"]) == run_cuda.TURNS
    assert ours["first"] == 0.25
    assert np.median(ours["hosts"]) < np.median(ours["times"])
    table = (folder / "cuda.md").read_text("utf-8")
    # It takes log-sum-exps alone, and is not installed.
    assert one["engines"]["FlashSinkhorn"]["fault"] == ""
    assert "No module named" in lse["engines"]["FlashSinkhorn"]["fault"]
    assert "- FlashSinkhorn, lse: ModuleNotFoundError" in table
    assert table in output


def test_says_what_is_wrong(small_run, monkeypatch, capsys):
    monkeypatch.setattr(run_cuda, "ROUNDINGS", -1.0)
    small_run([Case("one", 60)], [])
    output = capsys.readouterr().out
    assert "- Gramless, one: ArithmeticError: wrong: off by" in output
    assert "| one | 60 × 60, D=3, E=1, float32 | – " in output


def test_ends_when_there_is_no_time(small_run, capsys):
    small_run([Case("one", 60), Case("two", 60)], [], seconds=-1.0)
    assert "No time was left for: one, two." in capsys.readouterr().out


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a device")
def test_says_that_there_is_no_device(capsys):
    assert run_cuda.main([]) == 2
    assert capsys.readouterr().err == (
        "bench/run_cuda.py: expected a CUDA device, got none: "
        "torch.cuda.is_available() is False.\n"
    )


def test_chooses_cases_by_a_pattern():
    options = run_cuda.parse_arguments(["--only", "lse", "--peers", ""])
    assert {case.mode for case in options.cases} == {"lse"}
    assert options.peers == []
    with pytest.raises(SystemExit):
        run_cuda.parse_arguments(["--only", "nothing of that name"])
