"""The table of risks in the report: one column, tail and level at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tailbench.pipeline.reporting.number_format import number
from tailbench.pipeline.reporting.risks import FEW, REAL

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["MOST", "risk_table"]

MOST = 6
"""Columns in the report; of more those with the longest tails, the file has all."""

_TAILS = ("upper", "lower")


def risk_table(risks: pd.DataFrame, dataset: str) -> dict[str, Any] | None:
    """Lay out the risks of a data set for a page that shows one view of them at a time.

    Args:
        risks: The risks of all data sets.
        dataset: The data set.

    Returns:
        ``columns``, ``tails`` and ``levels`` (``text``, ``rows``: how many held-out rows
        are beyond the level) to choose from; ``names`` and ``methods`` of the rows; ``cells`` by
        numbers of column, tail and level, one list for each row: value at risk, interval, expected
        shortfall, interval, and where the method lies if the interval is clear of that of the real
        data (``above``, ``below`` or nothing), for both; ``first``, the view to begin with: the
        longest tail, at the highest level with enough rows. ``None`` if there are no risks.
    """
    of = risks[risks["dataset"] == dataset]
    if of.empty:
        return None
    every = list(dict.fromkeys(of["column"]))
    length = _lengths(of)
    kept = sorted(every, key=lambda c: -max(length.get((c, t), 0.0) for t in _TAILS))[:MOST]
    columns = [column for column in every if column in kept]
    levels = sorted(of["level"].unique())
    beyond = of[of["name"] == REAL].groupby("level")["beyond"].max()
    beyond = beyond.reindex(levels, fill_value=0.0)
    names = list(dict.fromkeys(of["name"]))
    found: dict[Any, Mapping[Any, Any]] = {
        (row["column"], row["tail"], row["level"], row["name"]): row
        for row in of.to_dict("records")
    }
    longest = max(((c, t) for c in columns for t in _TAILS), key=lambda k: length.get(k, 0.0))
    enough = [level for level in levels if beyond[level] >= FEW - 1e-9] or levels[:1]
    return {
        "columns": columns,
        "left_out": len(every) - len(columns),
        "tails": list(_TAILS),
        "levels": [{"text": _percent(q), "rows": f"{beyond[q]:.3g}"} for q in levels],
        "few": [bool(beyond[q] < FEW - 1e-9) for q in levels],
        "names": names,
        "methods": [of.loc[of["name"] == name, "method"].iloc[0] for name in names],
        "cells": [
            [[[_cells(found, (c, t, q), name) for name in names] for q in levels] for t in _TAILS]
            for c in columns
        ],
        "first": [columns.index(longest[0]), _TAILS.index(longest[1]), levels.index(enough[-1])],
    }


def _lengths(of: pd.DataFrame) -> dict[Any, float]:
    """Return by column and tail how far the real tail goes on: ES at 99 % over VaR at 95 %."""
    real = {
        (row["column"], row["tail"], row["level"]): row
        for row in of[of["name"] == REAL].to_dict("records")
    }
    lengths = {}
    for column, tail in dict.fromkeys(zip(of["column"], of["tail"], strict=True)):
        near, far = real.get((column, tail, 0.95)), real.get((column, tail, 0.99))
        if near is None or far is None:
            continue
        sign = 1 if tail == "upper" else -1
        if sign * near["var"] > 0:
            end = far["es"] if far["es"] == far["es"] else far["var"]
            lengths[column, tail] = float(end / near["var"])
    return lengths


def _cells(found: Mapping[Any, Mapping[Any, Any]], where: Sequence[Any], name: str) -> list[str]:
    row, real = found.get((*where, name)), found.get((*where, REAL))
    if row is None:
        return ["–", "", "–", "", "", ""]
    texts, places = [], []
    for risk in ("var", "es"):
        low, high = row[f"{risk}_low"], row[f"{risk}_high"]
        texts += [number(row[risk]), f"{number(low)} to {number(high)}" if low == low else ""]
        place = ""
        if real is not None and name != REAL:
            place = "above" if low > real[f"{risk}_high"] else place
            place = "below" if high < real[f"{risk}_low"] else place
        places.append(place)
    return texts + places


def _percent(level: float) -> str:
    return f"{100 * level:g} %"
