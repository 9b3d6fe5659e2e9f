"""What the report says of each data set."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tailbench.interfaces import MetricOutput
from tailbench.metrics.group_scores import GROUP_NAMES, QUALITY
from tailbench.metrics.outputs import GROUPS, key_metrics
from tailbench.pipeline.reporting import run_info
from tailbench.pipeline.reporting.number_format import mean_std, number
from tailbench.pipeline.reporting.risk_table import risk_table

if TYPE_CHECKING:
    import pandas as pd

    from tailbench.pipeline.reporting.leaderboard import Leaderboard
    from tailbench.pipeline.results.reader import ResultsReader

__all__ = ["DatasetSections"]

HIDDEN = {"type", "dim", "methods", "seeds", "n_train", "n_test"}
"""Settings of a data set that are said in words, or of which the rows are."""
SHADES = (1.25, 2.0, 4.0, 10.0, 30.0)
"""Multiples of the floor from which a cell of the map has a darker shade."""


@dataclass(frozen=True)
class DatasetSections:
    """The sections of the report on single data sets.

    Attributes:
        inputs: The results.
        board: The leaderboard.
        summary: Means over seeds.
        risks: Values at risk and expected shortfalls.
        outputs: Labels and directions of the metrics.
    """

    inputs: ResultsReader
    board: Leaderboard
    summary: pd.DataFrame
    risks: pd.DataFrame
    outputs: Mapping[str, MetricOutput]

    def of(self, name: str) -> dict[str, Any]:
        """Return what the template shows of one data set."""
        of = self.summary[self.summary["dataset"] == name]
        there = list(of["metric"].unique())
        key = key_metrics(there)
        meta = self.inputs.meta(name)
        settings = self.inputs.entry("datasets", name) or {**meta, **(meta.get("settings") or {})}
        shown = settings.keys() - meta.keys() - HIDDEN
        tails = run_info.tails(self.inputs, name)
        index, exact = heaviest_index(meta, tails)
        verdicts = self.board.verdicts
        said = verdicts.loc[verdicts["dataset"] == name, "sentence"]
        return {
            "name": name,
            "type": settings.get("type", ""),
            "settings": {k: v for k, v in settings.items() if k in shown},
            "verdict": said.iloc[0] if len(said) else "",
            "facts": _facts(meta, index, exact),
            "unfit": [m for m in there if m in self.outputs and self.outputs[m].unfit_at(index)],
            "key": key,
            "floors": {m: of.loc[of["metric"] == m, "floor"].mean() for m in key},
            "groups": {g: GROUP_NAMES[g] for g in QUALITY if self._judged(name)[g].notna().any()},
            "rows": self._rows(name, of, key),
            "failed": _failed(self.inputs.plan, name),
            "map": self._map(of, there),
            "risks": risk_table(self.risks, name),
            "tails": tails,
        }

    def _judged(self, name: str) -> pd.DataFrame:
        judged = self.board.judged
        return judged[judged["dataset"] == name]

    def _rows(self, name: str, of: pd.DataFrame, key: list[str]) -> list[dict[str, Any]]:
        """Return a row for each variant: multiples of the floor by group, key metrics, costs."""
        cells = {(row["name"], row["metric"]): row for row in of.to_dict("records")}
        best = {m: _text(row) for (_, m), row in cells.items() if row["best"]}
        for (_, metric), row in cells.items():
            row["best"] = metric in best and _text(row) == best[metric]
        judged = {row["name"]: row for row in self._judged(name).to_dict("records")}
        metrics = self.board.metrics
        costs = metrics[metrics["dataset"] == name].groupby(["method", "variant"], sort=False)[
            ["nfe", "train_seconds", "sample_seconds"]
        ]
        means: dict[Any, dict[Any, Any]]
        means = {key: row.to_dict() for key, row in costs.mean().iterrows()}
        return [
            {
                "name": row["name"],
                "method": row["method"],
                "cells": [cells.get((row["name"], metric)) for metric in key],
                "judged": judged.get(row["name"], {}),
            }
            | means[row["method"], row["variant"]]
            for row in of.drop_duplicates("name").to_dict("records")
        ]

    def _map(self, of: pd.DataFrame, there: list[str]) -> dict[str, Any] | None:
        """Lay out all metrics as multiples of the floor, inverted where higher is better."""
        ratios: dict[tuple[str, str], float] = {}
        for row in of.to_dict("records"):
            ratio = row["ratio"]
            if math.isfinite(ratio) and ratio > 0:
                output = self.outputs.get(row["metric"])
                higher = output is not None and output.better == "higher"
                ratios[row["name"], row["metric"]] = 1 / ratio if higher else ratio
        order: list[str] = list(GROUPS)
        shown = [m for m in there if any(metric == m for _, metric in ratios)]
        shown.sort(key=lambda m: order.index(self._group(m)))
        if not shown:
            return None
        rows = of.drop_duplicates("name")[["name", "method"]].to_dict("records")
        return {
            "metrics": shown,
            "rows": [
                {**row, "cells": [_shade(ratios.get((row["name"], m))) for m in shown]}
                for row in rows
            ],
        }

    def _group(self, metric: str) -> str:
        return self.outputs[metric].group if metric in self.outputs else "other"


def heaviest_index(
    meta: Mapping[str, Any], tails: list[dict[str, Any]]
) -> tuple[float | None, bool]:
    """Return the least tail index of a data set, and whether it is exact.

    Args:
        meta: What is written beside the data: the exact indices, where they are known.
        tails: The tails that models chose, whose estimates count where they are not.
    """
    known = [float(index) for index in meta.get("tail_index") or [] if index is not None]
    if known or meta.get("synthetic"):
        return (min(known), True) if known else (None, True)
    rows = [row for tail in tails for row in tail["rows"]]
    found = [row["index"] for row in rows if row["heavy"] and math.isfinite(row["index"])]
    return (min(found), False) if found else (None, False)


def _facts(meta: Mapping[str, Any], index: float | None, exact: bool) -> dict[str, str]:
    """Return how many rows there are, of when, and how many are behind the expected shortfall."""
    rows, dates = meta.get("rows") or {}, meta.get("dates") or {}
    facts = {}
    for part, text in (("train", "training rows"), ("test", "held-out rows")):
        if part in rows:
            facts[text] = f"{rows[part]:,}"
            if part in dates:
                facts[text] += f" ({' to '.join(dates[part])})"
    if "test" in rows:
        facts["rows behind ES 99 %"] = f"{0.01 * rows['test']:.3g}"
    if meta.get("columns"):
        facts["columns"] = str(len(meta["columns"]))
    if index is not None:
        facts["heaviest tail"] = f"index {number(index)}{'' if exact else ', estimated'}"
    return facts


def _failed(plan: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    return [
        {**failure, "method": failure["cell"][1], "seeds": failure["cell"][2]}
        for failure in plan.get("failures") or []
        if len(failure["cell"]) == 3 and failure["cell"][0] == name
    ]


def _text(row: Mapping[Any, Any]) -> str:
    """Return a mean as the table writes it: equal texts are marked alike."""
    return mean_std(row["mean"], row["std"]).partition(" ")[0]


def _shade(ratio: float | None) -> dict[str, Any]:
    """Return a cell of the map: its text and a shade from 0 to 5."""
    if ratio is None:
        return {"text": "–", "shade": 0}
    text = f"{ratio:.0f}" if ratio >= 10 else f"{ratio:.2g}"
    return {"text": text, "shade": sum(ratio >= limit for limit in SHADES)}
