"""Averages of the tidy metrics over seeds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tailbench.data import Variant
from tailbench.exceptions import InputError
from tailbench.interfaces import MetricOutput
from tailbench.metrics.outputs import directions

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["COLUMNS", "finite", "sign", "summary"]

COLUMNS = ("dataset", "method", "variant", "seed", "metric", "value", "floor")
"""Columns that the metrics must have."""


def summary(
    metrics: pd.DataFrame, outputs: Mapping[str, MetricOutput] | None = None
) -> pd.DataFrame:
    """Compute the mean over seeds of every metric of every variant.

    A value that is not finite (a method that diverged, a metric that is not defined) is left
    out of the mean and missing from ``n``; such a method is never marked as the best, since
    its mean is over its good seeds alone.

    Args:
        metrics: The tidy metrics.
        outputs: Directions of the metrics; those registered if left out.

    Returns:
        One row per dataset, metric, method and variant: ``name`` (method and variant for
        readers), ``mean`` and ``std`` (``n - 1`` in the denominator) over the ``n`` finite
        values of ``seeds``, ``floor`` (its mean over the same seeds), ``ratio`` (mean over
        floor), ``best`` (the best mean of the dataset).

    Raises:
        InputError: If a column is missing.
    """
    outputs = directions() if outputs is None else outputs
    keys = ["dataset", "metric", "method", "variant"]
    table = (
        finite(metrics)
        .groupby(keys, sort=False, as_index=False)
        .agg(
            mean=("value", "mean"),
            std=("value", "std"),
            n=("value", "count"),
            seeds=("value", "size"),
            floor=("floor", "mean"),
        )
    )
    pairs = zip(table["method"], table["variant"], strict=True)
    table.insert(4, "name", [Variant(method, label).text for method, label in pairs])
    table["ratio"] = (table["mean"] / table["floor"]).where(table["floor"] > 0)
    table["best"] = False
    for (_, metric), group in table.groupby(["dataset", "metric"], sort=False):
        whole = group[(group["n"] == group["n"].max()) & (group["n"] == group["seeds"])]
        if len(whole) and len(group) > 1:
            signed = sign(str(metric), outputs) * whole["mean"]
            table.loc[whole.index[signed == signed.min()], "best"] = True
    return table


def finite(metrics: pd.DataFrame) -> pd.DataFrame:
    """Return the metrics with ``NaN`` for each value that is not finite, and for its floor.

    Raises:
        InputError: If a column is missing.
    """
    import numpy as np

    for column in COLUMNS:
        if column not in metrics.columns:
            raise InputError(f"the metrics have no column {column!r}")
    good = np.isfinite(metrics["value"])
    return metrics.assign(value=metrics["value"].where(good), floor=metrics["floor"].where(good))


def sign(metric: str, outputs: Mapping[str, MetricOutput]) -> int:
    """Return 1 where lower values of a metric are better, and -1 where higher ones are."""
    return -1 if metric in outputs and outputs[metric].better == "higher" else 1
