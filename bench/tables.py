# SPDX-License-Identifier: MIT
"""What a run of the benchmark found: numbers as JSON, tables as Markdown."""

from __future__ import annotations

import json
import platform
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median

import numpy as np

from cases import Case
from engines import ENGINES

OURS, *PEERS = ENGINES

_HEAD = """\
{processor}; {cores} core(s); {versions}.

Million pairs per second; how many vector instructions arithmetic takes for a \
vector of pairs, in all sweeps; the share of the rate at which a loop of \
multiply-adds in registers does as many, timed in the same turns{loop}; what \
all {all_cores} cores add, beside what they add to that loop; the largest \
error, in roundings (2^-24, or 2^-53 for float64) of the largest number of a \
result. Then how many times as fast as a peer Gramless is."""
_RATES = "Million pairs per second of each."
_FIRST = "Seconds from the import to the first result, with all compilation."
_PEAK = """\
Memory of the process for the first result: the most, in MB, above what was \
in use before."""
_ERROR = "Largest error, in roundings."


@dataclass
class Outcome:
    """What came of one case with one engine."""

    first: float | None = None  # Seconds.
    peak: float | None = None  # MB.
    error: float | None = None  # Roundings.
    entries: int | None = None  # Of a block, where that was tuned.
    instructions: int | None = None  # Of arithmetic, for a vector of pairs.
    times: list[float] = field(default_factory=list)  # Seconds.
    ratios: list[float] = field(default_factory=list)  # To Gramless.
    fault: str = ""


@dataclass
class Row:
    """A case and what came of it."""

    case: Case
    engines: dict[str, Outcome]
    parallel: Outcome = field(
        default_factory=Outcome
    )  # Gramless, on all cores.
    loops: list[dict] = field(default_factory=list)  # Of multiply-adds.
    parallel_loops: list[dict] = field(default_factory=list)  # On all cores.

    def rate(self, engine: str = OURS) -> float | None:
        """Returns million pairs per second."""
        times = self.engines[engine].times
        return self.case.pairs / median(times) / 1e6 if times else None

    def best_peer(self) -> tuple[float, str] | None:
        """Returns the smallest ratio and its peer."""
        ratios = ((ratio_to(peer, self.engines), peer) for peer in self.engines)
        return min((pair for pair in ratios if pair[0]), default=None)

    def share(self) -> float | None:
        """Returns the share of what the loop of multiply-adds would allow."""
        rate, count = self.rate(), self.engines[OURS].instructions
        if not (rate and count and self.loops):
            return None
        lanes = self.loops[0]["bytes"] / np.dtype(self.case.dtype).itemsize
        return rate * 1e6 * count / (_per_second(self.loops) * lanes)

    def scaling(self) -> tuple[float, float] | None:
        """Returns what all cores add to Gramless, and what to the loop."""
        if not (self.parallel.ratios and self.parallel_loops):
            return None
        loops = _per_second(self.parallel_loops) / _per_second(self.loops)
        return median(self.parallel.ratios), loops


def ratio_to(peer: str, engines: Mapping) -> float | None:
    """Returns how many times as fast as a peer Gramless is."""
    ratios = engines[peer].ratios if peer in engines else ()
    return median(ratios) if ratios else None


def _per_second(loops: Sequence[dict]) -> float:
    return median(loop["per_second"] for loop in loops)


class Report:
    """All that a run of the benchmark found."""

    def __init__(self, facts: dict, rows: list[Row]) -> None:
        self.facts = facts
        self.rows = rows

    @classmethod
    def load(cls, path: Path) -> Report:
        """Reads what save() has written."""
        facts = json.loads(path.read_text("utf-8"))
        rows = []
        for row in facts.pop("rows"):
            case = Case(**row.pop("case"))
            parallel = Outcome(**row.pop("parallel"))
            engines = {k: Outcome(**v) for k, v in row.pop("engines").items()}
            rows.append(Row(case, engines, parallel, **row))
        return cls(facts, rows)

    def save(self, path: Path) -> None:
        """Writes all numbers."""
        rows = [asdict(row) for row in self.rows]
        text = json.dumps({**self.facts, "rows": rows})
        path.write_text(f"{text}\n", "utf-8")

    def markdown(self) -> str:
        """Returns the tables with their notes."""
        loops = [loop for row in self.rows for loop in row.loops]
        rate = f" ({_per_second(loops) / 1e9:.2f}·10⁹ per s)" if loops else ""
        parts = [_HEAD.format(**self.facts, loop=rate), self._speeds()]
        table = self._table
        if len(self.rows[0].engines) > 1:
            parts += [_RATES, table(lambda r, name: number(r.rate(name)))]
        for text, name, form in (
            (_FIRST, "first", ".2f"),
            (_PEAK, "peak", ".0f"),
            (_ERROR, "error", ".1f"),
        ):
            parts += [text, table(_attribute(name, form))]
        faults = [
            f"- {name}, {row.case.name}: {outcome.fault}"
            for row in self.rows
            for name, outcome in row.engines.items()
            if outcome.fault
        ]
        parts += ["Not timed:", "\n".join(faults)] if faults else []
        return "\n\n".join(parts) + "\n"

    def _speeds(self) -> str:
        _, *peers = self.rows[0].engines
        head = ["case", "sizes", OURS, "count", "share", "cores", "error"]
        lines = [[*head, *peers]]
        for row in self.rows:
            ours = row.engines[OURS]
            cores = row.scaling()
            line = [
                row.case.name,
                sizes_text(row.case),
                number(row.rate()),
                number(ours.instructions),
                number(row.share(), ".0%"),
                "{:.2f} ({:.2f})".format(*cores) if cores else "–",
                number(ours.error, ".1f"),
            ]
            line += [
                number(ratio_to(peer, row.engines), ".2f") for peer in peers
            ]
            lines.append(line)
        return aligned(lines)

    def _table(self, cell: Callable[[Row, str], str]) -> str:
        lines = [["case", *self.rows[0].engines]]
        for row in self.rows:
            cells = (cell(row, name) for name in row.engines)
            lines.append([row.case.name, *cells])
        return aligned(lines)


def _attribute(name: str, form: str) -> Callable[[Row, str], str]:
    return lambda row, each: number(getattr(row.engines[each], name), form)


def number(value: float | None, form: str = ".0f") -> str:
    """Returns the text of a number that may be missing."""
    return "–" if value is None else format(value, form)


def sizes_text(case: Case) -> str:
    """Returns the sizes of a case, for a table."""
    batch = f"{case.problems} of " if case.problems > 1 else ""
    sizes = f"{batch}{case.rows} × {case.N}"
    return f"{sizes}, D={case.D}, E={case.E}, {case.dtype}"


def aligned(lines: Sequence[Sequence[str]]) -> str:
    """Returns a table in Markdown, with columns of even width."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    cells = [
        [cell.ljust(width) for cell, width in zip(line, widths, strict=True)]
        for line in lines
    ]
    cells.insert(1, ["-" * width for width in widths])
    return "\n".join(f"| {' | '.join(line)} |" for line in cells)


def processor() -> str:
    """Returns what the machine calls its processor."""
    path = Path("/proc/cpuinfo")
    text = path.read_text("utf-8") if path.exists() else ""
    found = re.search(r"model name\s*:\s*(.*)", text)
    return found[1] if found else platform.machine()
