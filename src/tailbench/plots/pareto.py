"""What quality costs: fronts of seconds and of network evaluations."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from tailbench.metrics.group_scores import GROUP_NAMES, QUALITY, scores
from tailbench.metrics.trade_offs import pareto as fronts
from tailbench.plots import base, legends, style
from tailbench.plots.paper import form
from tailbench.registry import register

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Pareto", "pareto"]

COSTS = {
    "seconds": "training and sampling, seconds per seed",
    "nfe": "network evaluations for a sample",
}
LETTERS = 46  # in a line below a panel
FREE = 0.3  # where an amount of zero is drawn, as a multiple of the least above it


@style.theme()
def pareto(table: pd.DataFrame, *, methods: Sequence[str] = ()) -> Figure | None:
    """Draw the quality of each group against seconds and against evaluations, with the fronts.

    Args:
        table: The fronts, from ``tailbench.metrics.trade_offs.pareto``.
        methods: Names by whose order unknown methods get their colours; those of the table if
            left out.

    Returns:
        The figure; ``None`` if no seconds and no evaluations are known.
    """
    table = table[table["cost"].isin(list(COSTS))]
    groups = [group for group in QUALITY if (table["group"] == group).any()]
    kinds = [cost for cost in COSTS if (table.loc[table["cost"] == cost, "amount"] > 0).any()]
    if not groups or not kinds:
        return None
    names = methods or sorted(table["method"].unique())
    figure, grid = style.panels(
        len(groups) * len(kinds), columns=len(groups), height=3.0, width=max(3.4 * len(groups), 6.8)
    )
    places = [(cost, group) for cost in kinds for group in groups]
    letters = int(17 * grid[0].get_window_extent().width / figure.dpi) if form().width else LETTERS
    handles: dict[str, Any] = {}
    for axes, (cost, group) in zip(grid, places, strict=True):
        of = table[(table["group"] == group) & (table["cost"] == cost)]
        if of.empty:
            axes.remove()
            continue
        handles |= _panel(axes, of, names)
        axes.set_xlabel(f"{textwrap.fill(COSTS[cost], letters)}\n{_front(of, letters)}")
        if cost == kinds[0]:
            axes.set_title(GROUP_NAMES[group])
        axes.set_ylabel("multiple of the floor" if group == groups[0] else "")
    handles["floor"] = legends.floor_handle()
    legends.below(figure, list(handles.values()), columns=7)
    return figure


@register
class Pareto(base.Figure):
    """Quality of each group of metrics against what it costs."""

    needs: ClassVar[frozenset[base.Need]] = frozenset({base.Need.METRICS})
    across: ClassVar[bool] = True
    caption: ClassVar[str] = (
        "Interquartile mean of the multiple of the floor against the median cost, over datasets "
        "and seeds; left and down is better. The line joins the methods that no other one beats "
        "in quality without costing more. Hollow: a method that has no score on some dataset or "
        "seed, and is not compared. A model that several methods sample from is counted in full "
        "for each of them. Dotted: the floor, real data against real data."
    )

    def draw(self, data: base.FigureData, dataset: str) -> Figure | None:
        """Draw a panel for each group and cost; ``None`` if no costs are known."""
        metrics = data.metrics
        return pareto(fronts(metrics, scores(metrics)), methods=data.methods)

    def draw_parts(self, data: base.FigureData, dataset: str) -> dict[str, Figure]:
        """Draw all groups, or each alone on narrow paper."""
        table = fronts(data.metrics, scores(data.metrics))
        return base.narrow_parts(table, lambda part: pareto(part, methods=data.methods))


def _panel(axes: Axes, of: pd.DataFrame, names: Sequence[str]) -> dict[str, Any]:
    """Draw the methods of one group against one cost; return the entries of the legend."""
    from matplotlib.lines import Line2D

    above = of.loc[of["amount"] > 0, "amount"]
    zero = FREE * (above.min() if len(above) else 1.0)
    of = of.assign(x=of["amount"].where(of["amount"] > 0, zero), y=np.exp(of["iqm"]))
    front = of[of["front"]].sort_values(["x", "y"], ascending=[True, False])
    axes.plot(front["x"], front["y"], drawstyle="steps-post", color="#888888", lw=1, zorder=1)
    handles: dict[str, Any] = {}
    for row in of.to_dict("records"):
        colour = style.colour(row["method"], names)
        look: dict[str, Any] = {
            "color": colour,
            "marker": style.marker(row["method"], names),
            "ls": "",
        }
        face = colour if not row["missing"] else style.hollow()
        axes.plot(row["x"], row["y"], mfc=face, ms=7 if row["front"] else 4.5, **look)
        handles[row["method"]] = Line2D([], [], label=row["method"], **look)
    for axis, values in ((axes.xaxis, of["x"]), (axes.yaxis, [*of["y"], 1.0])):
        low, high = min(values), max(values)
        margin = max(1.15, (high / low) ** 0.06)
        style.log_axis(axis, low / margin, high * margin)
    if (of["amount"] == 0).any():
        style.zero_tick(axes.xaxis, zero)
    if math.isfinite(of["y"].min()):
        axes.axhline(1, color=style.FLOOR, ls=(0, (1, 1.5)), lw=1.5, zorder=1)
    return handles


def _front(of: pd.DataFrame, letters: int) -> str:
    """Name the methods on the front, the cheapest first, on lines that fit below a panel."""
    front = of[of["front"]].sort_values(["amount", "iqm"])
    return textwrap.fill(f"front: {', '.join(dict.fromkeys(front['method']))}", LETTERS)
