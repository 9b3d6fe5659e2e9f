"""Every metric of every method as a multiple of its floor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from tailbench.registry import register

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from tailbench.contracts import Output
    from tailbench.figures._inputs import Inputs

__all__ = ["Comparison"]

WIDEST = 1000.0


@register
class Comparison:
    """All metrics of all methods, as multiples of the floor."""

    name: ClassVar[str]
    needs: ClassVar[frozenset[str]] = frozenset({"metrics"})
    caption: ClassVar[str] = (
        "Every metric as a multiple of its floor, the same metric between two sets of real data; "
        "mean and standard deviation over seeds. At the line a method cannot be told from real "
        "data. Of metrics where higher is better the ratio is turned over, so that left is "
        "always better. Arrows: beyond the axis. Metrics whose floor is zero are left out."
    )

    def draw(self, inputs: Inputs, dataset: str) -> Figure | None:
        """Draw one panel per metric; ``None`` if no metric has a floor above zero."""
        from tailbench.figures import _style
        from tailbench.tables import directions, summary

        of = inputs.metrics[inputs.metrics["dataset"] == dataset]
        if of.empty:
            return None
        outputs = directions()
        table = _turned(summary(of, outputs), outputs)
        shown = list(table["metric"].unique())
        if not shown:
            return None
        methods = list(of["method"].unique())
        rows = -(-len(shown) // 6)
        columns = -(-len(shown) // rows)
        figure, grid = _style.panels(
            len(shown), columns, height=0.16 * len(methods) + 0.75, width=11, sharey=True
        )
        for axes, metric in zip(grid, shown, strict=True):
            label = outputs[metric].label if metric in outputs else metric
            _panel(axes, table[table["metric"] == metric], methods, inputs)
            axes.set_title(_wrapped(label), fontsize=8.5)
        grid[0].set_ylim(len(methods) - 0.4, -0.6)
        names = [_style.label(method) for method in methods]
        for axes in grid:
            axes.set_yticks(range(len(methods)), names, fontsize=7.5)
            if axes in grid[-columns:]:
                axes.set_xlabel("multiple of floor", fontsize=8)
        return figure


def _turned(table: pd.DataFrame, outputs: dict[str, Output]) -> pd.DataFrame:
    """Keep the rows that have a ratio, and turn those over where higher is better."""
    import numpy as np

    table = table[np.isfinite(table["ratio"]) & (table["ratio"] > 0)].copy()
    higher = table["metric"].map(lambda m: m in outputs and outputs[m].better == "higher")
    table["ratio"] = table["ratio"].where(~higher, 1 / table["ratio"])
    table["spread"] = (table["ratio"] * table["std"] / table["mean"].abs()).fillna(0)
    return table


def _panel(axes: Axes, table: pd.DataFrame, methods: list[str], inputs: Inputs) -> None:
    import numpy as np

    from tailbench.figures import _points, _style

    high = min(max((table["ratio"] + table["spread"]).max(), 2.0), WIDEST) * 1.25
    low = min(table["ratio"].min(), 1.0) / 1.25
    axes.axvline(1.0, color=_style.REAL, lw=0.9, zorder=1)
    for family, group in table.groupby("family", sort=False):
        y = group["method"].map(methods.index)
        style: dict[str, Any] = {"color": _style.colour(str(family), inputs.families), "ls": ""}
        beyond = group["ratio"] > high
        axes.plot(np.full(beyond.sum(), high / 1.1), y[beyond], marker=">", ms=5, **style)
        shown, y = group[~beyond], y[~beyond]
        bars = _points.error_bars(shown["ratio"], shown["spread"])
        style["marker"] = _style.marker(str(family), inputs.families)
        axes.errorbar(shown["ratio"], y, xerr=bars, ms=4, elinewidth=1, **style)
    _style.log_axis(axes.xaxis, low, high)
    axes.grid(axis="y", lw=0.4)


def _wrapped(label: str, width: int = 22) -> str:
    """Break a title into lines, not inside mathematics."""
    import textwrap

    return label if "$" in label or len(label) <= width else textwrap.fill(label, width)
