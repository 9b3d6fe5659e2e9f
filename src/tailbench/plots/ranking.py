"""Methods ranked in each group of metrics, with intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from tailbench.metrics.group_scores import GROUP_NAMES, QUALITY, scores
from tailbench.metrics.ranking import ranking as ranked
from tailbench.metrics.separation import FEW
from tailbench.plots import base, style
from tailbench.plots.paper import form
from tailbench.registry import register

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Ranking", "ranking"]

MOST = 30
"""Methods in a panel; those after them in the order are left out, which the panel says."""

_BAR = "#555555"


@style.theme()
def ranking(table: pd.DataFrame, *, methods: Sequence[str] = ()) -> Figure | None:
    """Draw a panel for each group: the interquartile mean of each method with its interval.

    Bars at the right join methods that cannot be told apart. A method that lacks a cell is below
    the others, hollow and grey.

    Args:
        table: The ranks, from ``tailbench.metrics.ranking.ranking``.
        methods: Names by whose order unknown methods get their colours; those of the table if
            left out.

    Returns:
        The figure; ``None`` if no method has a score in a group other than cost.
    """
    groups = [group for group in QUALITY if (table["group"] == group).any()]
    if not groups:
        return None
    names = methods or sorted(table["method"].unique())
    count = min(MOST, int(table.groupby("group").size().max()))
    longest = max(len(name) for name in table["name"])
    width = len(groups) * (2.6 + 0.075 * longest)
    figure, grid = style.panels(
        len(groups), columns=3, height=0.19 * count + 1.1, width=max(width, 4.2)
    )
    engine: Any = figure.get_layout_engine()
    engine.set(w_pad=0.06 if form().width else 0.12)  # names reach to the panel at their left
    gap = "\n" if form().width else " "
    for axes, group in zip(grid, groups, strict=True):
        _panel(axes, table[table["group"] == group], names)
        few = table.loc[table["group"] == group, "note"].str.contains(FEW).any()
        axes.set_title(GROUP_NAMES[group] + (f"\n{FEW}: range" if few else ""))
        axes.set_xlabel(f"multiple of the floor{gap}(less is better)")
    return figure


@register
class Ranking(base.Figure):
    """Methods ranked over all datasets, group by group."""

    needs: ClassVar[frozenset[base.Need]] = frozenset({base.Need.METRICS})
    across: ClassVar[bool] = True
    caption: ClassVar[str] = (
        "Interquartile mean over datasets and seeds of the multiple of the floor, on a logarithmic "
        "scale, best on top; lines are 95 % intervals that draw datasets and seeds, or the range "
        "over seeds where there are fewer than 5. Bars at the right join methods that cannot be "
        "told apart. Hollow: a method that has no score on some dataset or seed, and no rank. "
        "Dotted: the floor, real data against real data."
    )

    def draw(self, data: base.FigureData, dataset: str) -> Figure | None:
        """Draw a panel for each group; ``None`` if no metric has a floor above zero."""
        return ranking(ranked(scores(data.metrics)), methods=data.methods)

    def draw_parts(self, data: base.FigureData, dataset: str) -> dict[str, Figure]:
        """Draw all groups, or each alone on narrow paper."""
        table = ranked(scores(data.metrics))
        return base.narrow_parts(table, lambda part: ranking(part, methods=data.methods))


def _panel(axes: Axes, of: pd.DataFrame, names: Sequence[str]) -> None:
    """Draw the methods of one group, from top to bottom."""
    shown = of.head(MOST)
    ends = np.exp(shown[["low", "high", "iqm"]].to_numpy(dtype=float))
    for place, row in enumerate(shown.to_dict("records")):
        whole = not row["missing"]
        colour = style.colour(row["method"], names) if whole else style.FLOOR
        low, high = math.exp(row["low"]), math.exp(row["high"])
        if math.isfinite(low):
            axes.plot([low, high], [place, place], color=colour, lw=1.3, zorder=2)
        form = style.marker(row["method"], names)
        face = colour if whole else style.hollow()
        axes.plot(math.exp(row["iqm"]), place, form, color=colour, mfc=face, ms=4.5, zorder=3)
    left, right = min(0.9, np.nanmin(ends) / 1.1), max(1.6, np.nanmax(ends) * 1.1)
    width = _bars(axes, shown)
    style.log_axis(axes.xaxis, left, right * (right / left) ** width)
    axes.axvline(1, color=style.FLOOR, ls=(0, (1, 1.5)), lw=1.5, zorder=1)
    axes.set_yticks(range(len(shown)), shown["name"])
    axes.tick_params(axis="y", length=0, labelsize=7.5)
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.grid(False, axis="y")
    if len(of) > MOST:
        axes.annotate(
            f"and {len(of) - MOST} more", (1, 0), (-2, 2), "axes fraction", "offset points",
            ha="right", fontsize=7.5,
        )  # fmt: skip


def _bars(axes: Axes, shown: pd.DataFrame) -> float:
    """Draw the groups that cannot be told apart; return the share of the panel's width for them."""
    letters: dict[str, list[int]] = {}
    for place, text in enumerate(shown["cliques"].fillna("")):
        for letter in str(text).split():
            letters.setdefault(letter, []).append(place)
    spans = [places for places in letters.values() if len(places) > 1]
    lanes: list[int] = []  # the last place of each lane; bars of one lane do not touch
    for places in spans:
        lane = next((i for i, last in enumerate(lanes) if last < places[0]), len(lanes))
        lanes[lane : lane + 1] = [places[-1]]
        x = 1 - 0.025 * (lane + 1)
        ends = [places[0] - 0.3, places[-1] + 0.3]
        axes.plot([x, x], ends, color=_BAR, lw=2.2, transform=axes.get_yaxis_transform())
    share = 0.025 * (len(lanes) + 1)
    return share / (1 - share) if lanes else 0.0
