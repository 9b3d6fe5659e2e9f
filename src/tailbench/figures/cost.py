"""Quality against seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from tailbench.registry import register

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from tailbench.figures._inputs import Inputs

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

    def draw(self, inputs: Inputs, dataset: str) -> Figure | None:
        """Draw a panel per key metric; ``None`` if no times are known."""
        from matplotlib.lines import Line2D

        from tailbench.figures import _points, _style
        from tailbench.tables import directions

        of = inputs.metrics[inputs.metrics["dataset"] == dataset]
        seconds = of["train_seconds"].fillna(0) + of["sample_seconds"].fillna(0)
        of, seconds = of[seconds > 0], seconds[seconds > 0]
        if of.empty:
            return None
        outputs = directions()
        shown = _points.panel_metrics(of)
        figure, grid = _style.panels(len(shown), columns=2, height=3.2, width=10)
        handles: dict[str, Any] = {}
        for axes, metric in zip(grid, shown, strict=True):
            table = _points.points(of, metric)
            for family, group in table.groupby("family", sort=False):
                base = _style.colour(str(family), inputs.families)
                form = _style.marker(str(family), inputs.families)
                row: Any
                strokes = _style.strokes(base, list(group["method"]))
                for row, (colour, _) in zip(group.itertuples(), strokes, strict=True):
                    axes.errorbar(
                        row.seconds,
                        row.mean,
                        _points.error_bars([row.mean], [row.std]),
                        _points.error_bars([row.seconds], [row.seconds_std]),
                        color=colour,
                        marker=form,
                        elinewidth=1,
                    )
                handles[str(family)] = Line2D([], [], label=family, color=base, marker=form, ls="")
            _points.floor_line(axes, table["floor"].mean())
            values = [*_points.extent(table), table["floor"].mean()]
            _points.quality_axis(axes, metric, outputs.get(metric), values)
            _style.log_axis(axes.xaxis, seconds.min() / 1.4, seconds.max() * 1.4)
            axes.set_xlabel("training and sampling, seconds per seed")
        handles["floor"] = _style.floor_handle()
        figure.legend(handles=list(handles.values()), loc="outside right upper")
        return figure
