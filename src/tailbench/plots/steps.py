"""Samples by the number of steps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from numpy.typing import ArrayLike

from tailbench.data import Variant
from tailbench.plots import base, metric_points, style
from tailbench.plots.sample_sets import Samples, SampleSets, by_seed
from tailbench.plots.scatter import POINTS, View, axis_names, heaviest, scatter
from tailbench.registry import register

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Steps", "steps"]

METRIC = "max_sw1"
SWEPT = "sampling_steps"
MOST = 6  # numbers of steps that are shown


@style.theme()
def steps(
    samples: Samples,
    reference: ArrayLike,
    *,
    distances: Mapping[Variant, float] | None = None,
    columns: Sequence[str] = (),
    methods: Sequence[str] = (),
) -> Figure | None:
    """Draw samples by the number of steps, a row for each method that sweeps them alone.

    Args:
        samples: Samples by :class:`~tailbench.data.Variant`, whose settings hold
            ``sampling_steps``, each of shape ``(n, d)``, or ``(E, n, d)``, of which the first seed
            is shown.
        reference: Held-out real data, shape ``(m, d)`` or ``(E, m, d)``.
        distances: Max-sliced W1 of variants, for the titles.
        columns: Names of the coordinates.
        methods: Names by whose order unknown methods get their colours; those of ``samples`` if
            left out.

    Returns:
        The figure; ``None`` if no method sweeps its steps, or there is only one coordinate.

    Raises:
        ValueError: If an array has another shape.
    """
    sets, test = SampleSets(samples), by_seed(reference, "the reference")[0]
    rows = _swept(sets)
    if not rows or test.shape[1] < 2:
        return None
    names = methods or list(sets.by_method())
    counts = sorted({count for own in rows.values() for count in own})[:MOST]
    pair = heaviest(test)
    x = test[:POINTS, pair]
    view = View(x)
    wide = len(counts) + 1
    figure, grid = style.panels(wide * len(rows), wide, height=2.3, sharex=True, sharey=True)
    for row, (method, own) in enumerate(rows.items()):
        panels = grid[wide * row : wide * (row + 1)]
        scatter(panels[0], x, style.REAL, view)
        panels[0].set_title("real data (held out)", fontsize=8.5)
        for axes, count in zip(panels[1:], counts, strict=True):
            if count not in own:
                axes.set_axis_off()
                continue
            drawn = sets[own[count]][0][:POINTS, pair]
            scatter(axes, drawn, style.colour(method, names), view)
            axes.set_title(_title(method, count, (distances or {}).get(own[count])), fontsize=8.5)
    style.outer_labels(grid, *axis_names(columns, pair, view))
    return figure


@register
class Steps(base.Figure):
    """Samples of the methods that sweep their number of steps, a row for each method."""

    needs: ClassVar[frozenset[base.Need]] = frozenset(
        {base.Need.FIRST_DATA, base.Need.FIRST_SAMPLES, base.Need.METRICS}
    )
    caption: ClassVar[str] = (
        "Samples of the first seed by the number of steps, a row for each method that sweeps "
        "them, after the held-out data, with the mean max-sliced W1 over seeds. Axes as in the "
        "figure of samples."
    )

    def draw(self, data: base.FigureData, dataset: str) -> Figure | None:
        """Draw the panels; ``None`` if no method sweeps its steps alone."""
        first = data.first_block
        samples = first.samples(dataset)
        if not _swept(samples):
            return None
        table = metric_points.points(metric_points.of_dataset(data.metrics, dataset), METRIC)
        return steps(
            samples,
            first.test(dataset),
            distances=dict(zip(table["variant"], table["mean"], strict=True)),
            columns=first.meta(dataset).get("columns") or (),
            methods=data.methods,
        )


def _title(method: str, count: int, distance: float | None) -> str:
    text = f"{method}, {count} steps"
    return text if distance is None else f"{text}\n$W_1$ {distance:.3g}"


def _swept(variants: Iterable[Variant]) -> dict[str, dict[int, Variant]]:
    """Return, for each method that sweeps its steps alone, its variants by their steps."""
    found: dict[str, dict[int, Variant]] = {}
    for variant in variants:
        if set(variant.settings) == {SWEPT}:
            found.setdefault(variant.method, {})[int(variant.settings[SWEPT])] = variant
    return {method: own for method, own in found.items() if len(own) > 1}
