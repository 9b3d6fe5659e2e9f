"""Every metric of every method as a multiple of its floor."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from tailbench.metrics.aggregate import summary
from tailbench.metrics.outputs import directions
from tailbench.plots import base, metric_points, style
from tailbench.registry import register

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from tailbench.interfaces import MetricOutput

__all__ = ["Comparison", "comparison"]

WORST = 100.0
LIGHTEST, DARKEST = "#eff1f2", "#0173b2"


@style.theme()
def comparison(metrics: pd.DataFrame, dataset: str | None = None) -> Figure | None:
    """Draw a map of variants by metrics: the mean over seeds as a multiple of the floor.

    Args:
        metrics: The tidy metrics: ``dataset``, ``method``, ``variant``, ``seed``, ``metric``,
            ``value``, ``floor`` and, of sweeps, ``settings``.
        dataset: The dataset; may be left out if there is only one.

    Returns:
        The figure; ``None`` if no metric has a floor above zero.

    Raises:
        ValueError: If there are several datasets and none is named.
        InputError: If a column is missing.
    """
    of = metric_points.of_dataset(metrics, dataset)
    outputs = directions()
    table = _turned(summary(of, outputs), outputs) if len(of) else of
    if table.empty:
        return None
    variants = metric_points.variants(of)
    shown = list(table["metric"].unique())
    cells = table.set_index(["method", "variant", "metric"])["ratio"]
    ratios = np.array(
        [[cells.get((v.method, v.label, m), math.nan) for m in shown] for v in variants]
    )
    rows, columns = ratios.shape
    figure, (axes,) = style.panels(
        1, height=0.24 * rows + 1.4, width=max(3.2 + 0.56 * columns, 6.0)
    )
    _heat_map(axes, ratios)
    names = [outputs[m].label if m in outputs else m for m in shown]
    axes.set_xticks(np.arange(columns) + 0.5, names, rotation=38, ha="right", fontsize=7.5)
    axes.set_yticks(
        np.arange(rows) + 0.5, [style.label(v) for v in variants], rotation=0, fontsize=7.5
    )
    axes.tick_params(length=0)
    return figure


@register
class Comparison(base.Figure):
    """All metrics of all methods, as multiples of the floor."""

    needs: ClassVar[frozenset[base.Need]] = frozenset({base.Need.METRICS})
    caption: ClassVar[str] = (
        "Every metric as a multiple of its floor, the same metric between two sets of real data; "
        "mean over seeds. At 1 a method cannot be told from real data. Of metrics where higher "
        "is better the ratio is turned over, so that less is always better. The best of a metric "
        "is bold; colours end at 100. Metrics whose floor is zero are left out."
    )

    def draw(self, data: base.FigureData, dataset: str) -> Figure | None:
        """Draw a map of methods by metrics; ``None`` if no metric has a floor above zero."""
        return comparison(data.metrics, dataset)


def _turned(table: pd.DataFrame, outputs: Mapping[str, MetricOutput]) -> pd.DataFrame:
    """Keep the rows that have a ratio, and turn those over where higher is better."""
    table = table[np.isfinite(table["ratio"]) & (table["ratio"] > 0)].copy()
    higher = table["metric"].map(lambda m: m in outputs and outputs[m].better == "higher")
    table["ratio"] = table["ratio"].where(~higher, 1 / table["ratio"])
    return table


def _heat_map(axes: Axes, ratios: Any) -> None:
    """Draw ratios as colours from 1 to ``WORST``, with numbers and a bar of the colours."""
    import seaborn
    from matplotlib.colors import LogNorm

    seaborn.heatmap(
        ratios,
        ax=axes,
        mask=~np.isfinite(ratios),
        cmap=seaborn.blend_palette([LIGHTEST, DARKEST], as_cmap=True),
        norm=LogNorm(1.0, WORST),
        annot=[[_written(ratio) for ratio in row] for row in ratios],
        fmt="",
        annot_kws={"fontsize": 7.5},
        linewidths=0.6,
        cbar_kws={
            "label": "multiple of floor",
            "pad": 0.015,
            "fraction": 0.03,
            "ticks": [1, 10, 100],
            "format": "%g",
        },
    )
    axes.grid(False)
    best = np.nanargmin(ratios, axis=0)
    for text in axes.texts:
        column, row = map(int, text.get_position())
        if best[column] == row:
            text.set_fontweight("bold")
    bar = axes.collections[0].colorbar
    if bar is not None:
        bar.ax.minorticks_off()


def _written(ratio: float) -> str:
    """Return a ratio with two digits, a large one without exponent."""
    return f"{ratio:.0f}" if ratio >= 10 else f"{ratio:.2g}"
