"""Figures at the width of a paper's column or page, with letters of 7 to 9 points."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tailbench.plots.ticks import separate

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["COLUMN", "DPI", "LETTERS", "PAGE", "SHRINK", "Form", "form", "of_form", "save_exact"]

COLUMN, PAGE = 3.3, 6.9
"""Widths in inches: a column of a page with two, and such a page."""
LETTERS = (7.0, 9.0)
"""Least and largest size of letters on paper, in points."""
SHRINK = 0.72
"""Height of a panel on paper over that on a screen, as small letters allow."""
DPI = 300
_EDGE = 0.03  # inches that are kept free at the edges

_SMALL: dict[str, Any] = {
    "axes.labelsize": 8,
    "axes.titlesize": 8.5,
    "figure.titlesize": 9,
    "font.size": 8,
    "legend.fontsize": 7.5,
    "legend.columnspacing": 1.0,
    "legend.handlelength": 1.2,
    "legend.handletextpad": 0.5,
    "lines.linewidth": 1.2,
    "lines.markersize": 4,
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
}
_GROUND = "#0d1117"
_DARK: dict[str, Any] = {
    **dict.fromkeys(("axes.labelcolor", "text.color", "xtick.color", "ytick.color"), "#e6e6e6"),
    **dict.fromkeys(("axes.facecolor", "figure.facecolor", "savefig.facecolor"), _GROUND),
    "axes.edgecolor": "#777777",
    "grid.color": "#30363d",
    "patch.edgecolor": _GROUND,
}


@dataclass(frozen=True)
class Form:
    """What figures are drawn for.

    Attributes:
        width: Width of all figures in inches; each its own, for a screen, if ``None``.
        dark: Whether the ground is dark.
    """

    width: float | None = None
    dark: bool = False

    def settings(self) -> dict[str, Any]:
        """Return matplotlib's settings that differ from those of the theme."""
        return (_SMALL if self.width else {}) | (_DARK if self.dark else {})


_SCREEN = Form()
_FORM: ContextVar[Form] = ContextVar("form", default=_SCREEN)


def form() -> Form:
    """Return what figures are drawn for now."""
    return _FORM.get()


@contextmanager
def of_form(chosen: Form) -> Iterator[None]:
    """Draw all figures for a width of paper, or on a dark ground, within this context."""
    token = _FORM.set(chosen)
    try:
        yield
    finally:
        _FORM.reset(token)


def save_exact(figure: Figure, path: Path, dpi: int = DPI) -> None:
    """Write a figure in the format of the file's name, as wide as it was drawn, nothing cut off.

    The same figure always gives the same bytes.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.set_dpi(DPI)  # at few pixels an inch letters are rounded to whole ones, and narrower
    figure.draw_without_rendering()
    separate(figure)
    _fit(figure)
    figure.set_layout_engine(None)
    kind = path.suffix.removeprefix(".")
    undated = {"png": {"Software": None}, "pdf": {"CreationDate": None}, "svg": {"Date": None}}
    figure.savefig(path, dpi=dpi, metadata=undated.get(kind))


def _fit(figure: Figure) -> None:
    """Lay a figure out again within the room that texts beyond its edges leave."""
    figure.draw_without_rendering()
    width, height = figure.get_size_inches()
    box = figure.get_tightbbox()
    engine: Any = figure.get_layout_engine()
    left, bottom = (max(0.0, _EDGE - end) for end in (box.x0, box.y0))
    right, top = max(0.0, box.x1 + _EDGE - width), max(0.0, box.y1 + _EDGE - height)
    if engine is not None and max(left, bottom, right, top) > 0:
        inside = (1 - (left + right) / width, 1 - (bottom + top) / height)
        engine.set(rect=(left / width, bottom / height, *inside))
        figure.draw_without_rendering()
