"""Legends of figures: in a panel, below all panels, or beside them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tailbench.plots.paper import form
from tailbench.plots.style import FLOOR

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["below", "beside", "floor_handle", "inside"]

MOST_BESIDE = 14  # entries of a legend that fit beside a panel


def inside(axes: Axes, place: Any, most: int = 7) -> None:
    """Put a small legend into a panel; of many entries only some, from first to last."""
    handles, labels = axes.get_legend_handles_labels()
    step = max(1, -(-len(handles) // most))
    keep = sorted({*range(0, len(handles), step), len(handles) - 1})
    axes.legend(
        [handles[i] for i in keep],
        [labels[i] for i in keep],
        loc=place,
        fontsize=7.5,
        handlelength=1.2,
        labelspacing=0.25,
        borderaxespad=0.3,
    )


def below(figure: Figure, handles: Sequence[Any], columns: int = 6) -> None:
    """Put one legend for all panels under them; on paper the figure grows by its height."""
    if not handles:
        return
    width, height = figure.get_size_inches()
    longest = max(len(str(handle.get_label())) for handle in handles)
    if form().width:
        columns = max(1, int(72 * width / (4.4 * longest + 26)))
        figure.set_figheight(height + 0.145 * -(-len(handles) // columns))
    else:
        columns = max(1, min(columns, int(72 * width / (5.5 * longest + 40))))
    figure.legend(handles=handles, loc="outside lower center", ncols=columns)


def beside(figure: Figure, handles: Sequence[Any]) -> None:
    """Put one legend for all panels at their right; below them on paper, or where it is long."""
    if form().width or len(handles) > MOST_BESIDE:
        below(figure, handles)
    else:
        figure.legend(handles=handles, loc="outside right upper")


def floor_handle() -> Any:
    """Return the legend entry of the floor."""
    from matplotlib.lines import Line2D

    text = "floor" if form().width else "floor (real against real)"
    return Line2D([], [], color=FLOOR, ls=(0, (1, 1.5)), label=text)
