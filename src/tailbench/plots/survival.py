"""Survival functions of the distance from the centre, on log-log axes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from tailbench.plots import base, legends, style, tail_quantiles
from tailbench.plots.sample_sets import Samples, SampleSets, by_seed
from tailbench.registry import register

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from tailbench.plots.tail_quantiles import Array, Band

__all__ = ["Survival", "survival"]


@style.theme()
def survival(
    samples: Samples,
    reference: ArrayLike,
    *,
    train: ArrayLike | None = None,
    tail_index: float | None = None,
    methods: Sequence[str] = (),
) -> Figure:
    r"""Draw :math:`P(\|X - c\| > r)` of samples and real data against the distance :math:`r`.

    The centre :math:`c` is the median of each coordinate of the reference. Lines are medians over
    seeds, bands their range. A power law :math:`P(\|X - c\| > r) \sim r^{-a}` is a straight line
    with the slope :math:`-a`.

    Args:
        samples: Samples by method or :class:`~tailbench.data.Variant`, each of shape ``(n, d)``,
            or ``(E, n, d)`` of several seeds; a panel for each method.
        reference: Held-out real data, shape ``(m, d)`` or ``(E, m, d)``.
        train: More real data, which the line of the real data then shows, too.
        tail_index: The exact exponent :math:`a`, whose slope is dotted.
        methods: Names by whose order unknown methods get their colours; those of ``samples`` if
            left out.

    Raises:
        ValueError: If there are no samples, or an array has another shape.

    Example:
        >>> import numpy as np
        >>> from tailbench import plots
        >>> rng = np.random.default_rng(0)
        >>> figure = plots.survival(
        ...     {"gaussian": rng.normal(size=(500, 2)), "student": rng.standard_t(3, (500, 2))},
        ...     rng.standard_t(3, (500, 2)),
        ...     tail_index=3.0,
        ... )
        >>> [axes.get_title() for axes in figure.axes]
        ['gaussian', 'student']
    """
    sets, test = SampleSets(samples), by_seed(reference, "the reference")
    groups = sets.by_method()
    if not groups:
        raise ValueError("survival: there are no samples")
    names = methods or list(groups)
    point = tail_quantiles.centre(test)
    both = test if train is None else np.concatenate([by_seed(train, "train"), test], axis=1)
    real = tail_quantiles.radii(both, point)
    beyond = np.geomspace(1.0, 1.0 / test.shape[1], 120)
    levels = np.geomspace(1.0, 1.0 / both.shape[1], 120)
    band = tail_quantiles.quantile_band(real, levels)
    largest = real.max()

    figure, grid = style.panels(len(groups), sharex=True, sharey=True)
    for axes, (method, variants) in zip(grid, groups.items(), strict=True):
        axes.set_title(method)
        _plot(axes, band, levels, (style.REAL, "-"))
        strokes = style.strokes(style.colour(method, names), variants)
        for variant, stroke in zip(variants, strokes, strict=True):
            radii = tail_quantiles.radii(sets[variant], point)
            drawn = tail_quantiles.quantile_band(radii, beyond)
            _plot(axes, drawn, beyond, stroke, style.label(variant, with_method=False))
            largest = max(largest, min(drawn.high[-1], 30 * real.max()))
        _slope(axes, tail_index, band, levels)
        style.log_axis(axes.yaxis, 0.5 / both.shape[1], 1.5)
        if len(variants) > 1:
            legends.inside(axes, "upper right")
    for axes in grid:
        style.log_axis(axes.xaxis, np.quantile(real, 0.3), 2 * largest)
    _label(figure, grid, "real data" if train is None else "real data (train and test)")
    return figure


@register
class Survival(base.Figure):
    """How often points lie far from the centre: data and samples, on log-log axes.

    A power-law tail is a straight line whose slope is minus the tail index.
    """

    needs: ClassVar[frozenset[base.Need]] = frozenset({base.Need.DATA, base.Need.SAMPLES})
    caption: ClassVar[str] = (
        "Share of points farther from the centre (the median of each coordinate) than a "
        "distance. Black: real data, train and test. Colour: samples of each method. Lines are "
        "medians over seeds, bands their range. A power-law tail is a straight line; the dotted "
        "line beside it has the exact slope, where it is known: its place means nothing."
    )

    def draw(self, data: base.FigureData, dataset: str) -> Figure | None:
        """Draw one panel per method; ``None`` if there are no samples."""
        samples = data.samples(dataset)
        if not samples:
            return None
        return survival(
            samples,
            data.test(dataset),
            train=data.train(dataset),
            tail_index=data.norm_tail_index(dataset),
            methods=data.methods,
        )


def _plot(
    axes: Axes, band: Band, beyond: Array, stroke: tuple[str, str], label: str | None = None
) -> None:
    colour, dash = stroke
    axes.plot(band.middle, beyond, color=colour, ls=dash, label=label, lw=1.4)
    axes.fill_betweenx(beyond, band.low, band.high, color=colour, alpha=0.18, lw=0)


def _label(figure: Figure, grid: Sequence[Axes], real: str) -> None:
    from matplotlib.lines import Line2D

    style.outer_labels(grid, "distance from the centre $r$", r"$P(\|X - c\| > r)$")
    handles = [Line2D([], [], color=style.REAL, label=real)]
    if any(line.get_linestyle() == ":" for line in grid[0].lines):
        handles.append(Line2D([], [], color=style.FLOOR, ls=":", label="exact slope"))
    legends.below(figure, handles)


def _slope(axes: Axes, index: float | None, band: Band, beyond: Array) -> None:
    """Draw the exact power law through the data's 0.99 quantile, a little to the right of it."""
    if index is None or not math.isfinite(index):
        return
    start = 1.8 * np.interp(-0.01, -beyond, band.middle)
    r = np.array([start, start * (0.01 / beyond[-1]) ** (1 / index)])
    axes.plot(r, 0.01 * (r / start) ** -index, ls=":", color=style.FLOOR)
