"""Performance profiles: on which share of the data a method is within a multiple of the floor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from tailbench.metrics.group_scores import GROUP_NAMES, LIMITS, QUALITY, scores
from tailbench.metrics.trade_offs import profiles as shares
from tailbench.plots import base, legends, style
from tailbench.registry import register

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Profiles", "profiles"]

FLOORS = tuple(np.geomspace(0.9, LIMITS[1] * 0.999, 120))
"""Multiples at which the curves are drawn; below the cap of a score, where all of them are 1."""
COLOURED = 6
"""Methods of a panel that have a colour: those with the largest area below their curve."""
_REST = "#a8a8a8"


@style.theme()
def profiles(table: pd.DataFrame, *, methods: Sequence[str] = ()) -> Figure | None:
    """Draw the share of data sets times seeds on which each method is within ``t`` floors.

    Args:
        table: The shares, from ``tailbench.metrics.trade_offs.profiles``.
        methods: Names by whose order unknown methods get their colours; those of the table if
            left out.

    Returns:
        The figure; ``None`` if no method has a score in a group other than cost.

    References:
        Dolan and Moré, Benchmarking optimization software with performance profiles (2002).
    """
    groups = [group for group in QUALITY if (table["group"] == group).any()]
    if not groups:
        return None
    names = methods or list(table["method"].unique())
    figure, grid = style.panels(len(groups), columns=3, height=2.9, width=max(3.4 * len(groups), 5))
    handles: dict[str, Any] = {}
    for axes, group in zip(grid, groups, strict=True):
        handles |= _panel(axes, table[table["group"] == group], names)
        axes.set_title(GROUP_NAMES[group])
    style.outer_labels(grid, "multiple of the floor, t", "share within t floors")
    handles["others"] = handles.pop("others", None)
    legends.below(figure, [handle for handle in handles.values() if handle is not None])
    return figure


@register
class Profiles(base.Figure):
    """Share of data sets and seeds on which each method is within a multiple of the floor."""

    needs: ClassVar[frozenset[base.Need]] = frozenset({base.Need.METRICS})
    across: ClassVar[bool] = True
    caption: ClassVar[str] = (
        "The share of data sets times seeds on which a method is within t times the floor, group "
        "by group (performance profiles, Dolan and Moré, 2002); higher and further left is "
        "better. In colour the six methods of each group with the largest area below the curve; "
        "grey: the others."
    )

    def draw(self, data: base.FigureData, dataset: str) -> Figure | None:
        """Draw a panel for each group; ``None`` if no metric has a floor above zero."""
        return profiles(shares(scores(data.metrics), FLOORS), methods=data.methods)

    def draw_parts(self, data: base.FigureData, dataset: str) -> dict[str, Figure]:
        """Draw all groups, or each alone on narrow paper."""
        table = shares(scores(data.metrics), FLOORS)
        return base.narrow_parts(table, lambda part: profiles(part, methods=data.methods))


def _panel(axes: Axes, of: pd.DataFrame, names: Sequence[str]) -> dict[str, Any]:
    """Draw the curves of one group; return the entries of the legend."""
    curves = of.pivot(index="floors", columns="name", values="share")
    method = of.drop_duplicates("name").set_index("name")["method"]
    t = curves.index.to_numpy(dtype=float)
    area = curves.apply(lambda share: np.trapezoid(share, np.log(t)))
    order = list(area.sort_values(ascending=False, kind="stable").index)
    handles: dict[str, Any] = {}
    for place, name in reversed(list(enumerate(order))):
        look: dict[str, Any] = {"color": _REST, "lw": 0.7, "zorder": 1}
        if place < COLOURED:
            colour, form = (f(method[name], names) for f in (style.colour, style.marker))
            look = {"color": colour, "marker": form, "markevery": (2 * place, 16), "ms": 3.5}
        (line,) = axes.plot(t, curves[name], drawstyle="steps-post", **look)
        line.set_label(str(name) if place < COLOURED else "others")
        handles["others" if place >= COLOURED else str(name)] = line
    style.log_axis(axes.xaxis, t[0], t[-1])
    axes.set_ylim(-0.02, 1.02)
    return dict(reversed(handles.items()))
