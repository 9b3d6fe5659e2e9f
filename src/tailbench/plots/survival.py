"""Survival functions of the distance from the centre, on log-log axes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

from tailbench.registry import register

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from tailbench.pipeline.results.reader import ResultsReader
    from tailbench.plots.tail_quantiles import Band, NDArray

__all__ = ["Survival"]


@register
class Survival:
    """How often points lie far from the centre: data and samples, on log-log axes.

    A power-law tail is a straight line whose slope is minus the tail index.
    """

    name: ClassVar[str]
    needs: ClassVar[frozenset[str]] = frozenset({"data", "samples"})
    caption: ClassVar[str] = (
        "Share of points farther from the centre (the median of each coordinate) than a "
        "distance. Black: real data, train and test. Colour: samples of each method. Lines are "
        "medians over seeds, bands their range. A power-law tail is a straight line; the dotted "
        "line has the exact slope, where it is known."
    )

    def draw(self, inputs: ResultsReader, dataset: str) -> Figure | None:
        """Draw one panel per method; ``None`` if there are no samples."""
        import numpy as np
        from matplotlib.lines import Line2D

        from tailbench.plots import style, tail_quantiles

        samples = inputs.samples(dataset)
        families = samples.families()
        if not families:
            return None
        test = inputs.test(dataset)
        point = tail_quantiles.centre(test)
        both = np.concatenate([inputs.train(dataset), test], axis=1)
        real = tail_quantiles.radii(both, point)
        beyond = np.geomspace(1.0, 1.0 / test.shape[1], 120)
        levels = np.geomspace(1.0, 1.0 / both.shape[1], 120)
        band = tail_quantiles.quantile_band(real, levels)
        largest = real.max()

        figure, grid = style.panels(len(families), sharex=True, sharey=True)
        for axes, (family, variants) in zip(grid, families.items(), strict=True):
            axes.set_title(family)
            _plot(axes, band, levels, (style.REAL, "-"))
            strokes = style.strokes(style.colour(family, inputs.families), variants)
            for variant, stroke in zip(variants, strokes, strict=True):
                drawn = tail_quantiles.quantile_band(
                    tail_quantiles.radii(samples[variant], point), beyond
                )
                _plot(axes, drawn, beyond, stroke, style.label(variant, with_family=False))
                largest = max(largest, min(drawn.high[-1], 30 * real.max()))
            if len(variants) > 1:
                style.legend_inside(axes, "upper right")
            _slope(axes, inputs.norm_tail_index(dataset), band, levels)
            style.log_axis(axes.yaxis, 0.5 / both.shape[1], 1.5)
        for axes in grid:
            style.log_axis(axes.xaxis, np.quantile(real, 0.3), 2 * largest)
        style.outer_labels(grid, "distance from the centre $r$", r"$P(\|X - c\| > r)$")
        handles = [Line2D([], [], color=style.REAL, label="real data (train and test)")]
        if any(line.get_linestyle() == ":" for line in grid[0].lines):
            handles.append(Line2D([], [], color=style.FLOOR, ls=":", label="exact slope"))
        style.legend_below(figure, handles)
        return figure


def _plot(
    axes: Axes, band: Band, beyond: NDArray, stroke: tuple[str, str], label: str | None = None
) -> None:
    colour, dash = stroke
    axes.plot(band.middle, beyond, color=colour, ls=dash, label=label, lw=1.4)
    axes.fill_betweenx(beyond, band.low, band.high, color=colour, alpha=0.18, lw=0)


def _slope(axes: Axes, index: float | None, band: Band, beyond: NDArray) -> None:
    """Draw the exact power law through the data's 0.99 quantile, a little to the right of it."""
    import numpy as np

    from tailbench.plots import style

    if index is None or not math.isfinite(index):
        return
    start = 1.8 * np.interp(-0.01, -beyond, band.middle)
    r = np.array([start, start * (0.01 / beyond[-1]) ** (1 / index)])
    axes.plot(r, 0.01 * (r / start) ** -index, ls=":", color=style.FLOOR)
