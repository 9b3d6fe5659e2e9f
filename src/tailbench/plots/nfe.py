"""Quality against the number of network evaluations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from tailbench.registry import register

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from tailbench.pipeline.results.reader import ResultsReader

__all__ = ["NFE"]


@register
class NFE:
    """Metrics against the number of network evaluations per sample."""

    name: ClassVar[str]
    needs: ClassVar[frozenset[str]] = frozenset({"metrics"})
    caption: ClassVar[str] = (
        "Structure (left) and tails (right) against the number of network evaluations that one "
        "sample takes; mean and standard deviation over seeds. Variants of a method that differ "
        "in their number of steps are joined; other variants are shaded from light to dark in the "
        "order of their sweep (black: chosen on validation data). Dotted: the floor, real "
        "data against real data."
    )

    def draw(self, inputs: ResultsReader, dataset: str) -> Figure | None:
        """Draw a panel per key metric; ``None`` if all methods take equally many evaluations."""
        from matplotlib.lines import Line2D

        from tailbench.metrics.outputs import directions
        from tailbench.plots import metric_points, style

        of = inputs.metrics[inputs.metrics["dataset"] == dataset]
        if of["nfe"].nunique() < 2:
            return None
        evaluations = of["nfe"].clip(lower=1)
        outputs = directions()
        shown = metric_points.panel_metrics(of)
        figure, grid = style.panels(len(shown), columns=2, height=3.2, width=10)
        handles: dict[str, Any] = {}
        for axes, metric in zip(grid, shown, strict=True):
            table = metric_points.points(of, metric)
            table["nfe"] = table["nfe"].clip(lower=1)
            for family, variants in table.groupby("family", sort=False):
                base = style.colour(str(family), inputs.families)
                form = style.marker(str(family), inputs.families)
                names = variants["method"].map(lambda m: metric_points.without(m, "steps", "nfe"))
                groups = [str(name) for name in names.unique()]
                strokes = dict(zip(groups, style.strokes(base, groups), strict=True))
                for name, group in variants.groupby(names, sort=False):
                    group = group.sort_values("nfe")
                    axes.errorbar(
                        group["nfe"],
                        group["mean"],
                        metric_points.error_bars(group["mean"], group["std"]),
                        color=strokes[str(name)][0],
                        marker=form,
                        capsize=2.5,
                        elinewidth=1,
                    )
                line = "" if names.nunique() == len(names) else "-"
                handles[str(family)] = Line2D(
                    [], [], label=family, color=base, marker=form, ls=line
                )
            metric_points.floor_line(axes, table["floor"].mean())
            values = [*metric_points.extent(table), table["floor"].mean()]
            metric_points.quality_axis(axes, metric, outputs.get(metric), values)
            style.log_axis(axes.xaxis, evaluations.min() / 1.4, evaluations.max() * 1.4)
            axes.set_xlabel("network evaluations per sample")
        handles["floor"] = style.floor_handle()
        figure.legend(handles=list(handles.values()), loc="outside right upper")
        return figure
