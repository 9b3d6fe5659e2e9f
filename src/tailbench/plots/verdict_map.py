"""Which method reproduces which data: bulk and worst tails as multiples of the floor."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from tailbench.metrics.group_scores import scores
from tailbench.metrics.verdicts import WITHIN, judgements
from tailbench.plots import base, style
from tailbench.plots.heat_map import heads, heat_map, room, written
from tailbench.plots.paper import form
from tailbench.registry import register

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["VerdictMap", "verdict_map"]

PARTS = {"bulk": "bulk", "tails": "the worse of columns' tails and joint tails"}
SIGNS = {"too light": "−", "too heavy": "+"}
ROOM = 0.31
"""Inches of a cell from which a number and a sign have room in it."""
MARK = "•"


@style.theme()
def verdict_map(judged: pd.DataFrame, *, parts: Sequence[str] = tuple(PARTS)) -> Figure | None:
    """Draw a map of methods by data sets, for the bulk and for the worst tail group.

    Args:
        judged: The judgements, from ``tailbench.metrics.verdicts.judgements``.
        parts: ``"bulk"``, ``"tails"`` or both, a panel for each.

    Returns:
        The figure; ``None`` if nothing was judged.
    """
    values = {part: _values(judged, part) for part in parts}
    shown = [part for part in parts if values[part].notna().to_numpy().any()]
    if not shown:
        return None
    datasets = list(judged["dataset"].unique())
    order = _order(list(values.values()))
    width = form().width or max(3.0 + 0.55 * len(datasets), 6.0)
    figure, grid = style.panels(
        len(shown), columns=1, height=0.24 * len(order) + 1.3, width=width, least=width
    )
    cell = room(width, order) / len(datasets)
    names, turned = heads(datasets, cell)
    for axes, part in zip(grid, shown, strict=True):
        ratios = values[part].reindex(index=order, columns=datasets)
        signs = _signs(judged, order, datasets) if part == "tails" else None
        heat_map(
            axes,
            ratios.to_numpy(dtype=float),
            _texts(ratios, signs, cell),
            rows=order,
            columns=names,
            rotation=turned,
        )
        axes.set_title(style.broken(PARTS[part], 30 if width < base.NARROW else 80))
    return figure


@register
class VerdictMap(base.Figure):
    """Which method reproduces the bulk and the tails of which data set."""

    needs: ClassVar[frozenset[base.Need]] = frozenset({base.Need.METRICS})
    across: ClassVar[bool] = True
    caption: ClassVar[str] = (
        "Medians over seeds of the multiple of the floor, of the bulk and of the worse of columns' "
        "tails and joint tails; − tails too light, + too heavy, where that is known. Up to 1.5 a "
        "group counts as reproduced. Where cells have no room for numbers, a dot marks these. "
        "Methods are in the order of their mean over all cells; empty: no score."
    )

    def draw(self, data: base.FigureData, dataset: str) -> Figure | None:
        """Draw both maps; ``None`` if no metric has a floor above zero."""
        return verdict_map(judgements(data.metrics, scores(data.metrics)))

    def draw_parts(self, data: base.FigureData, dataset: str) -> dict[str, Figure]:
        """Draw each map alone."""
        judged = judgements(data.metrics, scores(data.metrics))
        drawn = {part: verdict_map(judged, parts=[part]) for part in PARTS}
        return {part: figure for part, figure in drawn.items() if figure is not None}


def _values(judged: pd.DataFrame, part: str) -> pd.DataFrame:
    """Return the multiples of one part, names by data sets."""
    floors = judged["bulk"] if part == "bulk" else judged[["margins", "joint"]].max(axis=1)
    return judged.assign(floors=floors).pivot(index="name", columns="dataset", values="floors")


def _order(values: Sequence[pd.DataFrame]) -> list[str]:
    """Order names by the mean of the logarithms of all they have, the best first."""
    logs = sum(np.log(table).mean(axis=1).fillna(math.log(100)) for table in values)
    return list(map(str, logs.sort_values(kind="stable").index))


def _signs(judged: pd.DataFrame, rows: Sequence[str], columns: Sequence[str]) -> pd.DataFrame:
    """Return to which side the tails are off, as one sign each."""
    signs: Any = judged["direction"].map(lambda text: SIGNS.get(text, ""))
    wide = judged.assign(sign=signs).pivot(index="name", columns="dataset", values="sign")
    return wide.reindex(index=list(rows), columns=list(columns)).fillna("")


def _texts(ratios: pd.DataFrame, signs: pd.DataFrame | None, cell: float) -> list[list[str]]:
    """Return what is written in each cell: a number, or a dot for what is reproduced."""
    if cell < ROOM:
        return [[MARK if x <= WITHIN else "" for x in row] for row in ratios.to_numpy(dtype=float)]
    texts = ratios.map(lambda x: "" if math.isnan(x) else written(x))
    if signs is not None:
        off = ratios > WITHIN
        texts += signs.where(off, "")
    return [list(map(str, row)) for row in texts.to_numpy()]
