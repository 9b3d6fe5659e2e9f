"""Quality against seconds."""

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

__all__ = ["Cost", "cost"]


@style.theme()
def cost(
    metrics: pd.DataFrame, dataset: str | None = None, *, methods: Sequence[str] = ()
) -> Figure | None:
    """Draw the key metrics of a dataset against the seconds of training and sampling.

    Args:
        metrics: The tidy metrics: ``method``, ``seed``, ``metric``, ``value``, ``floor``,
            ``train_seconds``, ``sample_seconds`` and, of sweeps, ``variant`` and ``settings``.
        dataset: The dataset; may be left out if there is only one.
        methods: Names by whose order unknown methods get their colours; those of ``metrics`` if
            left out.

    Returns:
        The figure; ``None`` if no times are known.

    Raises:
        ValueError: If there are several datasets and none is named.
    """
    of = metric_points.of_dataset(metrics, dataset)
    seconds = metric_points.seconds_of(of)
    of, seconds = of[seconds > 0], seconds[seconds > 0]
    if of.empty:
        return None
    names = methods or list(of["method"].unique())
    outputs = directions()
    shown = metric_points.panel_metrics(of)
    figure, grid = style.panels(len(shown), columns=2, height=3.2, width=10)
    handles: dict[str, Any] = {}
    for axes, metric in zip(grid, shown, strict=True):
        table = metric_points.points(of, metric)
        for method, group in table.groupby("method", sort=False):
            handles[str(method)] = _points(axes, str(method), group, names)
        metric_points.floor_line(axes, table["floor"].mean())
        values = [*metric_points.extent(table), table["floor"].mean()]
        metric_points.quality_axis(axes, metric, outputs.get(metric), values)
        style.log_axis(axes.xaxis, seconds.min() / 1.4, seconds.max() * 1.4)
        axes.set_xlabel("training and sampling, seconds per seed")
    handles["floor"] = legends.floor_handle()
    legends.beside(figure, list(handles.values()))
    return figure


@register
class Cost(base.Figure):
    """Metrics against seconds of training and sampling."""

    needs: ClassVar[frozenset[base.Need]] = frozenset({base.Need.METRICS})
    caption: ClassVar[str] = (
        "Structure (left) and tails (right) against the seconds that training and sampling take "
        "together, per seed; mean and standard deviation over seeds, one point per variant, "
        "light to dark in the order of a sweep (black: chosen on validation data). A model that "
        "several methods sample from is counted in full for each of them. Left and down is "
        "better. Dotted: the floor, real data against real data."
    )

    def draw(self, data: base.FigureData, dataset: str) -> Figure | None:
        """Draw a panel per key metric; ``None`` if no times are known."""
        return cost(data.metrics, dataset, methods=data.methods)


def _points(axes: Axes, method: str, table: pd.DataFrame, names: Sequence[str]) -> Any:
    """Draw a point for each variant of a method."""
    from matplotlib.lines import Line2D

    colour, form = style.colour(method, names), style.marker(method, names)
    strokes = style.strokes(colour, list(table["variant"]))
    row: Any
    for row, (shade, _) in zip(table.itertuples(), strokes, strict=True):
        axes.errorbar(
            row.seconds,
            row.mean,
            metric_points.error_bars([row.mean], [row.std]),
            metric_points.error_bars([row.seconds], [row.seconds_std]),
            color=shade,
            marker=form,
            elinewidth=1,
        )
    return Line2D([], [], label=method, color=colour, marker=form, ls="")
