"""Quantiles of samples against those of held-out data, in the tail."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from tailbench.plots import base, style, tail_quantiles
from tailbench.plots.sample_sets import Samples, SampleSets, by_seed
from tailbench.registry import register

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["QQTail", "qq_tail"]

HEAVIEST = 0.05  # the share of the points that counts as the tail


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
        strokes = style.strokes(style.colour(method, names), variants)
        for variant, (colour, dash) in zip(variants, strokes, strict=True):
            made = band_of(sets[variant])
            text = style.label(variant, with_method=False)
            axes.plot(x, made.middle, color=colour, ls=dash, label=text)
            axes.fill_between(x, made.low, made.high, color=colour, alpha=0.15, lw=0)
            low = min(low, max(made.low.min(), x[0] / 30))
            high = max(high, min(made.high.max(), 30 * x[-1]))
        if len(variants) > 1:
            style.legend_inside(axes, "upper left")
    for axes in grid:
        axes.plot([low / 2, 2 * high], [low / 2, 2 * high], color=style.REAL, lw=0.8, zorder=1)
        style.log_axis(axes.xaxis, x[0] / 1.1, x[-1] * 1.1)
        style.log_axis(axes.yaxis, low / 1.2, high * 1.2)
    style.outer_labels(grid, "distance, held-out data", "distance, samples")
    style.legend_below(figure, _handles(real is not None))
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


def _handles(with_floor: bool) -> list[Any]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: list[Any] = [Line2D([], [], color=style.REAL, lw=0.8, label="equal quantiles")]
    if with_floor:
        handles.append(Patch(color=style.FLOOR, alpha=0.3, lw=0, label="real against real"))
    return handles
