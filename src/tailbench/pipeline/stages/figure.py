"""The stage that draws one figure for all datasets."""

from __future__ import annotations

from typing import Annotated

import typer

from tailbench import registry
from tailbench.io.atomic import replacing
from tailbench.pipeline.stages.options import Results

__all__ = ["run"]


def run(results: Results, name: Annotated[str, typer.Option(help="Name of the figure.")]) -> None:
    """Draw a figure into the folder ``figures/<name>`` of a results folder, which is replaced.

    For every dataset to which the figure applies, ``<dataset>.png`` and ``<dataset>.pdf`` are
    written, and ``all`` of a figure of all datasets; the folder is empty if it applies to none.

    Raises:
        InputError: If there is no such figure, or a file that it needs is missing.
    """
    from tailbench.pipeline.results.reader import ResultsReader
    from tailbench.plots import style
    from tailbench.plots.base import ALL

    figure = registry.load("figures", name)()
    inputs = ResultsReader(results)
    with replacing(inputs.layout.figure(name)) as folder, style.theme():
        folder.mkdir()
        for dataset in [ALL] if figure.across else inputs.datasets:
            drawn = figure.draw(inputs, dataset)
            if drawn is not None:
                style.save(drawn, folder, dataset)
