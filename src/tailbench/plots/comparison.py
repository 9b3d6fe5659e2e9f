"""Every metric of every method as a multiple of its floor."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tailbench.metrics.aggregate import summary
from tailbench.metrics.outputs import GROUPS, directions
from tailbench.plots import base, metric_points, style
from tailbench.plots.heat_map import heads, heat_map, room, written
from tailbench.plots.paper import form
from tailbench.registry import register

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from tailbench.interfaces import MetricOutput

__all__ = ["Comparison", "comparison"]

CELL = 0.3
"""Width of a column on paper in inches."""


@style.theme()
def comparison(
    metrics: pd.DataFrame, dataset: str | None = None, *, shown: Collection[str] | None = None
) -> Figure | None:
    """Draw a map of variants by metrics: the mean over seeds as a multiple of the floor.

    Args:
        metrics: The tidy metrics: ``dataset``, ``method``, ``variant``, ``seed``, ``metric``,
            ``value``, ``floor`` and, of sweeps, ``settings``.
        dataset: The dataset; may be left out if there is only one.
        shown: The metrics to show; all if left out.

    Returns:
        The figure; ``None`` if no metric shown has a floor above zero.

    Raises:
        ValueError: If there are several datasets and none is named.
        InputError: If a column is missing.
    """
    of = metric_points.of_dataset(metrics, dataset)
    outputs = directions()
    table = _turned(summary(of, outputs), outputs) if len(of) else of
    if shown is not None and len(table):
        table = table[table["metric"].isin(list(shown))]
    if table.empty:
        return None
    variants, paper = metric_points.variants(of), form().width
    metric_names = list(table["metric"].unique())
    cells = table.set_index(["method", "variant", "metric"])["ratio"]
    ratios = np.array(
        [[cells.get((v.method, v.label, m), math.nan) for m in metric_names] for v in variants]
    )
    rows, columns = ratios.shape
    figure, (axes,) = style.panels(
        1, height=0.24 * rows + 1.4, width=max(3.2 + 0.56 * columns, 6.0)
    )
    labels = [outputs[m].label if m in outputs else m for m in metric_names]
    turned = 38
    if paper:
        names = [style.label(v) for v in variants]
        labels, turned = heads(labels, room(paper, names) / columns)
    heat_map(
        axes,
        ratios,
        [[written(ratio) for ratio in row] for row in ratios],
        rows=[style.label(v) for v in variants],
        columns=labels,
        rotation=turned,
    )
    _mark_best(axes, ratios)
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

    def draw_parts(self, data: base.FigureData, dataset: str) -> dict[str, Figure]:
        """Draw the map in parts, one for each group of metrics, no wider than the paper."""
        of = metric_points.of_dataset(data.metrics, dataset)
        names = [style.label(v) for v in metric_points.variants(of)]
        width = form().width
        if width is None or not names:
            return super().draw_parts(data, dataset)
        parts = _parts(list(of["metric"].unique()), names, width)
        drawn = {name: comparison(of, dataset, shown=shown) for name, shown in parts.items()}
        return {name: figure for name, figure in drawn.items() if figure is not None}


def _turned(table: pd.DataFrame, outputs: Mapping[str, MetricOutput]) -> pd.DataFrame:
    """Keep the rows that have a ratio, and turn those over where higher is better."""
    table = table[np.isfinite(table["ratio"]) & (table["ratio"] > 0)].copy()
    higher = table["metric"].map(lambda m: m in outputs and outputs[m].better == "higher")
    table["ratio"] = table["ratio"].where(~higher, 1 / table["ratio"])
    return table


def _mark_best(axes: Axes, ratios: NDArray[np.floating[Any]]) -> None:
    """Write the best of each column in bold."""
    best = np.nanargmin(ratios, axis=0)
    for text in axes.texts:
        column, row = map(int, text.get_position())
        if best[column] == row:
            text.set_fontweight("bold")


def _parts(metrics: Sequence[str], rows: Sequence[str], width: float) -> dict[str, list[str]]:
    """Part metrics by group, and groups by how many columns a width in inches has room for."""
    most = max(1, int(room(width, rows) / CELL))
    outputs = directions()
    parts: dict[str, list[str]] = {}
    for group in GROUPS:
        own = [m for m in metrics if (outputs[m].group if m in outputs else "other") == group]
        for number, start in enumerate(range(0, len(own), most), 1):
            name = group if len(own) <= most else f"{group}_{number}"
            parts[name] = own[start : start + most]
    return parts
