"""Ticks of logarithmic axes: few, and labels that can be read."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["LABEL", "log_axis", "separate", "zero_tick"]

LABEL = 8
"""Size of the labels of ticks, in points."""

_SUBS = ((1,), (1, 3), (1, 2, 5), (1, 2, 3, 5, 7), (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8))


def log_axis(axis: Any, low: float, high: float) -> None:
    """Make an axis logarithmic over ``[low, high]``, with a few ticks that can be read.

    Plain numbers (0.2, 0.5, 1) where the range has few decades, powers of ten otherwise; no
    minor ticks, which take half of the time of drawing.
    """
    from matplotlib.ticker import (
        FixedLocator,
        FuncFormatter,
        LogFormatterMathtext,
        LogLocator,
        MaxNLocator,
        NullLocator,
    )

    axis.axes.set(**{f"{axis.axis_name}scale": "log", f"{axis.axis_name}lim": (low, high)})
    if math.log10(high / low) < 3:
        ticks = next((t for t in map(partial(_ticks, low, high), _SUBS) if len(t) > 2), None)
        locator = FixedLocator(_apart(axis, ticks, low, high)) if ticks else MaxNLocator(3)
        axis.set_major_locator(locator)
        axis.set_major_formatter(FuncFormatter(lambda x, _: _tick_text(x)))
    else:
        axis.set_major_locator(LogLocator(numticks=6))
        axis.set_major_formatter(LogFormatterMathtext())
    axis.set_minor_locator(NullLocator())


def zero_tick(axis: Any, place: float) -> None:
    """Name a place at the lower end of a logarithmic axis ``0``, which has none of its own."""
    from matplotlib.ticker import FixedLocator, FuncFormatter

    low, high = sorted(axis.get_view_interval())
    others = [t for t in axis.get_major_locator()() if 1.3 * place < t <= high and t >= low]
    written = axis.get_major_formatter()
    axis.set_major_locator(FixedLocator([place, *others]))
    axis.set_major_formatter(FuncFormatter(lambda x, i: "0" if x == place else written(x, i)))


def separate(figure: Figure) -> None:
    """Thin out the ticks of a drawn figure whose labels run into each other.

    The places of labels are those of the last drawing. Every second, third, ... tick is kept, so
    that even ticks stay even.
    """
    from matplotlib.ticker import FixedLocator

    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            ticks = [t for t in axis.get_major_ticks() if t.label1.get_visible()]
            shown = [t for t in ticks if t.label1.get_text()]
            for step in range(1, len(shown)):
                kept = shown[::step]
                boxes = [tick.label1.get_window_extent() for tick in kept]
                if not any(a.overlaps(b) for a, b in pairwise(boxes)):
                    break
            else:
                continue
            if step > 1:
                axis.set_major_locator(FixedLocator([tick.get_loc() for tick in kept]))


def _ticks(low: float, high: float, subs: Sequence[float]) -> list[float]:
    """List the ticks ``s * 10^k`` within the limits."""
    exponents = range(math.floor(math.log10(low)), math.floor(math.log10(high)) + 1)
    return [t for k in exponents for s in subs if low <= (t := float(f"{s}e{k}")) <= high]


def _apart(axis: Any, ticks: Sequence[float], low: float, high: float) -> list[float]:
    """Drop the ticks of an x axis whose labels would run into the one before."""
    if axis.axis_name != "x":
        return list(ticks)
    figure = axis.axes.figure
    points = axis.axes.get_window_extent().width / figure.dpi * 72
    kept: list[float] = []
    end = -math.inf
    for tick in ticks:
        middle = points * math.log(tick / low) / math.log(high / low)
        half = 0.5 * _width(tick, axis.get_tick_params().get("labelsize", LABEL))
        if middle - half > end:
            kept.append(tick)
            end = middle + half + 3
    return kept


def _width(tick: float, size: Any) -> float:
    """Return the width of a label in points, about; digits are 0.64 of their size wide."""
    letters = len(re.sub(r"[${}^]|\\times", "", _tick_text(tick)))
    return 0.64 * letters * (size if isinstance(size, (int, float)) else LABEL)


def _tick_text(x: float) -> str:
    """Return a tick of a logarithmic axis as a plain number or, very large or small, a power."""
    if x <= 0 or 1e-4 <= x < 99_999.5:
        return f"{x:.5g}"
    mantissa, exponent = f"{x:.1e}".split("e")
    power = f"10^{{{int(exponent)}}}"
    return f"${power}$" if mantissa == "1.0" else rf"${float(mantissa):g}\times{power}$"
