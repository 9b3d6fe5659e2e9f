"""Key metrics of every variant as points with error bars."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tailbench.data import Variant
from tailbench.metrics.outputs import key_metrics
from tailbench.plots import style
from tailbench.plots.paper import form

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from tailbench.interfaces import MetricOutput

__all__ = [
    "STEPS",
    "error_bars",
    "extent",
    "floor_line",
    "of_dataset",
    "panel_metrics",
    "points",
    "quality_axis",
    "seconds_of",
    "variants",
    "without",
]

STEPS = ("sampling_steps", "nfe")
"""Settings that say how many network evaluations a sample takes."""


def of_dataset(metrics: pd.DataFrame, dataset: str | None) -> pd.DataFrame:
    """Return the metrics of one dataset, whose variants are never missing values.

    Args:
        metrics: The tidy metrics; ``variant`` and ``settings`` may be left out or, as pandas reads
            empty fields, be missing.
        dataset: The dataset; may be left out if there is only one.

    Raises:
        ValueError: If there are several datasets and none is named.
    """
    names = metrics["dataset"].unique() if "dataset" in metrics else ()
    if dataset is not None:
        metrics = metrics[metrics["dataset"] == dataset]
    elif len(names) > 1:
        raise ValueError(f"the metrics are of {len(names)} datasets: name one of them as dataset=")
    filled = {}
    for column, empty in (("variant", ""), ("settings", "{}")):
        there = metrics[column].astype(object).fillna(empty) if column in metrics else empty
        filled[column] = there
    return metrics.assign(**filled)


def panel_metrics(of: pd.DataFrame) -> list[str]:
    """Choose two metrics to show: structure and tails, or the first that there are."""
    there = list(of.loc[of["value"].notna(), "metric"].unique())
    preferred = key_metrics(there)
    return (preferred + [metric for metric in there if metric not in preferred])[:2]


def seconds_of(of: pd.DataFrame) -> pd.Series[float]:
    """Return the seconds of training and sampling of each row; what is unknown counts as 0."""
    return of["train_seconds"].fillna(0) + of["sample_seconds"].fillna(0)


def points(of: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Compute the means of one metric of one dataset over seeds, with what each variant costs.

    Args:
        of: The metrics of one dataset, from ``of_dataset``.
        metric: Name of the metric.

    Returns:
        One row per variant: ``method``, ``variant`` (a ``Variant``), ``mean``, ``std``,
        ``floor`` and, where the metrics have what they are made from, ``nfe``, ``sigma_T``,
        ``seconds`` (training and sampling) and ``seconds_std``. Variants without a finite value
        are left out.
    """
    of = of[(of["metric"] == metric) & np.isfinite(of["value"])]
    means: dict[str, Any] = {
        "settings": ("settings", "first"),
        "mean": ("value", "mean"),
        "std": ("value", "std"),
        "floor": ("floor", "mean"),
    }
    means |= {key: (key, "mean") for key in ("nfe", "sigma_T") if key in of}
    if {"train_seconds", "sample_seconds"} <= set(of.columns):
        of = of.assign(seconds=seconds_of(of))
        means |= {"seconds": ("seconds", "mean"), "seconds_std": ("seconds", "std")}
    table = of.groupby(["method", "variant"], sort=False).agg(**means).reset_index()
    table["variant"] = variants(table)
    return table.drop(columns="settings")


def variants(of: pd.DataFrame) -> list[Variant]:
    """Return the variants of metrics from ``of_dataset``, each once, in their order."""
    rows = of.drop_duplicates(["method", "variant"])[["method", "variant", "settings"]]
    return [Variant(row[0], row[1], json.loads(row[2])) for row in rows.to_numpy()]


def without(variant: Variant, settings: Collection[str]) -> Variant:
    """Return what variants that differ in some settings alone have in common."""
    if not variant.settings:
        return variant
    rest = {key: value for key, value in variant.settings.items() if key not in settings}
    return Variant(variant.method, json.dumps(rest, sort_keys=True) if rest else "", rest)


def extent(table: pd.DataFrame) -> list[float]:
    """Return the ends of the error bars of points, for the limits of an axis."""
    low, high = error_bars(table["mean"], table["std"])
    return [*(table["mean"] - low), *(table["mean"] + high)]


def error_bars(mean: Any, std: Any) -> Any:
    """Compute lower and upper lengths ``(2, m)`` of error bars, above zero on a log axis."""
    mean, std = np.asarray(mean, float), np.nan_to_num(np.asarray(std, float))
    return np.stack([np.minimum(std, 0.9 * np.abs(mean)), std])


def quality_axis(
    axes: Axes, metric: str, output: MetricOutput | None, values: Sequence[float]
) -> None:
    """Label the y axis; it is logarithmic if all values are positive and lower is better."""
    higher = output is not None and output.better == "higher"
    name, better = output.label if output else metric, "higher" if higher else "lower"
    gap = "\n" if form().width else " "
    axes.set_ylabel(f"{name}{gap}({better} is better)")
    good = [v for v in values if math.isfinite(v)]
    if good and min(good) > 0 and not higher:
        margin = max(1.25, (max(good) / min(good)) ** 0.06)
        style.log_axis(axes.yaxis, min(good) / margin, max(good) * margin)


def floor_line(axes: Axes, floor: float) -> None:
    """Draw the floor, where it is known."""
    if math.isfinite(floor):
        axes.axhline(floor, color=style.FLOOR, ls=(0, (1, 1.5)), lw=1.5, zorder=1)
