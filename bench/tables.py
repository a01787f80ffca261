# SPDX-License-Identifier: MIT
"""What the benchmark found: tables as Markdown, all numbers as JSON."""

from __future__ import annotations

import json
import platform
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median

from cases import Case
from engines import ENGINES

INSTRUCTIONS = 16
"""What a model of a Gaussian in 3-D takes for one vector of pairs."""

_HEAD = """\
{processor}; {threads} thread(s); {versions}.

Million pairs per second, and how many times as fast as a peer Gramless is \
(with the peer's million pairs per second)."""
_MODEL = """\
Model: a loop of fused multiply-adds in registers, timed in the same run, did \
{rate:.2f} billion per second, of {lanes} lanes; a vector of pairs takes \
{instructions} of them. That is for AVX-512; elsewhere an exponential takes \
about 4 more."""
_FIRST = "Seconds from the import to the first result, with all compilation."
_PEAK = """\
Memory of the process for the first result: the most, in MB, above what was \
in use before."""
_ERROR = """\
Largest error, in roundings (2^-24, or 2^-53 for float64) of the largest \
number of a result."""


@dataclass
class Outcome:
    """What came of one case with one engine."""

    first: float | None = None  # Seconds.
    peak: float | None = None  # MB.
    error: float | None = None  # Roundings.
    entries: int | None = None  # Of a block, where that was tuned.
    times: list[float] = field(default_factory=list)  # Seconds.
    ratios: list[float] = field(default_factory=list)  # To Gramless.
    fault: str = ""

    def rate(self, case: Case) -> float | None:
        """Returns million pairs per second."""
        return case.pairs / median(self.times) / 1e6 if self.times else None


Row = tuple[Case, dict[str, Outcome], list[dict]]
"""A case, what came of it with each engine, and loops of the model."""


class Report:
    """All that a run of the benchmark found."""

    def __init__(self, threads: int) -> None:
        versions = dict.fromkeys(e.version for e in ENGINES.values())
        self._facts = {
            "processor": _processor(),
            "threads": threads,
            "versions": ", ".join(versions),
        }
        self.rows: list[Row] = []

    def add(self, *row: Case | dict[str, Outcome] | list[dict]) -> None:
        """Adds a row."""
        self.rows.append(row)

    def save(self, folder: Path) -> None:
        """Writes results.md and results.json."""
        (folder / "results.md").write_text(self.markdown(), "utf-8")
        rows = [
            {
                "case": asdict(case),
                "engines": {name: asdict(o) for name, o in outcomes.items()},
                "fma": fma,
            }
            for case, outcomes, fma in self.rows
        ]
        text = json.dumps({**self._facts, "rows": rows})
        (folder / "results.json").write_text(f"{text}\n", "utf-8")

    def markdown(self) -> str:
        """Returns the tables with their notes."""
        parts = [_HEAD.format(**self._facts), self._speeds()]
        loops = [loop for _, _, fma in self.rows for loop in fma]
        if loops:
            rate = median(loop["per_second"] for loop in loops) / 1e9
            numbers = {**loops[0], "rate": rate, "instructions": INSTRUCTIONS}
            parts.append(_MODEL.format(**numbers))
        parts += [_FIRST, self._table(lambda o: _number(o.first, ".2f"))]
        parts += [_PEAK, self._table(lambda o: _number(o.peak, ".0f"))]
        parts += [_ERROR, self._table(lambda o: _number(o.error, ".1f"))]
        faults = [
            f"- {name}, {case.name}: {outcome.fault}"
            for case, outcomes, _ in self.rows
            for name, outcome in outcomes.items()
            if outcome.fault
        ]
        parts += ["Not timed:", "\n".join(faults)] if faults else []
        return "\n\n".join(parts) + "\n"

    def _speeds(self) -> str:
        ours, *peers = ENGINES
        lines = [["case", "sizes", ours, "of model", *peers]]
        for case, outcomes, fma in self.rows:
            rate = outcomes[ours].rate(case)
            share = rate and fma and rate / _model_rate(fma)
            line = [case.name, _sizes(case), _number(rate, ".0f")]
            line.append(_number(share or None, ".0%"))
            for peer in peers:
                ratios = outcomes[peer].ratios
                ratio = _number(median(ratios) if ratios else None, ".2f")
                rate = _number(outcomes[peer].rate(case), ".0f")
                line.append("–" if rate == "–" else f"{ratio} ({rate})")
            lines.append(line)
        return _aligned(lines)

    def _table(self, cell: Callable[[Outcome], str]) -> str:
        lines = [["case", *ENGINES]]
        for case, outcomes, _ in self.rows:
            lines.append([case.name, *map(cell, outcomes.values())])
        return _aligned(lines)


def _model_rate(fma: list[dict]) -> float:
    """Returns million pairs per second of the model."""
    loop = median(loop["per_second"] for loop in fma)
    return loop * fma[0]["lanes"] / INSTRUCTIONS / 1e6


def _number(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)


def _sizes(case: Case) -> str:
    return f"{case.rows} × {case.N}, D={case.D}, E={case.E}, {case.dtype}"


def _aligned(lines: Sequence[Sequence[str]]) -> str:
    """Returns a table in Markdown, with columns of even width."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    cells = [
        [cell.ljust(width) for cell, width in zip(line, widths, strict=True)]
        for line in lines
    ]
    cells.insert(1, ["-" * width for width in widths])
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def _processor() -> str:
    """Returns what the machine calls its processor."""
    path = Path("/proc/cpuinfo")
    text = path.read_text("utf-8") if path.exists() else ""
    found = re.search(r"model name\s*:\s*(.*)", text)
    return found[1] if found else platform.machine()
