"""Losses during training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from tailbench.registry import register

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from tailbench.pipeline.results.reader import ResultsReader

__all__ = ["Training"]

_DOTS: dict[str, Any] = {"color": "#222222", "marker": "o", "markersize": 2.5, "linewidth": 0.9}


@register
class Training:
    """Training and validation losses of every model."""

    name: ClassVar[str]
    needs: ClassVar[frozenset[str]] = frozenset({"histories"})
    caption: ClassVar[str] = (
        "Training loss (thin) and, where there is one, validation loss (black dots) of each "
        "model: mean over seeds, with their range. Losses of different models measure different "
        "things and cannot be compared. The highest losses, at the start, may lie above the frame."
    )

    def draw(self, inputs: ResultsReader, dataset: str) -> Figure | None:
        """Draw one panel per model; ``None`` if there are no histories."""
        from matplotlib.lines import Line2D

        from tailbench.plots import style

        history = inputs.history(dataset)
        if history.empty:
            return None
        models = list(history["model"].unique())
        figure, grid = style.panels(len(models), height=2.1)
        for axes, model in zip(grid, models, strict=True):
            of = history[history["model"] == model]
            base = style.colour(model, inputs.families)
            loss = _over_members(of, "loss")
            axes.fill_between(loss.index, loss["min"], loss["max"], color=base, alpha=0.25, lw=0)
            axes.plot(loss.index, loss["mean"], color=base, lw=1)
            val = _over_members(of, "val_loss")
            if len(val):
                axes.plot(val.index, val["mean"], **_DOTS)
                axes.fill_between(
                    val.index, val["min"], val["max"], color=style.REAL, alpha=0.15, lw=0
                )
            _frame(axes, of)
            axes.set_title(model)
        for axes in grid:
            axes.set_xlabel("step")
            place = axes.get_subplotspec()
            axes.set_ylabel("loss" if place is None or place.is_first_col() else "")
        colour = style.FLOOR
        handles = [Line2D([], [], color=colour, lw=1.2, label="training loss (model's colour)")]
        if history["val_loss"].notna().any():
            handles.append(Line2D([], [], **_DOTS, label="validation loss"))
        style.legend_below(figure, handles)
        return figure


def _over_members(of: pd.DataFrame, column: str) -> pd.DataFrame:
    import numpy as np

    good = of[np.isfinite(of[column].astype(float))]
    return good.groupby("step")[column].agg(["mean", "min", "max"])


def _frame(axes: Axes, of: pd.DataFrame) -> None:
    """Set the limits, leaving out the high losses of the first steps."""
    import numpy as np
    from matplotlib.ticker import MaxNLocator

    values = of["loss"].to_numpy(float)
    values = values[np.isfinite(values)]
    if values.size:
        val = of["val_loss"].astype(float).min()
        low = min(values.min(), values.min() if np.isnan(val) else val)
        high = max(np.quantile(values, 0.98), low + 1e-9)
        axes.set_ylim(low - 0.05 * (high - low), high + 0.08 * (high - low))
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(5))
