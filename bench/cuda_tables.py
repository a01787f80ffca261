# SPDX-License-Identifier: MIT
"""What a run on a GPU found: numbers as JSON, a table as Markdown."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median

from cases import Case
from tables import aligned, number, ratio_to, sizes_text

OURS = "Gramless"

SPECIAL_LANES = 16
"""Special functions that a multiprocessor computes in a clock."""

_FLOAT32_LANES = {(7, 5): 64, (8, 0): 64}  # 128 in others.
_FLOAT64_LANES = {(8, 0): 32, (9, 0): 64, (10, 0): 64}  # 2 in others.

_HEAD = """\
{device}, {multiprocessors} multiprocessors; {versions}; CUDA {cuda}.

Times are medians of turns, by events on the device. Slots: the instructions \
of arithmetic that a pair takes in all sweeps, by the plan, and in brackets \
those of special functions. Share: of the pairs that as many slots allow at \
the clock under load, or that special functions allow, whichever are fewer. \
Host: of a call, until it returns. First: of the first call, with all \
compilation. Error: the largest one, in roundings (2^-24, or 2^-53 for \
float64) of the largest number of a result. Then how many times as fast as a \
peer Gramless is."""


def lanes(capability: tuple[int, int], dtype: str) -> int:
    """Returns how many numbers a multiprocessor computes in a clock."""
    if dtype == "float64":
        return _FLOAT64_LANES.get(capability, 2)
    return _FLOAT32_LANES.get(capability, 128)


@dataclass
class Timing:
    """What came of one case with one engine."""

    first: float | None = None  # Seconds.
    error: float | None = None  # Roundings.
    times: list[float] = field(default_factory=list)  # Seconds of a call.
    hosts: list[float] = field(default_factory=list)  # Of the host.
    ratios: list[float] = field(default_factory=list)  # To Gramless.
    fault: str = ""


@dataclass
class DeviceRow:
    """A case and what came of it on a device."""

    case: Case
    engines: dict[str, Timing]
    slots: int | None = None  # Of a pair.
    special: int | None = None  # How many of them are special functions.
    clock: float | None = None  # Hz.

    def seconds(self) -> float | None:
        """Returns how long a call of Gramless takes."""
        times = self.engines[OURS].times
        return median(times) if times else None

    def rate(self) -> float | None:
        """Returns the pairs per second of Gramless."""
        seconds = self.seconds()
        return self.case.pairs / seconds if seconds else None

    def share(self, facts: dict) -> float | None:
        """Returns the share of what the device allows."""
        rate = self.rate()
        if not (rate and self.slots and self.clock):
            return None
        in_clock = rate / (facts["multiprocessors"] * self.clock)
        capability = tuple(facts["capability"])
        issued = in_clock * self.slots / lanes(capability, self.case.dtype)
        return max(issued, in_clock * (self.special or 0) / SPECIAL_LANES)


class DeviceReport:
    """All that a run on a device found."""

    def __init__(self, facts: dict, peers: list[str]) -> None:
        self.facts = facts
        self.peers = peers
        self.rows: list[DeviceRow] = []

    def save(self, path: Path) -> None:
        """Writes all numbers."""
        rows = [
            asdict(row) | {"share": row.share(self.facts)} for row in self.rows
        ]
        text = json.dumps({**self.facts, "peers": self.peers, "rows": rows})
        path.write_text(f"{text}\n", "utf-8")

    def head(self) -> list[str]:
        """Returns the names of the columns."""
        names = ["case", "sizes", "Gpairs/s", "ms", "slots", "share", "GHz"]
        return [*names, "host µs", "first ms", "error", *self.peers]

    def line(self, row: DeviceRow) -> list[str]:
        """Returns the cells of a row."""
        ours = row.engines[OURS]
        rate, seconds = row.rate(), row.seconds()
        slots = "–" if row.slots is None else f"{row.slots} ({row.special})"
        return [
            row.case.name,
            sizes_text(row.case),
            number(rate and rate / 1e9, ".0f"),
            number(seconds and seconds * 1e3, ".3g"),
            slots,
            number(row.share(self.facts), ".0%"),
            number(row.clock and row.clock / 1e9, ".2f"),
            number(median(ours.hosts) * 1e6 if ours.hosts else None),
            number(ours.first and ours.first * 1e3),
            number(ours.error, ".1f"),
            *(
                number(ratio_to(peer, row.engines), ".2f")
                for peer in self.peers
            ),
        ]

    def markdown(self) -> str:
        """Returns the table with its notes."""
        lines = [self.head(), *map(self.line, self.rows)]
        parts = [_HEAD.format(**self.facts), aligned(lines)]
        faults = [
            f"- {name}, {row.case.name}: {timing.fault}"
            for row in self.rows
            for name, timing in row.engines.items()
            if timing.fault
        ]
        parts += ["Not timed:", "\n".join(faults)] if faults else []
        return "\n\n".join(parts) + "\n"
