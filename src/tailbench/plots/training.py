"""Losses during training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from tailbench.plots import base, legends, style
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

    Each line of each seed is divided by its median over the second half of the training; where a
    loss is not positive, as a log-likelihood may be, that median is subtracted instead. So lines
    end near 1 (or 0), and seeds whose data have other tails, and thus another level of the loss,
    lie on each other.

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
        text = _losses(axes, of, style.colour(origins[model], names))
        axes.set(title=model, xlabel="step", ylabel=text)
    colour = style.FLOOR
    handles = [Line2D([], [], color=colour, lw=1.2, label="training loss (model's colour)")]
    if history["val_loss"].notna().any():
        handles.append(Line2D([], [], **_DOTS, label="validation loss"))
    legends.below(figure, handles)
    return figure


@register
class Training(base.Figure):
    """Training and validation losses of every model."""

    needs: ClassVar[frozenset[base.Need]] = frozenset({base.Need.HISTORIES})
    caption: ClassVar[str] = (
        "Training loss (colour) and, where there is one, validation loss (black dots) of each "
        "model: median over seeds, with their range. Every line of a seed is divided by its median "
        "over the second half of the training (“loss / end”), or has that subtracted where "
        "losses are not positive (“loss − end”): the levels themselves differ between seeds, "
        "whose data have other extremes, and between models. A validation loss that rises is "
        "overfitting. High losses of the first steps may lie above the frame."
    )

    def draw(self, data: base.FigureData, dataset: str) -> Figure | None:
        """Draw one panel per model; ``None`` if there are no histories."""
        history = data.history(dataset)
        bases = {str(model): data.base_model(str(model)) for model in history["model"].unique()}
        return training(history, bases=bases, methods=data.methods)


def _losses(axes: Axes, of: pd.DataFrame, colour: str) -> str:
    """Draw the losses of one model and set the limits; return the label of the axis."""
    from matplotlib.ticker import MaxNLocator

    of = of.assign(seed=of.get("seed", 0))
    columns = ["loss", "val_loss"]
    known = of[columns].to_numpy(float)
    as_ratio = bool((known[np.isfinite(known)] > 0).all())
    loss, val = (_over_seeds(of, column, as_ratio) for column in columns)
    axes.fill_between(loss.index, loss["min"], loss["max"], color=colour, alpha=0.25, lw=0)
    axes.plot(loss.index, loss["median"], color=colour, lw=1)
    if len(val):
        axes.plot(val.index, val["median"], **_DOTS)
        axes.fill_between(val.index, val["min"], val["max"], color=style.REAL, alpha=0.15, lw=0)
    limits = _limits(loss, val)
    if limits is not None:
        axes.set_ylim(*limits)
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(5))
    return "loss / end" if as_ratio else "loss − end"


def _over_seeds(of: pd.DataFrame, column: str, as_ratio: bool) -> pd.DataFrame:
    """Return median and range over seeds of the losses relative to each seed's own end."""
    good = of[np.isfinite(of[column].astype(float))]
    late = good[good["step"] >= good["step"].max() / 2]
    ends = good["seed"].map(late.groupby("seed")[column].median())
    relative = good[column] / ends if as_ratio else good[column] - ends
    by_step = relative.groupby(good["step"])
    return by_step.agg(["median", "min", "max"])


def _limits(loss: pd.DataFrame, val: pd.DataFrame) -> tuple[float, float] | None:
    """Compute the limits, which leave out the high losses of the first steps and of single seeds.

    Both medians are inside from the first tenth of the training on, however far seeds lie apart.
    """
    lines = [line for line in (loss, val) if len(line)]
    if not lines:
        return None
    shown = [line.loc[line.index >= line.index.max() / 10, "median"] for line in lines]
    low = min(line.loc[line.index >= line.index.max() / 2, "min"].quantile(0.1) for line in lines)
    low = min(low, *(line.min() for line in shown))
    high = max(*(line.max() for line in shown), low + 1e-9)
    return low - 0.08 * (high - low), high + 0.12 * (high - low)
