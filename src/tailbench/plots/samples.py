"""Samples beside the data, with their tails."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from tailbench.registry import register

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from tailbench.pipeline.results.reader import ResultsReader

__all__ = ["Samples"]

MOST = 5  # variants of a family that are shown


@register
class Samples:
    """Two coordinates of samples and data: the centre to scale, the tails compressed."""

    name: ClassVar[str]
    needs: ClassVar[frozenset[str]] = frozenset({"first data", "first samples"})
    caption: ClassVar[str] = (
        "Held-out data and samples of the first seed. With heavy tails, the axes are linear "
        "inside the square, which holds 98 % of the data's values, and logarithmic outside it, "
        "so that centre and extremes are seen together. Of more than two coordinates, the two "
        "with the heaviest tails are shown, or the first two where all are light. Points beyond "
        "the frame are counted in its corner."
    )

    def draw(self, inputs: ResultsReader, dataset: str) -> Figure | None:
        """Draw one panel for the data and one per variant; ``None`` if there are no samples."""
        from tailbench.plots import style
        from tailbench.plots.scatter import POINTS, View, axis_names, heaviest, scatter

        samples = inputs.first_block.samples(dataset)
        if not samples:
            return None
        test = inputs.first_block.test(dataset)[0]
        if test.shape[1] < 2:
            return None
        pair = heaviest(test)
        x = test[:POINTS, pair]
        shown = [v for variants in samples.families().values() for v in _some(variants)]
        view = View(x)

        columns = 5 if len(shown) > 7 else 4
        figure, grid = style.panels(
            len(shown) + 1, columns, height=2.2 if columns == 5 else 2.6, sharex=True, sharey=True
        )
        scatter(grid[0], x, style.REAL, view)
        grid[0].set_title("real data (held out)", fontsize=8.5)
        for axes, variant in zip(grid[1:], shown, strict=True):
            colour = style.colour(variant, inputs.families)
            scatter(axes, samples[variant][0][:POINTS, pair], colour, view)
            separator = "\n" if len(variant) > 22 else ", "
            axes.set_title(style.label(variant, separator=separator), fontsize=8.5)
        style.outer_labels(grid, *axis_names(inputs, dataset, pair, view))
        return figure


def _some(variants: list[str]) -> list[str]:
    if len(variants) <= MOST:
        return variants
    keep = {round(i * (len(variants) - 1) / (MOST - 1)) for i in range(MOST)}
    return [variants[i] for i in sorted(keep)]
