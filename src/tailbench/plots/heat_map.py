"""Maps of multiples of the floor: colours from 1 to 100, with numbers where they have room."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["LETTER", "WORST", "heat_map", "written"]

WORST = 100.0
"""The multiple at which colours end."""
LETTER = 7.5
"""Size of the numbers in points."""
LIGHTEST, DARKEST = "#eff1f2", "#0173b2"
_INKS = ("#111111", "#ffffff")


def heat_map(
    axes: Axes,
    ratios: NDArray[np.floating[Any]],
    texts: Sequence[Sequence[str]],
    *,
    rows: Sequence[str],
    columns: Sequence[str],
    rotation: float = 90,
    label: str = "multiple of the floor",
) -> None:
    """Draw multiples ``(rows, columns)`` as colours, with texts in the ink that can be read.

    Args:
        axes: Where to draw.
        ratios: The multiples; what is not finite stays empty.
        texts: What is written in each cell.
        rows: Names of the rows, from top to bottom.
        columns: Names of the columns.
        rotation: Angle of the names of columns in degrees.
        label: What the bar of colours is named.
    """
    from matplotlib import rcParams
    from matplotlib.colors import LinearSegmentedColormap, LogNorm

    colours = LinearSegmentedColormap.from_list("floors", [LIGHTEST, DARKEST])
    norm = LogNorm(1.0, WORST)
    mesh = axes.pcolormesh(
        np.ma.masked_invalid(ratios), cmap=colours, norm=norm, lw=0.6, ec=rcParams["axes.facecolor"]
    )
    for place, text in np.ndenumerate(np.array(texts, dtype=object)):
        if text and np.isfinite(ratios[place]):
            ink = _ink(colours(norm(ratios[place])))
            middle = (place[1] + 0.5, place[0] + 0.5)
            axes.text(*middle, text, ha="center", va="center", fontsize=LETTER, color=ink)
    axes.grid(False)
    slanted: Any = {"ha": "right" if 0 < rotation < 90 else "center"}
    axes.set_xticks(np.arange(len(columns)) + 0.5, columns, rotation=rotation, **slanted)
    axes.set_yticks(np.arange(len(rows)) + 0.5, rows)
    axes.tick_params(length=0, labelsize=LETTER)
    axes.spines[:].set_visible(False)
    axes.invert_yaxis()
    figure: Any = axes.figure
    bar = figure.colorbar(mesh, ax=axes, pad=0.015, fraction=0.03, ticks=[1, 10, 100], format="%g")
    bar.set_label(label)
    bar.ax.minorticks_off()
    bar.outline.set_visible(False)


def written(ratio: float) -> str:
    """Return a multiple with two digits, a large one without exponent."""
    return f"{ratio:.0f}" if ratio >= 9.95 else f"{ratio:.2g}"


def _ink(ground: Sequence[float]) -> str:
    """Return the ink of more contrast, by the relative luminance of WCAG 2 (2008)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in ground[:3]]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return _INKS[0] if luminance > 0.179 else _INKS[1]
