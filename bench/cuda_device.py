# SPDX-License-Identifier: MIT
"""A CUDA device: what it is like, and how long work takes there."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress

import torch

Compute = Callable[[], dict]

_LONGEST_PAUSE = 0.2  # Seconds.
_LOAD = 0.1  # Seconds of work before the clock is read.
_CYCLES = 2 * 10**9  # Of a second, about: for pauses.


class CudaDevice:
    """The current device. Times are of events on its current stream."""

    name = "cuda"

    def facts(self) -> dict:
        """Returns what shares are computed of, and what a table says of it."""
        index = torch.cuda.current_device()
        properties = torch.cuda.get_device_properties(index)
        return {
            "device": properties.name,
            "multiprocessors": properties.multi_processor_count,
            "capability": [properties.major, properties.minor],
            "gigabytes": round(properties.total_memory / 1e9),
            "cuda": torch.version.cuda,
        }

    def first(self, prepare: Callable[[], Compute]) -> tuple:
        """Returns what computes a case, its results, and the seconds of both.

        All that was queued before has ended.
        """
        self.wait()
        start = time.perf_counter()
        compute = prepare()
        results = compute()
        self.wait()
        return compute, results, time.perf_counter() - start

    def turn(self, compute: Compute, calls: int) -> tuple[float, float]:
        """Returns the seconds of a call on the device, and of the host.

        Of one call, those of the device are no less than those of the host.
        """
        start = torch.cuda.Event(enable_timing=True)
        end = torch.cuda.Event(enable_timing=True)
        if calls > 1:
            self._pause(compute, calls)
        start.record()
        begin = time.perf_counter()
        for _ in range(calls):
            compute()
        host = time.perf_counter() - begin
        end.record()
        self.wait()
        return start.elapsed_time(end) / 1e3 / calls, host / calls

    def _pause(self, compute: Compute, calls: int) -> None:
        """Keeps the device busy until calls are queued behind each other.

        Otherwise it would wait for the host between them.
        """
        begin = time.perf_counter()
        compute()
        host = time.perf_counter() - begin
        self.wait()
        pause = min(_LONGEST_PAUSE, 2 * host * calls)
        torch.cuda._sleep(int(pause * _CYCLES))

    def clock(self, compute: Compute) -> float | None:
        """Returns how fast the multiprocessors' clock is under load, in Hz."""
        found: list[float] = []
        reader = threading.Thread(target=lambda: found.append(_read_clock()))
        begin = time.perf_counter()
        is_started = False
        while not is_started or reader.is_alive():
            compute()
            self.wait()
            if not is_started and time.perf_counter() - begin > _LOAD:
                reader.start()
                is_started = True
        return found[0] if found else None

    def wait(self) -> None:
        """Waits for all work of the device."""
        torch.cuda.synchronize()

    def release(self) -> None:
        """Gives memory back that no tensor has."""
        torch.cuda.empty_cache()


def _read_clock() -> float | None:
    """Asks torch, which needs a package for that, or the driver's tool."""
    with suppress(Exception):
        return torch.cuda.clock_rate() * 1e6
    command = ["nvidia-smi", "--query-gpu=clocks.sm", "--id=0"]
    command.append("--format=csv,noheader,nounits")
    with suppress(OSError, subprocess.SubprocessError, ValueError):
        output = subprocess.run(
            command, check=True, capture_output=True, text=True, timeout=10
        )
        return float(output.stdout.split()[0]) * 1e6
    return None
