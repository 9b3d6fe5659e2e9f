"""Samples beside the data, with their tails."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tailbench.registry import register

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from tailbench.figures._inputs import Inputs

__all__ = ["Samples"]

Array = NDArray[np.floating[Any]]
MOST = 5  # variants of a family that are shown
POINTS = 20_000


@register
class Samples:
    """Two coordinates of samples and data: the centre to scale, the tails compressed."""

    name: ClassVar[str]
    needs: ClassVar[frozenset[str]] = frozenset({"data", "samples"})
    caption: ClassVar[str] = (
        "Held-out data and samples of the first seed. With heavy tails, the axes are linear "
        "inside the square, which holds 98 % of the data's values, and logarithmic outside it, "
        "so that centre and extremes are seen together. Of more than two coordinates, the two "
        "with the heaviest tails are shown, or the first two where all are light. Points beyond "
        "the frame are counted in its corner."
    )

    def draw(self, inputs: Inputs, dataset: str) -> Figure | None:
        """Draw one panel for the data and one per variant; ``None`` if there are no samples."""
        from tailbench.figures import _style

        samples = inputs.samples(dataset)
        if not samples:
            return None
        test = inputs.test(dataset)[0]
        if test.shape[1] < 2:
            return None
        pair = heaviest(test)
        x = test[:POINTS, pair]
        shown = [v for variants in samples.families().values() for v in _some(variants)]
        view = _View(x)

        columns = 5 if len(shown) > 7 else 4
        figure, grid = _style.panels(
            len(shown) + 1, columns, height=2.2 if columns == 5 else 2.6, sharex=True, sharey=True
        )
        _scatter(grid[0], x, _style.REAL, view)
        grid[0].set_title("real data (held out)", fontsize=8.5)
        for axes, variant in zip(grid[1:], shown, strict=True):
            colour = _style.colour(variant, inputs.families)
            _scatter(axes, samples[variant][0][:POINTS, pair], colour, view)
            separator = "\n" if len(variant) > 22 else ", "
            axes.set_title(_style.label(variant, separator=separator), fontsize=8.5)
        names = inputs.meta(dataset).get("columns") or [f"x{j + 1}" for j in range(test.shape[1])]
        suffix = " − median" if view.heavy else ""
        _style.outer_labels(grid, *(f"{names[j]}{suffix}" for j in pair))
        return figure


def heaviest(x: Array, share: float = 0.02) -> list[int]:
    """Give the two columns with the heaviest tails, or the first two if none is heavy.

    The measure is Hill's estimate over the farthest ``share`` of the points; a column counts as
    heavy if its tail index is below five.
    """
    if x.shape[1] == 2:
        return [0, 1]
    away = np.sort(np.abs(x - np.median(x, axis=0)), axis=0)[::-1]
    top = away[: max(10, int(share * len(x))) + 1]
    xi = np.log(np.maximum(top[:-1], 1e-30) / np.maximum(top[-1], 1e-30)).mean(axis=0)
    two = sorted(int(j) for j in np.argsort(-xi, kind="stable")[:2])
    return two if xi[two].max() > 0.2 else [0, 1]


class _View:
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
        first, last = math.ceil(math.log10(self.core)), math.floor(math.log10(self.limit))
        gap = last - first
        up = [10.0**k for k in ([last] if gap < 2 else range(first, last + 1, (gap + 1) // 2))]
        return [-t for t in reversed(up)] + [0.0, *up]


def _power(x: float, _: int) -> str:
    """Write a power of ten, or the few that read better as plain numbers."""
    if x == 0 or 0.01 <= abs(x) <= 100:
        return f"{x:g}".replace("-", "−")
    return rf"${'-' if x < 0 else ''}10^{{{round(math.log10(abs(x)))}}}$"


def _some(variants: list[str]) -> list[str]:
    if len(variants) <= MOST:
        return variants
    keep = {round(i * (len(variants) - 1) / (MOST - 1)) for i in range(MOST)}
    return [variants[i] for i in sorted(keep)]


def _scatter(axes: Axes, x: Array, colour: str, view: _View) -> None:
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
