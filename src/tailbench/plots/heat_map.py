"""Maps of multiples of the floor: colours from 1 to 100, with numbers where they have room."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tailbench.plots import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["LETTER", "WORST", "heads", "heat_map", "room", "written"]

WORST = 100.0
"""The multiple at which colours end."""
LETTER = 7.5
"""Size of the numbers in points."""
UPRIGHT = 22  # letters in a line of an upright name
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
    import seaborn
    from matplotlib import rcParams
    from matplotlib.colors import LogNorm

    colours, norm = seaborn.blend_palette([LIGHTEST, DARKEST], as_cmap=True), LogNorm(1.0, WORST)
    seaborn.heatmap(
        ratios,
        ax=axes,
        mask=~np.isfinite(ratios),
        cmap=colours,
        norm=norm,
        annot=np.array(texts, dtype=object),
        fmt="",
        annot_kws={"fontsize": LETTER},
        linewidths=0.6,
        linecolor=rcParams["axes.facecolor"],
        cbar_kws={"pad": 0.015, "fraction": 0.03, "ticks": [1, 10, 100], "format": "%g"},
    )
    axes.grid(False)
    for text in axes.texts:
        column, row = map(int, text.get_position())
        text.set_color(_ink(colours(norm(ratios[row, column]))))
    across: Any = "right" if 0 < rotation < 90 else "center"
    axes.set_xticks(np.arange(len(columns)) + 0.5, columns, rotation=rotation, ha=across)
    axes.set_yticks(np.arange(len(rows)) + 0.5, rows, rotation=0)
    axes.tick_params(length=0, labelsize=LETTER)
    bar = axes.collections[0].colorbar
    if bar is not None:
        bar.set_label(label)
        bar.ax.minorticks_off()


def room(width: float, rows: Sequence[str]) -> float:
    """Return about how many inches of a width are left for the cells beside names of rows."""
    return width - 0.065 * max(map(len, rows)) - 0.8


def heads(names: Sequence[str], inches: float) -> tuple[list[str], int]:
    """Break names to lines above columns of some inches, upright where words are too long.

    Returns:
        The names, and their angle in degrees.
    """
    letters = int(72 * inches / 4.8)
    level = [style.broken(name, letters) for name in names]
    longest = max(len(line) for name in level for line in name.split("\n"))
    return (level, 0) if longest <= letters else ([style.broken(n, UPRIGHT) for n in names], 90)


def written(ratio: float) -> str:
    """Return a multiple with two digits, a large one without exponent."""
    return f"{ratio:.0f}" if ratio >= 9.95 else f"{ratio:.2g}"


def _ink(ground: Sequence[float]) -> str:
    """Return the ink of more contrast, by the relative luminance of WCAG 2 (2008)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in ground[:3]]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return _INKS[0] if luminance > 0.179 else _INKS[1]
