"""Key metrics of every variant as points with error bars."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tailbench.metrics.outputs import key_metrics
from tailbench.plots import style

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from tailbench.interfaces import MetricOutput

__all__ = [
    "error_bars",
    "extent",
    "floor_line",
    "panel_metrics",
    "points",
    "quality_axis",
    "without",
]


def panel_metrics(of: pd.DataFrame) -> list[str]:
    """Choose two metrics to show: structure and tails, or the first that there are."""
    there = list(of.loc[of["value"].notna(), "metric"].unique())
    preferred = key_metrics(there)
    return (preferred + [metric for metric in there if metric not in preferred])[:2]


def points(of: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Average one metric of one dataset over seeds, with what each variant costs.

    Returns:
        One row per variant: ``family``, ``method``, ``mean``, ``std``, ``floor``, ``nfe``,
        ``sigma_T``, ``seconds`` (training and sampling) and ``seconds_std``; variants without
        a finite value are left out.
    """
    import numpy as np

    of = of[(of["metric"] == metric) & np.isfinite(of["value"])]
    of = of.assign(seconds=of["train_seconds"].fillna(0) + of["sample_seconds"].fillna(0))
    table = of.groupby(["family", "method"], sort=False).agg(
        mean=("value", "mean"),
        std=("value", "std"),
        floor=("floor", "mean"),
        nfe=("nfe", "mean"),
        sigma_T=("sigma_T", "mean"),
        seconds=("seconds", "mean"),
        seconds_std=("seconds", "std"),
    )
    return table.reset_index()


def extent(table: pd.DataFrame) -> list[float]:
    """List the ends of the error bars of points, for the limits of an axis."""
    low, high = error_bars(table["mean"], table["std"])
    return [*(table["mean"] - low), *(table["mean"] + high)]


def error_bars(mean: Any, std: Any) -> Any:
    """Give lower and upper lengths ``(2, m)`` of error bars that stay above zero on a log axis."""
    import numpy as np

    mean, std = np.asarray(mean, float), np.nan_to_num(np.asarray(std, float))
    return np.stack([np.minimum(std, 0.9 * np.abs(mean)), std])


def quality_axis(
    axes: Axes, metric: str, output: MetricOutput | None, values: Sequence[float]
) -> None:
    """Label the y axis; it is logarithmic if all values are positive and lower is better."""
    higher = output is not None and output.better == "higher"
    axes.set_ylabel(
        f"{output.label if output else metric} ({'higher' if higher else 'lower'} is better)"
    )
    good = [v for v in values if math.isfinite(v)]
    if good and min(good) > 0 and not higher:
        margin = max(1.25, (max(good) / min(good)) ** 0.06)
        style.log_axis(axes.yaxis, min(good) / margin, max(good) * margin)


def floor_line(axes: Axes, floor: float) -> None:
    """Draw the floor, where it is known."""
    if math.isfinite(floor):
        axes.axhline(floor, color=style.FLOOR, ls=(0, (1, 1.5)), lw=1.5, zorder=1)


def without(variant: str, *settings: str) -> str:
    """Give a variant's name without some of its swept settings."""
    family, _, inside = variant.partition("[")
    rest = [p for p in inside.removesuffix("]").split(",") if p.partition("=")[0] not in settings]
    return f"{family}[{','.join(rest)}]" if rest != [""] and rest else family
