"""Quality against the number of network evaluations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from tailbench.metrics.outputs import directions
from tailbench.plots import base, legends, metric_points, style
from tailbench.registry import register

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["NFE", "nfe"]


@style.theme()
def nfe(
    metrics: pd.DataFrame, dataset: str | None = None, *, methods: Sequence[str] = ()
) -> Figure | None:
    """Draw the key metrics of a dataset against the network evaluations that a sample takes.

    Args:
        metrics: The tidy metrics: ``method``, ``seed``, ``metric``, ``value``, ``floor``, ``nfe``
            and, of sweeps, ``variant`` and ``settings``.
        dataset: The dataset; may be left out if there is only one.
        methods: Names by whose order unknown methods get their colours; those of ``metrics`` if
            left out.

    Returns:
        The figure; ``None`` if all methods take equally many evaluations.

    Raises:
        ValueError: If there are several datasets and none is named.
    """
    of = metric_points.of_dataset(metrics, dataset)
    if of["nfe"].nunique() < 2:
        return None
    names = methods or list(of["method"].unique())
    of = of.assign(nfe=of["nfe"].clip(lower=1))
    outputs = directions()
    shown = metric_points.panel_metrics(of)
    figure, grid = style.panels(len(shown), columns=2, height=3.2, width=10)
    handles: dict[str, Any] = {}
    for axes, metric in zip(grid, shown, strict=True):
        table = metric_points.points(of, metric)
        for method, variants in table.groupby("method", sort=False):
            handles[str(method)] = _curves(axes, str(method), variants, names)
        metric_points.floor_line(axes, table["floor"].mean())
        values = [*metric_points.extent(table), table["floor"].mean()]
        metric_points.quality_axis(axes, metric, outputs.get(metric), values)
        style.log_axis(axes.xaxis, of["nfe"].min() / 1.4, of["nfe"].max() * 1.4)
        axes.set_xlabel("network evaluations per sample")
    handles["floor"] = legends.floor_handle()
    legends.beside(figure, list(handles.values()))
    return figure


@register
class NFE(base.Figure):
    """Metrics against the number of network evaluations per sample."""

    needs: ClassVar[frozenset[base.Need]] = frozenset({base.Need.METRICS})
    caption: ClassVar[str] = (
        "Structure (left) and tails (right) against the number of network evaluations that one "
        "sample takes; mean and standard deviation over seeds. Variants of a method that differ "
        "in their number of steps are joined; other variants are shaded from light to dark in the "
        "order of their sweep (black: chosen on validation data). Dotted: the floor, real "
        "data against real data."
    )

    def draw(self, data: base.FigureData, dataset: str) -> Figure | None:
        """Draw a panel per key metric; ``None`` if all methods take equally many evaluations."""
        return nfe(data.metrics, dataset, methods=data.methods)


def _curves(axes: Axes, method: str, table: pd.DataFrame, names: Sequence[str]) -> Any:
    """Draw the variants of a method, those that differ in their steps joined."""
    from matplotlib.lines import Line2D

    colour, form = style.colour(method, names), style.marker(method, names)
    common = [metric_points.without(v, metric_points.STEPS) for v in table["variant"]]
    groups = list(dict.fromkeys(common))
    for group, (shade, _) in zip(groups, style.strokes(colour, groups), strict=True):
        rows = table[[other == group for other in common]].sort_values("nfe")
        axes.errorbar(
            rows["nfe"],
            rows["mean"],
            metric_points.error_bars(rows["mean"], rows["std"]),
            color=shade,
            marker=form,
            capsize=2.5,
            elinewidth=1,
        )
    line = "" if len(groups) == len(table) else "-"
    return Line2D([], [], label=method, color=colour, marker=form, ls=line)
