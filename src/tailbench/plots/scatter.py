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
    """The frame that all panels share, taken from the data: each column has an axis of its own.

    An axis whose column has a heavy tail is linear where 98 % of its values are, and logarithmic
    beyond. A side on which the data do not go that far is shown as far as they could.
    """

    def __init__(self, x: Array) -> None:
        self.middle = np.median(x, axis=0)
        away = x - self.middle
        self.core = np.quantile(np.abs(away), 0.98, axis=0)
        flat = self.core <= 0  # most of the column is one value
        self.core[flat] = np.abs(away).max(axis=0, initial=0.0)[flat]
        self.core[self.core <= 0] = 1.0
        self.heavy = np.abs(away).max(axis=0) > 2.5 * self.core
        widest = np.stack([-away.min(axis=0), away.max(axis=0)])
        stretch = np.where(self.heavy, 5.0, 1.2)
        self.limit = np.maximum(stretch * widest, np.where(self.heavy, 2.0, 1.2) * self.core)

    def frame(self, axes: Axes) -> None:
        """Set scales, limits and ticks."""
        from matplotlib.patches import Rectangle
        from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

        axes.set(box_aspect=1)
        both: Any = ((axes.xaxis, axes.set_xscale), (axes.yaxis, axes.set_yscale))
        for j, (axis, set_scale) in enumerate(both):
            below, above = self.limit[:, j]
            middle = 0.0 if self.heavy[j] else self.middle[j]
            if not self.heavy[j]:
                axis.set_major_locator(MaxNLocator(4 if j == 0 else 5))
            else:
                set_scale("symlog", linthresh=self.core[j], linscale=1.5)
                axis.set_major_locator(FixedLocator(self._ticks(j)))
                axis.set_major_formatter(FuncFormatter(_power))
            axis.set_minor_locator(NullLocator())
            axis.axes.set(**{f"{axis.axis_name}lim": (middle - below, middle + above)})
        if self.heavy.any():
            corner = np.where(self.heavy, 0.0, self.middle) - self.core
            box = Rectangle(tuple(corner), *(2 * self.core))
            box.set(fill=False, ec="#666666", lw=0.7, ls="--")
            axes.add_patch(box)

    def _ticks(self, j: int) -> list[float]:
        """Return zero and powers of ten, as many as their labels have room beside each other."""
        core, (below, above) = self.core[j], self.limit[:, j]
        # In units of a decade; the middle is 5/3 long to each side, a label 0.15 of the axis.
        long = sum(math.log10(end / core) + 5 / 3 for end in (below, above))
        step = math.ceil(0.15 * long)
        first = math.ceil(math.log10(core))

        def powers(end: float) -> list[float]:
            return [10.0**k for k in range(math.floor(math.log10(end)), first - 1, -step)][::-1]

        return [-t for t in reversed(powers(below))] + [0.0, *powers(above)]


def _power(x: float, _: int) -> str:
    """Write a power of ten, or the few that read better as plain numbers."""
    if x == 0 or 0.01 <= abs(x) <= 100:
        return f"{x:g}".replace("-", "−")
    return rf"${'-' if x < 0 else ''}10^{{{round(math.log10(abs(x)))}}}$"


def scatter(axes: Axes, x: Array, colour: str, view: View) -> None:
    """Draw points ``(n, 2)``, and count those beyond the frame."""
    away = x - view.middle
    inside = ((away >= -view.limit[0]) & (away <= view.limit[1])).all(axis=1)
    drawn = np.where(view.heavy, away, x)[inside]
    size, alpha = (2.0, 0.35) if len(x) > 5000 else (2.6, 0.45)
    axes.plot(*drawn.T, ".", color=colour, ms=size, alpha=alpha, mew=0, rasterized=True)
    view.frame(axes)
    beyond = len(x) - int(inside.sum())
    if beyond:
        text = f"{beyond} beyond"
        axes.text(0.97, 0.03, text, transform=axes.transAxes, ha="right", fontsize=7.5)


def axis_names(columns: Sequence[str], pair: Sequence[int], view: View) -> tuple[str, str]:
    """Return the labels of the two axes: the columns of the data, or ``x1``, ``x2``, ..."""
    first, second = (
        f"{columns[j] if columns else f'x{j + 1}'}{' − median' if heavy else ''}"
        for j, heavy in zip(pair, view.heavy, strict=True)
    )
    return first, second
