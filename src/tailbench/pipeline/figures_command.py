"""The command ``tailbench figures``: figures and tables for a paper from a file of metrics."""

from __future__ import annotations

import math
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from tailbench.exceptions import InputError

__all__ = ["figures"]

POINTS = 72.27
"""LaTeX's points in an inch."""
NARROWEST, WIDEST = 2.5, 15.0


class Kind(StrEnum):
    """Formats of figures."""

    pdf = "pdf"
    png = "png"
    svg = "svg"


def figures(
    metrics: Annotated[
        Path, typer.Argument(help="A metrics.csv of a benchmark, or one packed by gzip.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder to write to.")],
    width: Annotated[
        str, typer.Option(help="Inches, column (3.3 inches) or page (6.9 inches).")
    ] = "page",
    formats: Annotated[
        list[Kind] | None,
        typer.Option("--format", help="Repeatable; pdf if left out.", show_default=False),
    ] = None,
    only: Annotated[
        str | None, typer.Option(help="Names of figures, with commas; then no tables are written.")
    ] = None,
    dpi: Annotated[int, typer.Option(min=50, max=1200, help="Pixels for an inch, of png.")] = 300,
    dark: Annotated[bool, typer.Option("--dark", help="Draw on a dark ground.")] = False,
) -> None:
    """Draw every figure that needs metrics alone, and LaTeX tables, for a paper; train nothing."""
    from tailbench.pipeline.reporting.metrics_figures import draw_figures
    from tailbench.pipeline.reporting.paper_tables import write_tables
    from tailbench.pipeline.results.reader import read_metrics
    from tailbench.plots.paper import Form

    inches = _inches(width)
    table = read_metrics(metrics)
    names = [] if only is None else [name.strip() for name in only.split(",")]
    kinds = [kind.value for kind in formats or (Kind.pdf,)]
    drawn = draw_figures(table, output, Form(inches, dark), kinds, names, dpi)
    typer.echo(f"{len(drawn)} figures in {output}, {inches:g} inches wide")
    if not names:
        written = write_tables(table, output / "tables", POINTS * inches)
        typer.echo(f"{len(written)} LaTeX tables in {output / 'tables'}, of at most this width")


def _inches(text: str) -> float:
    """Return a width in inches.

    Raises:
        InputError: If the text is neither a number of inches nor the name of a width.
    """
    from tailbench.plots.paper import COLUMN, PAGE

    named = {"column": COLUMN, "page": PAGE}
    try:
        inches = named.get(text) or float(text)
    except ValueError:
        inches = math.nan
    if not NARROWEST <= inches <= WIDEST:
        raise InputError(
            f"--width {text!r} is neither column, page nor {NARROWEST:g} to {WIDEST:g} inches"
        )
    return inches
