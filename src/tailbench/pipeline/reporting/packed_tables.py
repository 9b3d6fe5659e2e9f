"""The long tables of the report in short form: the page makes rows of them when they are opened."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tailbench.interfaces import MetricOutput
from tailbench.pipeline.reporting.number_format import number

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["packed"]


def packed(
    summary: pd.DataFrame,
    paired: pd.DataFrame,
    labels: Mapping[str, str],
    outputs: Mapping[str, MetricOutput],
    unfit: Mapping[str, list[str]],
) -> dict[str, Any]:
    """Pack all results and all comparisons: names as numbers, values as they are written.

    Args:
        summary: Means over seeds.
        paired: Comparisons with the best.
        labels: The name of each metric for readers.
        outputs: Directions of the metrics.
        unfit: By data set the metrics that do not rank methods there.

    Returns:
        ``datasets``, ``metrics`` and ``names`` that rows refer to by number; ``unfit``, pairs of
        numbers; ``results``, rows of dataset, metric, name, mean, standard deviation, seeds,
        floor, multiple, and 1 for the best; ``comparisons``, rows of dataset, metric, best, name,
        difference, interval, whether it excludes zero, wins.
    """
    datasets, metrics, names = ({} for _ in range(3))  # type: dict[str, int]

    def at(table: dict[str, int], key: str) -> int:
        return table.setdefault(key, len(table))

    results = []
    for row in summary.to_dict("records"):
        seeds = f"{row['n']}" if row["n"] == row["seeds"] else f"{row['n']} of {row['seeds']}"
        results.append(
            [
                at(datasets, row["dataset"]),
                at(metrics, row["metric"]),
                at(names, row["name"]),
                *(number(row[key], digits) for key, digits in (("mean", 3), ("std", 2))),
                seeds,
                number(row["floor"]),
                number(row["ratio"]),
                int(row["best"]),
            ]
        )
    comparisons = [
        [
            at(datasets, row["dataset"]),
            at(metrics, row["metric"]),
            at(names, row["best"]),
            at(names, row["name"]),
            *_difference(row),
            f"{row['wins']} of {row['n']}",
        ]
        for row in paired.to_dict("records")
    ]
    return {
        "datasets": list(datasets),
        "metrics": [f"{labels[m]} {_arrow(m, outputs)}" for m in metrics],
        "names": list(names),
        "unfit": [
            [datasets[name], metrics[m]]
            for name, found in unfit.items()
            for m in found
            if name in datasets and m in metrics
        ],
        "results": results,
        "comparisons": comparisons,
    }


def _difference(row: Mapping[Any, Any]) -> tuple[str, str, str]:
    """Write a difference, its interval and whether that excludes zero."""
    if row["n"] and row["difference"] == 0 and (row["n"] == 1 or row["low"] == row["high"] == 0):
        return "identical", "–", "–"
    if row["n"] < 2:
        return number(row["difference"]), "–", "–"
    interval = f"{number(row['low'])} to {number(row['high'])}"
    return number(row["difference"]), interval, "yes" if row["excludes_zero"] else "no"


def _arrow(metric: str, outputs: Mapping[str, MetricOutput]) -> str:
    return "↑" if metric in outputs and outputs[metric].better == "higher" else "↓"
