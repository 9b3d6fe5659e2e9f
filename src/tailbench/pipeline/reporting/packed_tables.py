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
    numbers = _Numbers()
    results = [_result(row, numbers) for row in summary.to_dict("records")]
    comparisons = [_comparison(row, numbers) for row in paired.to_dict("records")]
    return {
        "datasets": list(numbers.datasets),
        "metrics": [f"{labels[m]} {_arrow(m, outputs)}" for m in numbers.metrics],
        "names": list(numbers.names),
        "unfit": [
            [numbers.datasets[name], numbers.metrics[m]]
            for name, found in unfit.items()
            for m in found
            if name in numbers.datasets and m in numbers.metrics
        ],
        "results": results,
        "comparisons": comparisons,
    }


class _Numbers:
    """Numbers of data sets, metrics and names, in the order in which rows have them."""

    def __init__(self) -> None:
        self.datasets: dict[str, int] = {}
        self.metrics: dict[str, int] = {}
        self.names: dict[str, int] = {}

    def of(self, row: Mapping[Any, Any], *names: str) -> list[int]:
        """Return the numbers of the data set, the metric and the names of a row."""
        pairs = [(self.datasets, row["dataset"]), (self.metrics, row["metric"])]
        pairs += [(self.names, row[name]) for name in names]
        return [table.setdefault(key, len(table)) for table, key in pairs]


def _result(row: Mapping[Any, Any], numbers: _Numbers) -> list[Any]:
    seeds = f"{row['n']}" if row["n"] == row["seeds"] else f"{row['n']} of {row['seeds']}"
    written = [number(row["mean"]), number(row["std"], 2), seeds]
    written += [number(row["floor"]), number(row["ratio"])]
    return [*numbers.of(row, "name"), *written, int(row["best"])]


def _comparison(row: Mapping[Any, Any], numbers: _Numbers) -> list[Any]:
    return [*numbers.of(row, "best", "name"), *_difference(row), f"{row['wins']} of {row['n']}"]


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
