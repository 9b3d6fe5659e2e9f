"""Geometry of the two drawings on the first screen: ranks with intervals, and quality by cost.

They are drawn by the page itself, so that letters keep their size on a phone and values show under
the pointer. Places are percentages of a row, or units of a small canvas.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tailbench.metrics.group_scores import GROUP_NAMES, QUALITY
from tailbench.metrics.trade_offs import pareto
from tailbench.pipeline.reporting.number_format import number

if TYPE_CHECKING:
    import pandas as pd

    from tailbench.pipeline.reporting.leaderboard import Leaderboard

__all__ = ["HEIGHT", "MOST", "WIDTH", "charts", "log_ticks", "place_labels"]

MOST = 12
"""Methods in a drawing of ranks; the tables below it have all of them."""
WIDTH, HEIGHT = 340, 236
LEFT, RIGHT, TOP, BOTTOM = 34, 8, 8, 36
LETTER, LINE = 6.1, 12  # about the size of a letter of a label
FREE = 0.3  # where a cost of zero is drawn, as a multiple of the least above it


def charts(board: Leaderboard, methods: Sequence[str]) -> list[dict[str, Any]]:
    """Return what the page draws of each group of metrics.

    Of each method only its best variant in the group is among the ranks; all variants are points
    of the other drawing.

    Args:
        board: The leaderboard.
        methods: All methods, in the order that gives them their numbers.

    Returns:
        For each group ``title``, ``few`` (not enough seeds to rank), ``rows`` (``name``,
        ``method``, a number; ``dot``, ``left``, ``width`` in percent; ``text``; ``missing``),
        ``more`` (methods left out), ``ticks`` (``at``, ``text``), ``floor`` in percent, and
        ``pareto``, the drawing of cost, or ``None``.
    """
    number_of = {name: i for i, name in enumerate(methods)}
    sections = [section for section in board.sections() if section["group"] in QUALITY]
    if not sections:
        return []
    fronts = pareto(board.metrics, board.scores).astype({"iqm": float})
    fronts = fronts[fronts["cost"] == "seconds"]
    found = []
    for section in sections:
        best: dict[str, Mapping[str, Any]] = {}
        for row in section["rows"]:  # the best first
            if math.isfinite(row["times"]):
                best.setdefault(row["method"], row)
        rows = list(best.values())
        of = fronts[(fronts["group"] == section["group"]) & np.isfinite(fronts["iqm"])]
        found.append(
            {
                "title": GROUP_NAMES[section["group"]],
                "few": section["few"],
                "more": max(len(rows) - MOST, 0),
                "pareto": _pareto(of, number_of) if len(of) else None,
                **_ranks(rows[:MOST], number_of),
            }
        )
    return found


def log_ticks(low: float, high: float, most: int = 5) -> list[tuple[float, str]]:
    """Choose at most ``most`` round numbers between two ends, with their texts."""
    ends = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for steps in ((1, 2, 5), (1, 3), (1,)):
        ticks = [s * 10.0**k for k in ends for s in steps if low <= s * 10.0**k <= high]
        if len(ticks) <= most:
            return [(t, _tick(t)) for t in ticks]
    every = -(-len(ticks) // most)
    return [(t, _tick(t)) for t in ticks[::every]]


def place_labels(
    points: Iterable[tuple[float, float, str]], others: Iterable[tuple[float, float]] = ()
) -> list[dict[str, Any]]:
    """Place labels beside points so that none covers another; one without room is left out.

    Args:
        points: ``x``, ``y`` and text of each, in the order in which they get room.
        others: ``x`` and ``y`` of points without labels, which labels do not cover either.
    """
    taken: list[tuple[float, ...]] = [(x - 3, y - 3, x + 3, y + 3) for x, y in others]
    placed = []
    for x, y, text in points:
        long = LETTER * len(text)
        for dx, dy in ((8, 4), (-8 - long, 4), (-long / 2, -9), (-long / 2, 17)):
            left, base = x + dx, y + dy
            box = (left, base - LINE, left + long, base)
            inside = left >= LEFT and box[2] <= WIDTH and box[1] >= 0 and base <= HEIGHT - BOTTOM
            if inside and not any(_overlap(box, other) for other in taken):
                taken.append(box)
                placed.append({"x": round(left, 1), "y": round(base, 1), "text": text})
                break
    return placed


def _ranks(rows: Sequence[Mapping[str, Any]], number_of: Mapping[str, int]) -> dict[str, Any]:
    ends = [row[key] for row in rows for key in ("times", "from", "to") if row[key] == row[key]]
    low, high = min([*ends, 1.0]) / 1.12, max([*ends, 2.0]) * 1.12

    def at(x: float) -> float:
        return round(100 * math.log(x / low) / math.log(high / low), 2)

    drawn = []
    for row in rows:
        has_ends = row["from"] == row["from"]
        text = f"{number(row['times'], 2)} floors"
        if has_ends:
            text += f" ({number(row['from'], 2)} to {number(row['to'], 2)})"
        drawn.append(
            {
                "name": row["name"],
                "method": number_of.get(row["method"], 0),
                "dot": at(row["times"]),
                "left": at(row["from"]) if has_ends else None,
                "width": round(at(row["to"]) - at(row["from"]), 2) if has_ends else 0,
                "value": number(row["times"], 2),
                "text": text,
                "missing": bool(row["missing"]),
            }
        )
    ticks = [{"at": at(t), "text": text} for t, text in log_ticks(low, high)]
    return {"rows": drawn, "ticks": ticks, "floor": at(1.0)}


def _pareto(of: pd.DataFrame, number_of: Mapping[str, int]) -> dict[str, Any]:
    """Lay out quality against seconds on the canvas."""
    rows = [row | {"times": math.exp(row["iqm"])} for row in of.to_dict("records")]
    above = [row["amount"] for row in rows if row["amount"] > 0]
    least = FREE * min(above, default=1.0)
    costs = [max(row["amount"], least) for row in rows]
    x_ends = (min(costs) / 1.3, max(costs) * 1.3)
    y_ends = (
        min([row["times"] for row in rows] + [1.0]) / 1.15,
        1.15 * max(r["times"] for r in rows),
    )

    def x(cost: float) -> float:
        return round(_between(max(cost, least), x_ends, LEFT, WIDTH - RIGHT), 1)

    def y(times: float) -> float:
        return round(_between(times, y_ends, HEIGHT - BOTTOM, TOP), 1)

    points: list[dict[str, Any]] = [
        {
            "x": x(row["amount"]),
            "y": y(row["times"]),
            "method": number_of.get(row["method"], 0),
            "front": bool(row["front"]),
            "missing": bool(row["missing"]),
            "text": f"{row['name']}: {number(row['times'], 2)} floors, "
            f"{number(row['amount'], 2)} s per seed",
        }
        for row in rows
    ]
    front = sorted((row for row in rows if row["front"]), key=lambda row: row["amount"])
    corners = [(x(row["amount"]), y(row["times"]), row["method"]) for row in front]
    ticks: list[dict[str, Any]]
    ticks = [{"at": x(t), "text": text} for t, text in log_ticks(*x_ends)]
    if any(row["amount"] == 0 for row in rows):
        ticks = [{"at": x(0), "text": "0"}, *(t for t in ticks if t["at"] > x(0) + 25)]
    return {
        "points": points,
        "labels": place_labels(
            corners, [(point["x"], point["y"]) for point in points if not point["front"]]
        ),
        "line": _steps(corners),
        "x_ticks": ticks,
        "y_ticks": [{"at": y(t), "text": text} for t, text in log_ticks(*y_ends)],
        "floor": y(1.0),
    }


def _steps(corners: Sequence[tuple[float, float, str]]) -> str:
    """Return the path along the front: to the right, then down, for an SVG."""
    parts = [f"M{corners[0][0]} {corners[0][1]}"] if corners else []
    return "".join(parts + [f"H{x}V{y}" for x, y, _ in corners[1:]])


def _between(value: float, ends: tuple[float, float], start: float, stop: float) -> float:
    return start + (stop - start) * math.log(value / ends[0]) / math.log(ends[1] / ends[0])


def _overlap(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _tick(x: float) -> str:
    return f"{x:g}" if 1e-3 <= x < 1e5 else f"1e{round(math.log10(x))}"
