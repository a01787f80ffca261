# SPDX-License-Identifier: MIT
"""Draws a run of the benchmark: shares of the limit, and times the best peer.

python bench/picture.py build/bench/runs/RUN.json docs/pictures/speed.svg
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib

from tables import Report

matplotlib.use("Agg")
import matplotlib.pyplot as plt

plt.rcParams["svg.fonttype"] = "none"  # Text stays text.

_SHARE, _TIMES, _GRID = "#2a6f97", "#bc6c25", "#d9d9d9"


def main() -> None:
    """Reads a run and writes the picture."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("run", type=Path)
    parser.add_argument("picture", type=Path)
    options = parser.parse_args()
    draw(Report.load(options.run), options.picture)


def draw(report: Report, path: Path) -> None:
    """Draws two panels with a bar for each case."""
    rows = report.rows[::-1]
    names = [row.case.name for row in rows]
    figure, (left, right) = plt.subplots(
        1, 2, sharey=True, figsize=(9, 0.3 * len(rows) + 1.2)
    )
    shares = [100 * (row.share() or 0) for row in rows]
    bars = left.barh(names, shares, color=_SHARE)
    left.bar_label(bars, [f"{share:.0f}" for share in shares], padding=2)
    left.set_title("% of a loop of multiply-adds", fontsize=10)
    left.axvline(100, color="black", linewidth=0.8)
    left.set_xlim(0, 1.1 * max([100, *shares]))
    left.set_ylim(-0.6, len(rows) - 0.4)
    best = [row.best_peer() or (0.0, "") for row in rows]
    bars = right.barh(names, [ratio for ratio, _ in best], color=_TIMES)
    labels = [f"{ratio:.1f}  {peer}" if peer else "" for ratio, peer in best]
    right.bar_label(bars, labels, padding=2, fontsize=8)
    right.axvline(1, color="black", linewidth=0.8)
    right.set_title("times as fast as the best peer", fontsize=10)
    right.set_xlim(0, 1.6 * max([1.0, *(ratio for ratio, _ in best)]))
    for axes in (left, right):
        axes.set_axisbelow(True)
        axes.grid(axis="x", color=_GRID, linewidth=0.6)
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(axis="y", length=0)
    facts = report.facts
    figure.suptitle(f"{facts['processor']}, one core", fontsize=10)
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(
        path, metadata={"Date": None} if path.suffix == ".svg" else {}
    )


if __name__ == "__main__":
    main()
