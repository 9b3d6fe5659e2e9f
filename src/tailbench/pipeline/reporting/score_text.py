"""Scores of samples on a terminal, in at most 80 columns, and as JSON."""

from __future__ import annotations

import json
import math
import textwrap
from typing import TYPE_CHECKING, Any

from tailbench.metrics.outputs import GROUPS
from tailbench.pipeline.reporting.number_format import number

if TYPE_CHECKING:
    import pandas as pd

    from tailbench.metrics.score_inputs import Tables

__all__ = ["NOTE", "as_json", "as_text", "left_out", "sizes"]

WIDTH = 80
NOTE = (
    "floor: one half of the reference against the other. ratio: samples at the size of a half, "
    "over the floor, or the floor over them where higher is better; 1 for real data. worse: twice "
    "the floor or more, and clear of chance. unclear: twice the floor, which chance can do."
)
"""What the columns mean."""


def as_text(table: pd.DataFrame, tables: Tables) -> str:
    """Return the scores as text, group by group."""
    lines = [sizes(tables)]
    head = f"{'value':>8} {'95 % interval':>19}{'floor':>9}{'ratio':>6}"
    for group, of in table[table["value"].notna()].groupby("group", sort=False):
        lines += ["", f"{GROUPS[group]:<29}{head}"]  # type: ignore[index]
        lines += [_line(row) for row in of.to_dict("records")]
    lines += ["", *textwrap.wrap(NOTE, WIDTH)]
    for reason, names in left_out(table).items():
        text = f"{', '.join(names)}: {reason}"
        lines += textwrap.wrap(text, WIDTH, subsequent_indent="  ")
    return "\n".join(lines)


def as_json(table: pd.DataFrame, tables: Tables) -> str:
    """Return the scores as JSON; ``null`` for what is missing."""
    scores = [
        {
            key: None if isinstance(value, float) and not math.isfinite(value) else value
            for key, value in row.items()
        }
        for row in table.to_dict("records")
    ]
    content = {
        "samples": len(tables.samples),
        "reference": len(tables.reference),
        "train": None if tables.train is None else len(tables.train),
        "columns": list(tables.columns),
        "scores": scores,
    }
    return json.dumps(content, indent=1, ensure_ascii=False)


def sizes(tables: Tables) -> str:
    """Say how many rows and columns there are."""
    width = len(tables.columns)
    parts = [f"{len(tables.samples)} samples", f"{len(tables.reference)} held-out rows"]
    if tables.train is not None:
        parts.append(f"{len(tables.train)} training rows")
    return ", ".join([*parts, f"{width} column{'s' if width != 1 else ''}"])


def left_out(table: pd.DataFrame) -> dict[str, list[str]]:
    """Return the metrics that lack a number, by the reason."""
    reasons: dict[str, list[str]] = {}
    for row in table.to_dict("records"):
        if row["reason"]:
            reasons.setdefault(row["reason"], []).append(row["metric"])
    return reasons


def _line(row: dict[Any, Any]) -> str:
    interval = "–"
    if math.isfinite(row["low"]):
        interval = f"{number(row['low'], 2)} to {number(row['high'], 2)}"
    return (
        f"  {row['metric']:<27}{number(row['value']):>8} {interval:>19}{number(row['floor']):>9}"
        f"{number(row['ratio'], 2):>6} {row['verdict']}"
    ).rstrip()
