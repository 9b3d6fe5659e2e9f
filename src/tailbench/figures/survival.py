"""Survival functions of the distance from the centre, on log-log axes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

from tailbench.registry import register

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from tailbench.figures._inputs import Inputs
    from tailbench.figures._tails import Band, NDArray

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

    def draw(self, inputs: Inputs, dataset: str) -> Figure | None:
        """Draw one panel per method; ``None`` if there are no samples."""
        import numpy as np
        from matplotlib.lines import Line2D

        from tailbench.figures import _style, _tails

        samples = inputs.samples(dataset)
        families = samples.families()
        if not families:
            return None
        test = inputs.test(dataset)
        point = _tails.centre(test)
        both = np.concatenate([inputs.train(dataset), test], axis=1)
        real = _tails.radii(both, point)
        beyond = np.geomspace(1.0, 1.0 / test.shape[1], 120)
        levels = np.geomspace(1.0, 1.0 / both.shape[1], 120)
        band = _tails.quantile_band(real, levels)
        largest = real.max()

        figure, grid = _style.panels(len(families), sharex=True, sharey=True)
        for axes, (family, variants) in zip(grid, families.items(), strict=True):
            axes.set_title(family)
            _plot(axes, band, levels, (_style.REAL, "-"))
            strokes = _style.strokes(_style.colour(family, inputs.families), variants)
            for variant, stroke in zip(variants, strokes, strict=True):
                drawn = _tails.quantile_band(_tails.radii(samples[variant], point), beyond)
                _plot(axes, drawn, beyond, stroke, _style.label(variant, with_family=False))
                largest = max(largest, min(drawn.high[-1], 30 * real.max()))
            if len(variants) > 1:
                _style.legend_inside(axes, "upper right")
            _slope(axes, inputs.norm_tail_index(dataset), band, levels)
            _style.log_axis(axes.yaxis, 0.5 / both.shape[1], 1.5)
        for axes in grid:
            _style.log_axis(axes.xaxis, np.quantile(real, 0.3), 2 * largest)
        _style.outer_labels(grid, "distance from the centre $r$", r"$P(\|X - c\| > r)$")
        handles = [Line2D([], [], color=_style.REAL, label="real data (train and test)")]
        if any(line.get_linestyle() == ":" for line in grid[0].lines):
            handles.append(Line2D([], [], color=_style.FLOOR, ls=":", label="exact slope"))
        _style.legend_below(figure, handles)
        return figure


def _plot(
    axes: Axes, band: Band, beyond: NDArray, stroke: tuple[str, str], label: str | None = None
) -> None:
    colour, style = stroke
    axes.plot(band.middle, beyond, color=colour, ls=style, label=label, lw=1.4)
    axes.fill_betweenx(beyond, band.low, band.high, color=colour, alpha=0.18, lw=0)


def _slope(axes: Axes, index: float | None, band: Band, beyond: NDArray) -> None:
    """Draw the exact power law through the data's 0.99 quantile, a little to the right of it."""
    import numpy as np

    from tailbench.figures import _style

    if index is None or not math.isfinite(index):
        return
    start = 1.8 * np.interp(-0.01, -beyond, band.middle)
    r = np.array([start, start * (0.01 / beyond[-1]) ** (1 / index)])
    axes.plot(r, 0.01 * (r / start) ** -index, ls=":", color=_style.FLOOR)
