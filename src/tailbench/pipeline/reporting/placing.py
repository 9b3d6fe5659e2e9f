"""Where new methods stand among others, as text for a terminal."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any

from tailbench.metrics.group_scores import GROUP_NAMES, QUALITY
from tailbench.metrics.separation import ENOUGH_SEEDS
from tailbench.metrics.verdicts import WITHIN
from tailbench.pipeline.reporting.leaderboard import WIDTH, Leaderboard, row_line
from tailbench.pipeline.reporting.number_format import number

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["placing"]

MARK = ">"


def placing(board: Leaderboard, fresh: Collection[str]) -> str:
    """Write the ranks of all methods in each group, with new ones marked, in 80 columns.

    Below each group stand the place of each new method, the interval of its rank, and the
    methods that it cannot be told apart from; at last where it is within 1.5 floors, and what it
    costs.

    Args:
        board: The leaderboard of all methods.
        fresh: Names of the new methods.
    """
    lines: list[str] = []
    for section in board.sections():
        if section["group"] not in QUALITY:
            continue
        interval = "range over seeds" if section["few"] else "95 % interval"
        lines += [f"{section['title']}, in floors ({interval})"]
        for row in section["rows"]:
            lines.append((MARK if row["method"] in fresh else " ") + row_line(row)[1:])
        for text in _places(section, board.pairs, fresh):
            lines += textwrap.wrap(text, WIDTH, subsequent_indent="  ")
        lines.append("")
    for text in (*_within(board.judged, fresh), *_costs(board.metrics, fresh)):
        lines += textwrap.wrap(text, WIDTH, subsequent_indent="  ")
    return "\n".join(lines)


def _places(section: dict[str, Any], pairs: pd.DataFrame, fresh: Collection[str]) -> Iterator[str]:
    """Say the place of each new method in a group."""
    whole = [row for row in section["rows"] if not row["missing"]]
    for row in section["rows"]:
        if row["method"] not in fresh:
            continue
        if row["missing"]:
            yield f"{row['name']}: {row['note']}"
            continue
        if section["few"]:
            place = 1 + sum(other["iqm"] < row["iqm"] - 1e-12 for other in whole)
            yield (
                f"{row['name']}: place {place} of {len(whole)}; {row['seeds']} of the "
                f"{ENOUGH_SEEDS} seeds that a rank and a test need"
            )
            continue
        low, high = row["rank_low"], row["rank_high"]
        alike = _alike(pairs[pairs["group"] == section["group"]], row["name"])
        among = [other["name"] for other in whole if other["name"] in alike]
        told = f"cannot be told apart from {', '.join(among)}" if among else "differs from all"
        yield f"{row['name']}: {row['rank']:.0f} of {len(whole)} ({low:.0f} to {high:.0f}); {told}"


def _alike(pairs: pd.DataFrame, name: str) -> set[str]:
    """Return the names that a method cannot be told apart from."""
    of = pairs[~pairs["apart"] & ((pairs["first"] == name) | (pairs["second"] == name))]
    return {*of["first"], *of["second"]} - {name}


def _within(judged: pd.DataFrame, fresh: Collection[str]) -> Iterator[str]:
    """Say on which data sets each new method reproduces all groups, and where it fails worst."""
    for name, of in judged[judged["method"].isin(list(fresh))].groupby("name", sort=False):
        good, bad = [], []
        for row in of.to_dict("records"):
            times, worst = max((row[g], g) for g in QUALITY if math.isfinite(row[g]))
            if times <= WITHIN:
                good.append(row["dataset"])
                continue
            side = row["direction"] if worst == row["worst"] else ""
            what = " ".join(filter(None, [GROUP_NAMES[worst], side]))
            bad.append(f"{row['dataset']} ({what}, {number(times, 2)})")
        parts = [f"on {', '.join(good)}"] if good else []
        parts += [f"not on {', '.join(bad)}"] if bad else []
        yield f"{name}: within {WITHIN:g} floors in every group {'; '.join(parts)}."


def _costs(metrics: pd.DataFrame, fresh: Collection[str]) -> Iterator[str]:
    """Say what each new method costs."""
    from tailbench.metrics.group_scores import costs

    of = costs(metrics)
    for method, own in of[of["method"].isin(list(fresh))].groupby("method", sort=False):
        yield (
            f"{method}: {number(float(own['seconds'].median()), 2)} seconds of training and "
            "sampling for a seed (median), on this machine."
        )
