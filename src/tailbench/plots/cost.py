"""Quality against seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from tailbench.registry import register

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from tailbench.pipeline.results.reader import ResultsReader

__all__ = ["Cost"]


@register
class Cost:
    """Metrics against seconds of training and sampling."""

    name: ClassVar[str]
    needs: ClassVar[frozenset[str]] = frozenset({"metrics"})
    caption: ClassVar[str] = (
        "Structure (left) and tails (right) against the seconds that training and sampling take "
        "together, per seed; mean and standard deviation over seeds, one point per variant, "
        "light to dark in the order of a sweep (black: chosen on validation data). A model that "
        "several methods sample from is counted in full for each of them. Left and down is "
        "better. Dotted: the floor, real data against real data."
    )

    def draw(self, inputs: ResultsReader, dataset: str) -> Figure | None:
        """Draw a panel per key metric; ``None`` if no times are known."""
        from matplotlib.lines import Line2D

        from tailbench.metrics.outputs import directions
        from tailbench.plots import metric_points, style

        of = inputs.metrics[inputs.metrics["dataset"] == dataset]
        seconds = of["train_seconds"].fillna(0) + of["sample_seconds"].fillna(0)
        of, seconds = of[seconds > 0], seconds[seconds > 0]
        if of.empty:
            return None
        outputs = directions()
        shown = metric_points.panel_metrics(of)
        figure, grid = style.panels(len(shown), columns=2, height=3.2, width=10)
        handles: dict[str, Any] = {}
        for axes, metric in zip(grid, shown, strict=True):
            table = metric_points.points(of, metric)
            for family, group in table.groupby("family", sort=False):
                base = style.colour(str(family), inputs.families)
                form = style.marker(str(family), inputs.families)
                row: Any
                strokes = style.strokes(base, list(group["method"]))
                for row, (colour, _) in zip(group.itertuples(), strokes, strict=True):
                    axes.errorbar(
                        row.seconds,
                        row.mean,
                        metric_points.error_bars([row.mean], [row.std]),
                        metric_points.error_bars([row.seconds], [row.seconds_std]),
                        color=colour,
                        marker=form,
                        elinewidth=1,
                    )
                handles[str(family)] = Line2D([], [], label=family, color=base, marker=form, ls="")
            metric_points.floor_line(axes, table["floor"].mean())
            values = [*metric_points.extent(table), table["floor"].mean()]
            metric_points.quality_axis(axes, metric, outputs.get(metric), values)
            style.log_axis(axes.xaxis, seconds.min() / 1.4, seconds.max() * 1.4)
            axes.set_xlabel("training and sampling, seconds per seed")
        handles["floor"] = style.floor_handle()
        figure.legend(handles=list(handles.values()), loc="outside right upper")
        return figure
