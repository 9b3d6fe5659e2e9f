"""Figures from a file of metrics alone, at the width of paper."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from tailbench import registry
from tailbench.exceptions import InputError
from tailbench.plots.base import ALL, Need
from tailbench.plots.paper import DPI, Form, of_form, save_exact

if TYPE_CHECKING:
    import pandas as pd

    from tailbench.plots.base import FigureData

__all__ = ["MetricsAlone", "draw_figures", "drawable"]

KINDS = ("pdf", "png", "svg")
"""Formats of figures."""


class MetricsAlone:
    """What figures read, where only the metrics are known.

    Attributes:
        metrics: The tidy metrics.
    """

    def __init__(self, metrics: pd.DataFrame) -> None:
        self.metrics = metrics

    @cached_property
    def datasets(self) -> list[str]:
        """The data sets, in the order of the metrics."""
        return list(self.metrics["dataset"].unique())

    @cached_property
    def methods(self) -> list[str]:
        """The methods, in the order of the metrics."""
        return list(self.metrics["method"].unique())

    def chosen_methods(self) -> set[str]:
        """Return the methods of which one variant has several ``sigma_T``, one for each seed."""
        if "sigma_T" not in self.metrics:
            return set()
        cells = self.metrics.groupby(["dataset", "method", "variant"], dropna=False)
        counts = cells["sigma_T"].nunique()
        return set(counts.index[counts > 1].get_level_values("method"))

    def base_model(self, name: str) -> str:
        """Return the name of a model itself: the metrics do not say what it is derived from."""
        return name

    def __getattr__(self, name: str) -> NoReturn:
        """Refuse what is not in the metrics."""
        if name.startswith("_"):
            raise AttributeError(name)
        raise InputError(f"a figure asks for {name}, which is not in the metrics")


def drawable() -> list[str]:
    """Return the names of the figures that need the metrics alone."""
    every = registry.names("figures")
    return [name for name in every if registry.load("figures", name).needs == {Need.METRICS}]


def draw_figures(
    metrics: pd.DataFrame,
    folder: Path,
    form: Form,
    kinds: Sequence[str] = ("pdf",),
    names: Sequence[str] = (),
    dpi: int = DPI,
) -> list[Path]:
    """Draw figures into a folder; return the files.

    A file is called by the figure, the data set unless it is of all of them, and the part where a
    figure has several: ``ranking.pdf``, ``cost_returns.pdf``, ``comparison_returns_bulk.pdf``.

    Args:
        metrics: The tidy metrics.
        folder: Where to write.
        form: How wide they are, and whether on a dark ground.
        kinds: ``"pdf"``, ``"png"``, ``"svg"`` or several of them.
        names: The figures; all that need the metrics alone if empty.
        dpi: Pixels for an inch, of ``"png"``.

    Raises:
        InputError: If a figure is unknown or needs more than the metrics, or a column is missing.
    """
    data: Any = MetricsAlone(metrics)
    written = []
    for name in names or drawable():
        if name not in drawable():
            raise InputError(
                f"figure {name!r} is not drawn from metrics alone; use {', '.join(drawable())}"
            )
        written += _draw(name, data, folder, form, kinds, dpi)
    return written


def _draw(
    name: str, data: FigureData, folder: Path, form: Form, kinds: Sequence[str], dpi: int
) -> list[Path]:
    """Draw one figure for all data sets it applies to."""
    from tailbench.plots import style

    figure, written = registry.load("figures", name)(), []
    for dataset in [ALL] if figure.across else data.metrics["dataset"].unique():
        with of_form(form), style.theme():
            for part, drawn in figure.draw_parts(data, dataset).items():
                stem = "_".join(filter(None, [name, "" if figure.across else dataset, part]))
                for kind in kinds:
                    written.append(folder / f"{stem}.{kind}")
                    save_exact(drawn, written[-1], dpi)
    return written
