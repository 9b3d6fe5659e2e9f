"""Losses during training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from tailbench.plots import base, style
from tailbench.registry import register

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Training", "training"]

_DOTS: dict[str, Any] = {"color": "#222222", "marker": "o", "markersize": 2.5, "linewidth": 0.9}


@style.theme()
def training(
    history: pd.DataFrame,
    *,
    bases: Mapping[str, str] | None = None,
    methods: Sequence[str] = (),
) -> Figure | None:
    """Draw the training and validation losses of every model: median and range over seeds.

    Args:
        history: A row for each written step: ``step``, ``loss``, ``val_loss`` (``NaN`` where it
            was not computed) and, of several models, ``model``.
        bases: The model that a model is derived from, whose colour it gets; itself if left out.
        methods: Names by whose order unknown models get their colours; the models if left out.

    Returns:
        The figure, a panel for each model; ``None`` if the history is empty.
    """
    from matplotlib.lines import Line2D

    if history.empty:
        return None
    history = history if "model" in history else history.assign(model="model")
    models = [str(model) for model in history["model"].unique()]
    origins = {model: (bases or {}).get(model, model) for model in models}
    names = methods or list(dict.fromkeys(origins.values()))
    figure, grid = style.panels(len(models), height=2.1)
    for axes, model in zip(grid, models, strict=True):
        of = history[history["model"] == model]
        _losses(axes, of, style.colour(origins[model], names))
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


@register
class Training(base.Figure):
    """Training and validation losses of every model."""

    needs: ClassVar[frozenset[base.Need]] = frozenset({base.Need.HISTORIES})
    caption: ClassVar[str] = (
        "Training loss (thin) and, where there is one, validation loss (black dots) of each "
        "model: median over seeds, with their range. Losses of different models measure different "
        "things and cannot be compared. The highest losses, at the start or of a single seed, may "
        "lie above the frame."
    )

    def draw(self, data: base.FigureData, dataset: str) -> Figure | None:
        """Draw one panel per model; ``None`` if there are no histories."""
        history = data.history(dataset)
        bases = {str(model): data.base_model(str(model)) for model in history["model"].unique()}
        return training(history, bases=bases, methods=data.methods)


def _losses(axes: Axes, of: pd.DataFrame, colour: str) -> None:
    """Draw the losses of one model, and set the limits."""
    from matplotlib.ticker import MaxNLocator

    loss, val = _over_seeds(of, "loss"), _over_seeds(of, "val_loss")
    axes.fill_between(loss.index, loss["min"], loss["max"], color=colour, alpha=0.25, lw=0)
    axes.plot(loss.index, loss["median"], color=colour, lw=1)
    if len(val):
        axes.plot(val.index, val["median"], **_DOTS)
        axes.fill_between(val.index, val["min"], val["max"], color=style.REAL, alpha=0.15, lw=0)
    limits = _limits(of["loss"].to_numpy(float), loss, val)
    if limits is not None:
        axes.set_ylim(*limits)
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(5))


def _over_seeds(of: pd.DataFrame, column: str) -> pd.DataFrame:
    good = of[np.isfinite(of[column].astype(float))]
    return good.groupby("step")[column].agg(["median", "min", "max"])


def _limits(values: Any, loss: pd.DataFrame, val: pd.DataFrame) -> tuple[float, float] | None:
    """Compute the limits of the losses, which leave out the high ones of the first steps.

    Both lines are inside from the middle of the training on, however far seeds lie apart.
    """
    values = values[np.isfinite(values)]
    if not values.size:
        return None
    low = min(values.min(), val["min"].min()) if len(val) else values.min()
    ends = [line["median"][line.index >= line.index.max() / 2].max() for line in (loss, val)]
    high = max(np.quantile(values, 0.98), low + 1e-9, *(end for end in ends if end == end))
    return low - 0.05 * (high - low), high + 0.08 * (high - low)
