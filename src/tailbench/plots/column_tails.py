"""Survival functions of each column on both sides of its median, on log-log axes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from tailbench.plots import legends, style
from tailbench.plots.sample_sets import by_seed

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from tailbench.plots.tail_quantiles import Array

__all__ = ["MOST", "column_tails"]

MOST = 12
"""Columns that are drawn; of more, the first."""
FARTHEST = 30.0  # how far beyond the real data the frame reaches, as a multiple
POINTS = 200
COLOUR = "#0173b2"


@style.theme()
def column_tails(
    samples: ArrayLike, reference: ArrayLike, *, columns: Sequence[str] = ()
) -> Figure:
    r"""Draw :math:`P(X_j - m_j > r)` and :math:`P(m_j - X_j > r)` of each column.

    The centre :math:`m_j` is the median of the reference. Full lines are upper tails, dashed ones
    lower tails. A power law is a straight line with minus the tail index as its slope. Of more
    than 12 columns the first 12 are drawn.

    Args:
        samples: Samples, shape ``(n, d)``.
        reference: Held-out real data, shape ``(m, d)``.
        columns: Names of the columns.

    Raises:
        ValueError: If an array has another shape, or the widths differ.
    """
    made, real = by_seed(samples, "the samples")[0], by_seed(reference, "the reference")[0]
    if made.shape[1] != real.shape[1]:
        raise ValueError(
            f"the samples have {made.shape[1]} columns, and the reference has {real.shape[1]}"
        )
    count = min(real.shape[1], MOST)
    point = np.median(real, axis=0)
    figure, grid = style.panels(count, sharey=True)
    for j, axes in enumerate(grid):
        axes.set_title(columns[j] if columns else f"column {j}")
        _draw(axes, made[:, j] - point[j], real[:, j] - point[j])
        style.log_axis(axes.yaxis, 0.5 / max(len(made), len(real)), 1.0)
    style.outer_labels(grid, "distance from the median $r$", "share beyond $r$")
    legends.below(figure, _handles())
    return figure


def _draw(axes: Axes, made: Array, real: Array) -> None:
    """Draw both tails of a column, and set the frame of the distances."""
    drawn = []
    for x, colour in ((real, style.REAL), (made, COLOUR)):
        for sign, dash in ((1, "-"), (-1, "--")):
            r, share = _survival(sign * x)
            axes.plot(r, share, color=colour, ls=dash, lw=1.2)
            drawn.append(r.max(initial=0.0))
    far = np.abs(real)
    typical = np.quantile(far, 0.5) or far.max() or max(drawn) or 1.0
    widest = min(max(drawn), FARTHEST * max(far.max(), typical))
    style.log_axis(axes.xaxis, typical / 5, 2 * max(widest, typical))


def _survival(x: Array) -> tuple[Array, Array]:
    """Return positive values in falling order and the shares that are at least as far out."""
    positive = np.sort(x[x > 0])[::-1]
    if not len(positive):
        return positive, positive
    places = np.unique(np.geomspace(1, len(positive), POINTS).astype(int)) - 1
    return positive[places], (places + 1) / len(x)


def _handles() -> list[Any]:
    from matplotlib.lines import Line2D

    return [
        Line2D([], [], color=colour, ls=dash, label=f"{name}, {side} tail")
        for name, colour in (("real data", style.REAL), ("samples", COLOUR))
        for side, dash in (("upper", "-"), ("lower", "--"))
    ]
