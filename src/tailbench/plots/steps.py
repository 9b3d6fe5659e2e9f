"""Samples by the number of steps."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar

from tailbench.registry import register

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from tailbench.pipeline.results.reader import ResultsReader

__all__ = ["Steps"]

METRIC = "max_sw1"
SWEPT = re.compile(r"[^\[]+\[steps=(\d+)\]")
MOST = 6  # numbers of steps that are shown


@register
class Steps:
    """Samples of the methods that sweep their number of steps, a row for each method."""

    name: ClassVar[str]
    needs: ClassVar[frozenset[str]] = frozenset({"first data", "first samples", "metrics"})
    caption: ClassVar[str] = (
        "Samples of the first seed by the number of steps, a row for each method that sweeps "
        "them, after the held-out data, with the mean max-sliced W1 over seeds. Axes as in the "
        "figure of samples."
    )

    def draw(self, inputs: ResultsReader, dataset: str) -> Figure | None:
        """Draw the panels; ``None`` if no method sweeps its steps alone."""
        from tailbench.plots import style
        from tailbench.plots.scatter import POINTS, View, axis_names, heaviest, scatter

        samples = inputs.first_block.samples(dataset)
        swept = {
            family: {int(found[1]): v for v in variants if (found := SWEPT.fullmatch(v))}
            for family, variants in samples.families().items()
        }
        swept = {family: own for family, own in swept.items() if len(own) > 1}
        if not swept:
            return None
        test = inputs.first_block.test(dataset)[0]
        if test.shape[1] < 2:
            return None
        steps = sorted({step for own in swept.values() for step in own})[:MOST]
        pair = heaviest(test)
        x = test[:POINTS, pair]
        view = View(x)
        of = inputs.metrics[inputs.metrics["dataset"] == dataset]
        distance = of[of["metric"] == METRIC].groupby("method")["value"].mean()

        columns = len(steps) + 1
        figure, grid = style.panels(
            columns * len(swept), columns, height=2.3, sharex=True, sharey=True
        )
        for row, (family, own) in enumerate(swept.items()):
            panels = grid[columns * row : columns * (row + 1)]
            scatter(panels[0], x, style.REAL, view)
            panels[0].set_title("real data (held out)", fontsize=8.5)
            for axes, step in zip(panels[1:], steps, strict=True):
                if step not in own:
                    axes.set_axis_off()
                    continue
                colour = style.colour(family, inputs.families)
                scatter(axes, samples[own[step]][0][:POINTS, pair], colour, view)
                value = distance.get(own[step])
                text = f"{family}, {step} steps"
                axes.set_title(
                    text if value is None else f"{text}\n$W_1$ {value:.3g}", fontsize=8.5
                )
        style.outer_labels(grid, *axis_names(inputs, dataset, pair, view))
        return figure
