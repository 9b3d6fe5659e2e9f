"""Every metric of every method as a multiple of its floor."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

from tailbench.registry import register

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from tailbench.interfaces import MetricOutput
    from tailbench.pipeline.results.reader import ResultsReader

__all__ = ["Comparison"]

WORST = 100.0


@register
class Comparison:
    """All metrics of all methods, as multiples of the floor."""

    name: ClassVar[str]
    needs: ClassVar[frozenset[str]] = frozenset({"metrics"})
    caption: ClassVar[str] = (
        "Every metric as a multiple of its floor, the same metric between two sets of real data; "
        "mean over seeds. At 1 a method cannot be told from real data. Of metrics where higher "
        "is better the ratio is turned over, so that less is always better. The best of a metric "
        "is bold; colours end at 100. Metrics whose floor is zero are left out."
    )

    def draw(self, inputs: ResultsReader, dataset: str) -> Figure | None:
        """Draw a map of methods by metrics; ``None`` if no metric has a floor above zero."""
        import numpy as np
        import seaborn as sns

        from tailbench.metrics.outputs import directions
        from tailbench.pipeline.reporting.tables import summary
        from tailbench.plots import style

        of = inputs.metrics[inputs.metrics["dataset"] == dataset]
        outputs = directions()
        table = _turned(summary(of, outputs), outputs) if len(of) else of
        if table.empty:
            return None
        ratios = table.pivot(index="method", columns="metric", values="ratio").reindex(
            index=of["method"].unique(), columns=table["metric"].unique()
        )
        rows, columns = ratios.shape
        figure, (axes,) = style.panels(
            1, height=0.24 * rows + 1.4, width=max(3.2 + 0.56 * columns, 6.0)
        )
        sns.heatmap(
            np.log10(ratios),
            ax=axes,
            annot=ratios.map(_written),
            fmt="",
            annot_kws={"fontsize": 7.5},
            cmap=sns.color_palette("light:#0173b2", as_cmap=True),
            vmin=0.0,
            vmax=math.log10(WORST),
            linewidths=0.6,
            cbar_kws={"label": "multiple of floor", "pad": 0.015, "fraction": 0.03},
        )
        best = np.nanargmin(ratios.to_numpy(), axis=0)
        for text in axes.texts:
            column, row = (int(value) for value in text.get_position())
            if best[column] == row:
                text.set_fontweight("bold")
        names = [outputs[m].label if m in outputs else m for m in ratios.columns]
        axes.set_xticks(np.arange(columns) + 0.5, names, rotation=38, ha="right", fontsize=7.5)
        axes.set_yticks(np.arange(rows) + 0.5, [style.label(m) for m in ratios.index], fontsize=7.5)
        axes.set(xlabel="", ylabel="")
        axes.tick_params(length=0)
        bar = axes.collections[0].colorbar
        if bar is not None:
            bar.set_ticks([0, 1, 2], labels=["1", "10", "100"])
        return figure


def _turned(table: pd.DataFrame, outputs: dict[str, MetricOutput]) -> pd.DataFrame:
    """Keep the rows that have a ratio, and turn those over where higher is better."""
    import numpy as np

    table = table[np.isfinite(table["ratio"]) & (table["ratio"] > 0)].copy()
    higher = table["metric"].map(lambda m: m in outputs and outputs[m].better == "higher")
    table["ratio"] = table["ratio"].where(~higher, 1 / table["ratio"])
    return table


def _written(ratio: float) -> str:
    """Write a ratio with two digits, a large one without exponent."""
    if not math.isfinite(ratio):
        return ""
    return f"{ratio:.0f}" if ratio >= 10 else f"{ratio:.2g}"
