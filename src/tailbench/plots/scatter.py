"""Clouds of points in two coordinates: the centre to scale, the tails compressed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tailbench.stats.tail_index import extreme_value_index

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["POINTS", "View", "axis_names", "heaviest", "scatter"]

Array = NDArray[np.floating[Any]]
POINTS = 20_000


def heaviest(x: Array, share: float = 0.02) -> list[int]:
    """Return the two columns with the heaviest tails, or the first two if none is heavy.

    A column counts as heavy if its tail index, by Hill's estimate from the farthest ``share`` of
    the points (at least ten), is below five.
    """
    if x.shape[1] == 2 or len(x) < 2:
        return [0, 1]
    away = np.abs(x - np.median(x, axis=0)).astype(np.float64)
    k = min(max(10, int(share * len(x))), len(x) - 1)
    xi = np.array([extreme_value_index(column, k, "hill") for column in away.T])
    two = sorted(int(j) for j in np.argsort(-xi, kind="stable")[:2])
    return two if xi[two].max() > 0.2 else [0, 1]


class View:
    """The frame that all panels share, taken from the data."""

    def __init__(self, x: Array) -> None:
        self.middle = np.median(x, axis=0)
        away = np.abs(x - self.middle)
        self.core = float(np.quantile(away.max(axis=1), 0.98))
        self.heavy = bool(away.max() > 2.5 * self.core)
        self.limit = float(away.max() * (5 if self.heavy else 1.2))

    def frame(self, axes: Axes) -> None:
        """Set scales, limits and ticks."""
        from matplotlib.patches import Rectangle
        from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

        axes.set(box_aspect=1)
        both: Any = (
            (axes.xaxis, axes.set_xscale, axes.set_xlim),
            (axes.yaxis, axes.set_yscale, axes.set_ylim),
        )
        for (axis, set_scale, set_limits), middle in zip(both, self.middle, strict=True):
            if not self.heavy:
                axis.set_major_locator(MaxNLocator(5))
                set_limits(middle - self.limit, middle + self.limit)
                continue
            set_scale("symlog", linthresh=self.core, linscale=1.5)
            set_limits(-self.limit, self.limit)
            axis.set_major_locator(FixedLocator(self._ticks()))
            axis.set_major_formatter(FuncFormatter(_power))
            axis.set_minor_locator(NullLocator())
        if self.heavy:
            box = Rectangle((-self.core, -self.core), 2 * self.core, 2 * self.core)
            box.set(fill=False, ec="#666666", lw=0.7, ls="--")
            axes.add_patch(box)

    def _ticks(self) -> list[float]:
        """Return zero and powers of ten, as many as their labels have room beside each other."""
        first, last = math.ceil(math.log10(self.core)), math.floor(math.log10(self.limit))
        # In units of a decade; a label is 0.4 of the half of an axis, and the middle 5/3 long.
        half = math.log10(self.limit / self.core) + 5 / 3
        up = [10.0**k for k in range(last, first - 1, -math.ceil(0.4 * half))][::-1]
        return [-t for t in reversed(up)] + [0.0, *up]


def _power(x: float, _: int) -> str:
    """Write a power of ten, or the few that read better as plain numbers."""
    if x == 0 or 0.01 <= abs(x) <= 100:
        return f"{x:g}".replace("-", "−")
    return rf"${'-' if x < 0 else ''}10^{{{round(math.log10(abs(x)))}}}$"


def scatter(axes: Axes, x: Array, colour: str, view: View) -> None:
    """Draw points ``(n, 2)``, and count those beyond the frame."""
    away = x - view.middle
    inside = (np.abs(away) <= view.limit).all(axis=1)
    drawn = (away if view.heavy else x)[inside]
    size, alpha = (2.0, 0.35) if len(x) > 5000 else (2.6, 0.45)
    axes.plot(*drawn.T, ".", color=colour, ms=size, alpha=alpha, mew=0, rasterized=True)
    view.frame(axes)
    beyond = len(x) - int(inside.sum())
    if beyond:
        text = f"{beyond} beyond"
        axes.text(0.97, 0.03, text, transform=axes.transAxes, ha="right", fontsize=7.5)


def axis_names(columns: Sequence[str], pair: Sequence[int], view: View) -> tuple[str, str]:
    """Return the labels of the two axes: the columns of the data, or ``x1``, ``x2``, ..."""
    suffix = " − median" if view.heavy else ""
    first, second = (f"{columns[j] if columns else f'x{j + 1}'}{suffix}" for j in pair)
    return first, second
