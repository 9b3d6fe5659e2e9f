"""What the figures of claims share: curves on double logarithms and lines of a given slope."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["curve", "limits", "reference"]


def curve(
    axes: Axes,
    x: Any,
    y: Any,
    name: str,
    names: Sequence[str],
    label: str | None = None,
    **options: Any,
) -> None:
    """Draw a curve in the colour and with the marker of ``name`` among ``names``."""
    from tailbench.plots import style

    look: dict[str, Any] = {
        "color": style.colour(name, names),
        "marker": style.marker(name, names),
    }
    look |= {"markersize": 3.5, "linewidth": 1.2, **options}
    axes.plot(x, y, label=name.replace("_", " ") if label is None else label, **look)


def reference(axes: Axes, x: Any, slope: float, through: float, text: str) -> None:
    """Draw a grey line of a slope, with ``through`` as its value at the last ``x``, and name it."""
    x = np.array([np.min(x), np.max(x)])
    y = through * (x / x[1]) ** slope
    axes.plot(x, y, color="#777777", ls=(0, (4, 2)), lw=1, marker="", zorder=0.5)
    axes.annotate(
        text,
        (x[1], y[1]),
        (-4, 0),
        textcoords="offset points",
        fontsize=7.5,
        color="#555555",
        ha="right",
        va="top",
    )


def limits(values: Any, pad: float = 1.5) -> tuple[float, float]:
    """Return limits of a logarithmic axis for all positive and finite values."""
    v = np.asarray(values, float)
    v = v[np.isfinite(v) & (v > 0)]
    return (float(v.min()) / pad, float(v.max()) * pad) if len(v) else (0.1, 10.0)
