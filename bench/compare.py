# SPDX-License-Identifier: MIT
"""Compares two runs of the benchmark, case by case.

    cd build/bench/runs; python ../../../bench/compare.py BEFORE.json AFTER.json

Shares of the loop of multiply-adds say more than pairs per second: each run
timed that loop beside Gramless, on a machine that may have been slower. Where
the count of instructions has changed, the last column is what is left: the
ratio of pairs for each multiply-add of the loop.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from tables import OURS, Report, Row, aligned, number


def main() -> None:
    """Prints the comparison as a table."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    options = parser.parse_args()
    before = rows_of(Report.load(options.before))
    after = rows_of(Report.load(options.after))
    print(table(before, after))


def rows_of(report: Report) -> dict[str, Row]:
    """Returns the rows of a report by the names of their cases."""
    return {row.case.name: row for row in report.rows}


def table(before: dict[str, Row], after: dict[str, Row]) -> str:
    """Returns the rows that both runs have as a table in Markdown."""
    lines = [["case", "M pairs/s", "count", "share", "× best peer", "ratio"]]
    for name in before:
        if name not in after:
            continue
        rows = before[name], after[name]
        lines.append(
            [
                name,
                _change(*(number(row.rate()) for row in rows)),
                _change(*(number(_count(row)) for row in rows)),
                _change(*(number(row.share(), ".0%") for row in rows)),
                _change(*(_best_peer(row) for row in rows)),
                number(_ratio(*rows), ".2f"),
            ]
        )
    return aligned(lines)


def _change(before: str, after: str) -> str:
    return before if before == after else f"{before} → {after}"


def _count(row: Row) -> int | None:
    return row.engines[OURS].instructions


def _best_peer(row: Row) -> str:
    best = row.best_peer()
    return f"{best[0]:.2f} ({best[1]})" if best else "–"


def _ratio(before: Row, after: Row) -> float | None:
    """Returns how many times as many pairs there are for a multiply-add."""
    shares = [
        share and share / _count(row)
        for row, share in ((before, before.share()), (after, after.share()))
    ]
    return shares[1] / shares[0] if all(shares) else None


if __name__ == "__main__":
    main()
