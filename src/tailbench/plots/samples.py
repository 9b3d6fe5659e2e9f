"""Samples beside the data, with their tails."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from numpy.typing import ArrayLike

from tailbench.data import Variant
from tailbench.plots import base, style
from tailbench.plots.sample_sets import Samples as SamplesLike
from tailbench.plots.sample_sets import SampleSets, by_seed
from tailbench.plots.scatter import POINTS, View, axis_names, heaviest, scatter
from tailbench.registry import register

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Samples", "samples"]

MOST = 5  # variants of a method that are shown


@style.theme()
def samples(
    samples: SamplesLike,
    reference: ArrayLike,
    *,
    columns: Sequence[str] = (),
    methods: Sequence[str] = (),
) -> Figure | None:
    """Draw two coordinates of samples and of real data, those with the heaviest tails.

    Each coordinate has an axis of its own. With a heavy tail it is linear inside a box that holds
    98 % of the coordinate's values in the reference, and logarithmic outside it.

    Args:
        samples: Samples by method or :class:`~tailbench.data.Variant`, each of shape ``(n, d)``,
            or ``(E, n, d)``, of which the first seed is shown; of a method with many variants
            five are shown.
        reference: Held-out real data, shape ``(m, d)`` or ``(E, m, d)``.
        columns: Names of the coordinates.
        methods: Names by whose order unknown methods get their colours; those of ``samples`` if
            left out.

    Returns:
        The figure; ``None`` if there are no samples, or only one coordinate.

    Raises:
        ValueError: If an array has another shape.
    """
    sets, test = SampleSets(samples), by_seed(reference, "the reference")[0]
    groups = sets.by_method()
    if not groups or test.shape[1] < 2:
        return None
    names = methods or list(groups)
    pair = heaviest(test)
    x = test[:POINTS, pair]
    shown = [v for variants in groups.values() for v in _some(variants)]
    view = View(x)

    wide = 5 if len(shown) > 7 else 4
    figure, grid = style.panels(
        len(shown) + 1, wide, height=2.2 if wide == 5 else 2.6, sharex=True, sharey=True
    )
    scatter(grid[0], x, style.REAL, view)
    grid[0].set_title("real data (held out)", fontsize=8.5)
    for axes, variant in zip(grid[1:], shown, strict=True):
        scatter(axes, sets[variant][0][:POINTS, pair], style.colour(variant, names), view)
        axes.set_title(style.title(variant), fontsize=8.5)
    style.outer_labels(grid, *axis_names(columns, pair, view))
    return figure


@register
class Samples(base.Figure):
    """Two coordinates of samples and data: the centre to scale, the tails compressed."""

    needs: ClassVar[frozenset[base.Need]] = frozenset(
        {base.Need.FIRST_DATA, base.Need.FIRST_SAMPLES}
    )
    caption: ClassVar[str] = (
        "Held-out data and samples of the first seed, each coordinate on its own axis. With a "
        "heavy tail, an axis is linear inside the box, which holds 98 % of the coordinate's "
        "values, and logarithmic outside it, so that centre and extremes are seen together. Of "
        "more than two coordinates, the two with the heaviest tails are shown, or the first two "
        "where all are light. Points beyond the frame are counted in its corner."
    )

    def draw(self, data: base.FigureData, dataset: str) -> Figure | None:
        """Draw one panel for the data and one per variant; ``None`` if there are no samples."""
        first = data.first_block
        drawn = first.samples(dataset)
        if not drawn:
            return None
        columns = first.meta(dataset).get("columns") or ()
        return samples(drawn, first.test(dataset), columns=columns, methods=data.methods)


def _some(variants: list[Variant]) -> list[Variant]:
    if len(variants) <= MOST:
        return variants
    keep = {round(i * (len(variants) - 1) / (MOST - 1)) for i in range(MOST)}
    return [variants[i] for i in sorted(keep)]
