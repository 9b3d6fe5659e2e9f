"""Quantiles of samples against those of held-out data, in the tail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from tailbench.data import Variant
from tailbench.plots import base, legends, style, tail_quantiles
from tailbench.plots.sample_sets import Samples, SampleSets, by_seed
from tailbench.registry import register

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from tailbench.plots.tail_quantiles import Array

__all__ = ["QQTail", "qq_tail"]

HEAVIEST = 0.05  # the share of the points that counts as the tail
FARTHEST = 30.0  # how far beyond the real data the frame reaches, as a multiple


@style.theme()
def qq_tail(
    samples: Samples,
    reference: ArrayLike,
    floor: ArrayLike | None = None,
    *,
    methods: Sequence[str] = (),
) -> Figure:
    """Draw upper quantiles of the distance from the centre: samples against held-out data.

    The levels go from 95 % to ``1 - 1/m``. Lines are medians over seeds, bands their range.

    Args:
        samples: Samples by method or :class:`~tailbench.data.Variant`, each of shape ``(n, d)``,
            or ``(E, n, d)`` of several seeds; a panel for each method.
        reference: Held-out real data, shape ``(m, d)`` or ``(E, m, d)``, whose median of each
            coordinate is the centre.
        floor: More real data, drawn in grey as the best that any method can do.
        methods: Names by whose order unknown methods get their colours; those of ``samples`` if
            left out.

    Raises:
        ValueError: If there are no samples, or an array has another shape.
    """
    sets, test = SampleSets(samples), by_seed(reference, "the reference")
    groups = sets.by_method()
    if not groups:
        raise ValueError("qq_tail: there are no samples")
    names = methods or list(groups)
    point = tail_quantiles.centre(test)
    beyond = np.geomspace(HEAVIEST, 1.0 / test.shape[1], 60)

    def band_of(x: Any) -> tail_quantiles.Band:
        return tail_quantiles.quantile_band(tail_quantiles.radii(x, point), beyond)

    x = band_of(test).middle
    real = None if floor is None else band_of(by_seed(floor, "the floor"))
    low, high = x[0], x[0] if real is None else real.high.max()
    figure, grid = style.panels(len(groups), sharex=True, sharey=True, height=2.6)
    for axes, (method, variants) in zip(grid, groups.items(), strict=True):
        axes.set_title(method)
        if real is not None:
            axes.fill_between(x, real.low, real.high, color=style.FLOOR, alpha=0.3, lw=0)
            axes.plot(x, real.middle, color=style.FLOOR, lw=0.8)
        made = [band_of(sets[variant]) for variant in variants]
        _plot(axes, x, dict(zip(variants, made, strict=True)), style.colour(method, names))
        low = min(low, *(max(band.low.min(), x[0] / FARTHEST) for band in made))
        high = max(high, *(min(band.high.max(), FARTHEST * x[-1]) for band in made))
    _frame(grid, x, low, high)
    legends.below(figure, _handles(real is not None))
    return figure


@register
class QQTail(base.Figure):
    """Quantiles of the distance from the centre beyond 95 %: samples against held-out data."""

    needs: ClassVar[frozenset[base.Need]] = frozenset({base.Need.DATA, base.Need.SAMPLES})
    caption: ClassVar[str] = (
        "Quantiles of the distance from the centre at levels from 95 % to 1 − 1/n: samples "
        "against held-out data. On the diagonal both agree; below it the method's tail is too "
        "light, above it too heavy. Lines are medians over seeds, bands their range; the grey "
        "band is real data against real data, which is as well as any method can do."
    )

    def draw(self, data: base.FigureData, dataset: str) -> Figure | None:
        """Draw one panel per method; ``None`` if there are no samples."""
        samples = data.samples(dataset)
        if not samples:
            return None
        return qq_tail(samples, data.test(dataset), data.floor(dataset), methods=data.methods)


def _plot(axes: Axes, x: Array, made: Mapping[Variant, tail_quantiles.Band], colour: str) -> None:
    """Draw the quantiles of the variants of a method."""
    strokes = style.strokes(colour, list(made))
    for (variant, band), (shade, dash) in zip(made.items(), strokes, strict=True):
        text = style.label(variant, with_method=False)
        axes.plot(x, band.middle, color=shade, ls=dash, label=text)
        axes.fill_between(x, band.low, band.high, color=shade, alpha=0.15, lw=0)
    if len(made) > 1:
        legends.inside(axes, "upper left")
    elif max(band.middle.max() for band in made.values()) < x[0] / FARTHEST:
        axes.text(0.97, 0.03, "below the frame", transform=axes.transAxes, ha="right", fontsize=7.5)
    elif min(band.middle.min() for band in made.values()) > FARTHEST * x[-1]:
        axes.text(0.03, 0.92, "above the frame", transform=axes.transAxes, fontsize=7.5)


def _frame(grid: Sequence[Axes], x: Array, low: float, high: float) -> None:
    for axes in grid:
        axes.plot([low / 2, 2 * high], [low / 2, 2 * high], color=style.REAL, lw=0.8, zorder=1)
        style.log_axis(axes.xaxis, x[0] / 1.1, x[-1] * 1.1)
        style.log_axis(axes.yaxis, low / 1.2, high * 1.2)
    style.outer_labels(grid, "distance, held-out data", "distance, samples")


def _handles(with_floor: bool) -> list[Any]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: list[Any] = [Line2D([], [], color=style.REAL, lw=0.8, label="equal quantiles")]
    if with_floor:
        line = Line2D([], [], color=style.FLOOR, lw=0.8, label="real against real, median")
        band = Patch(color=style.FLOOR, alpha=0.3, lw=0, label="its range over seeds")
        handles += [line, band]
    return handles
