"""Scores of samples as a page: one HTML file that needs nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from tailbench.metrics.outputs import GROUPS
from tailbench.pipeline.reporting import score_text
from tailbench.pipeline.reporting.embedded_images import Picture, embed
from tailbench.pipeline.reporting.labels import label_html
from tailbench.pipeline.reporting.number_format import number

if TYPE_CHECKING:
    import pandas as pd

    from tailbench.metrics.score_inputs import Tables

__all__ = ["score_page"]

BUDGET = 3_000_000  # bytes of pictures
CAPTIONS = {
    "columns": "How often a value is farther from the median of its column than r. A power law is "
    "a straight line. Of more than twelve columns the first twelve are shown.",
    "quantiles": "Quantiles of the distance from the centre beyond 95 %: samples against held-out "
    "rows. Below the diagonal the tail of the samples is too light. The grey band is one half of "
    "the held-out rows against all of them.",
    "pairs": "The two columns with the heaviest tails: linear inside the square that holds 98 % of "
    "the held-out values, logarithmic outside it.",
}


def score_page(table: pd.DataFrame, tables: Tables, sources: Sequence[str]) -> str:
    """Return the page of scores, with figures of the tails.

    Args:
        table: What ``tailbench.score`` returns.
        tables: What has been scored.
        sources: Names of the files of samples, reference and, if any, training rows.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("tailbench.pipeline.reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": number, "math": label_html}
    shown = table[table["value"].notna()]
    return environment.get_template("score.html.j2").render(
        sources=sources,
        sizes=score_text.sizes(tables),
        note=score_text.NOTE,
        groups=[
            (GROUPS[name], of.to_dict("records"))  # type: ignore[index]
            for name, of in shown.groupby("group", sort=False)
        ],
        left_out=score_text.left_out(table),
        figures=_figures(tables),
    )


def _figures(tables: Tables) -> list[tuple[Picture, str]]:
    """Draw the figures, each with its caption."""
    from tailbench import plots
    from tailbench.plots import style

    samples, reference, columns = tables.samples, tables.reference, tables.columns
    drawn: dict[str, Any] = {
        "columns": plots.column_tails(samples, reference, columns=columns),
        "quantiles": plots.qq_tail({"samples": samples}, reference, reference[::2]),
        "pairs": plots.samples({"samples": samples}, reference, columns=columns),
    }
    with TemporaryDirectory() as folder, style.theme():
        found = {name: figure for name, figure in drawn.items() if figure is not None}
        for name, figure in found.items():
            style.save(figure, Path(folder), name)
        paths = [Path(folder, f"{name}.png") for name in found]
        pictures = embed(paths, BUDGET)
    return [(pictures[path], CAPTIONS[path.stem]) for path in paths]
