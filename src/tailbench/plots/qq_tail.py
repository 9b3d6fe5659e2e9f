"""Quantiles of samples against those of held-out data, in the tail."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from tailbench.registry import register

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from tailbench.pipeline.results.reader import ResultsReader

__all__ = ["QQTail"]


@register
class QQTail:
    """Quantiles of the distance from the centre beyond 95 %: samples against held-out data."""

    name: ClassVar[str]
    needs: ClassVar[frozenset[str]] = frozenset({"data", "samples"})
    caption: ClassVar[str] = (
        "Quantiles of the distance from the centre at levels from 95 % to 1 − 1/n: samples "
        "against held-out data. On the diagonal both agree; below it the method's tail is too "
        "light, above it too heavy. Lines are medians over seeds, bands their range; the grey "
        "band is real data against real data, which is as well as any method can do."
    )

    def draw(self, inputs: ResultsReader, dataset: str) -> Figure | None:
        """Draw one panel per method; ``None`` if there are no samples."""
        import numpy as np
        from matplotlib.lines import Line2D
        from matplotlib.patches import Patch

        from tailbench.plots import style, tail_quantiles

        samples = inputs.samples(dataset)
        families = samples.families()
        if not families:
            return None
        test = inputs.test(dataset)
        point = tail_quantiles.centre(test)
        beyond = np.geomspace(0.05, 1.0 / test.shape[1], 60)
        real = tail_quantiles.quantile_band(tail_quantiles.radii(test, point), beyond)
        floor = tail_quantiles.quantile_band(
            tail_quantiles.radii(inputs.floor(dataset), point), beyond
        )
        x = real.middle
        low = high = x[0]
        figure, grid = style.panels(len(families), sharex=True, sharey=True, height=2.6)
        for axes, (family, variants) in zip(grid, families.items(), strict=True):
            axes.set_title(family)
            axes.fill_between(x, floor.low, floor.high, color=style.FLOOR, alpha=0.3, lw=0)
            axes.plot(x, floor.middle, color=style.FLOOR, lw=0.8)
            strokes = style.strokes(style.colour(family, inputs.families), variants)
            for variant, (colour, dash) in zip(variants, strokes, strict=True):
                made = tail_quantiles.quantile_band(
                    tail_quantiles.radii(samples[variant], point), beyond
                )
                text = style.label(variant, with_family=False)
                axes.plot(x, made.middle, color=colour, ls=dash, label=text)
                axes.fill_between(x, made.low, made.high, color=colour, alpha=0.15, lw=0)
                low = min(low, max(made.low.min(), x[0] / 30))
                high = max(high, min(made.high.max(), 30 * x[-1]))
            if len(variants) > 1:
                style.legend_inside(axes, "upper left")
        high = max(high, floor.high.max())
        for axes in grid:
            axes.plot([low / 2, 2 * high], [low / 2, 2 * high], color=style.REAL, lw=0.8, zorder=1)
            style.log_axis(axes.xaxis, x[0] / 1.1, x[-1] * 1.1)
            style.log_axis(axes.yaxis, low / 1.2, high * 1.2)
        style.outer_labels(grid, "distance, held-out data", "distance, samples")
        style.legend_below(
            figure,
            [
                Line2D([], [], color=style.REAL, lw=0.8, label="equal quantiles"),
                Patch(color=style.FLOOR, alpha=0.3, lw=0, label="real against real"),
            ],
        )
        return figure
