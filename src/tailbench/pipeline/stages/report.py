"""The stage that writes the report: one HTML file that needs nothing else."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from tailbench.io.atomic import atomic_write
from tailbench.pipeline.stages.options import OutputFile, Results

__all__ = ["run"]


def run(results: Results, output: OutputFile) -> None:
    """Write the report of a results folder.

    Pictures are those found in its folder ``figures``; all else is computed from the metrics,
    the configuration, the plan, and the files beside data and models, as far as they exist.

    Raises:
        InputError: If the metrics are missing or lack a column.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    from tailbench.pipeline.reporting.page import context
    from tailbench.pipeline.results.reader import ResultsReader

    environment = Environment(
        loader=PackageLoader("tailbench.pipeline.reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= _filters()
    environment.policies["json.dumps_kwargs"] = {"ensure_ascii": False, "separators": (",", ":")}
    shown = context(ResultsReader(results), Path(output))
    atomic_write(output, environment.get_template("report.html.j2").render(shown))


def _filters() -> dict[str, Any]:
    from tailbench.pipeline.reporting.labels import label_html
    from tailbench.pipeline.reporting.number_format import clock, mean_std, number

    return {
        "number": number,
        "mean_std": mean_std,
        "math": label_html,
        "clock": clock,
        "key": _key,
        "count": lambda value: "–" if math.isnan(value) else f"{value:.4g}",
    }


def _key(value: Any) -> str:
    """Return the sort key of a number for the page's script; nothing if it is not a number."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return repr(float(value))
