"""The report of a run that ended before all cells had results or recorded failures."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from tailbench.exceptions import InputError
from tailbench.pipeline.planning.plan import Plan
from tailbench.pipeline.planning.summary import describe
from tailbench.pipeline.reporting.missing_cells import reason_of
from tailbench.pipeline.results.cell_status import problems
from tailbench.pipeline.results.layout import Layout

__all__ = ["write_incomplete"]

FOLDERS = ("data", "models", "samples", "metrics", "theory", "logs", "benchmarks")
"""What the report reads of a results folder, besides the tables that are made for it here.

Figures are left out: those that are there belong to an earlier run.
"""


def write_incomplete(plan: Plan) -> str:
    """Write ``incomplete.html``, the report of the cells that have results, the others marked.

    A job that is killed for good leaves neither a result nor a reason, so that the jobs that gather
    all cells wait for the next run, and with them the report. This page does not wait. Snakemake
    does not know it, and nothing reads it.

    Args:
        plan: The plan.

    Returns:
        What to print: where it is, or why it could not be written. Empty, and no page is written,
        where the report itself shows all, or no cell has a result.
    """
    layout = plan.layout
    page = Path(layout.incomplete)
    page.unlink(missing_ok=True)
    found = dict(problems(plan, layout))
    killed = [problem for problem in found.values() if problem.reason is None]
    if not killed or len(found) == len(plan.cells()) + len(plan.experiments.cells()):
        return ""
    failures: list[dict[str, Any]] = [
        {
            "cell": list(cell),
            "job": problem.job,
            "reason": problem.reason or reason_of(problem),
            "log": str(problem.log.relative_to(layout.root)),
        }
        for cell, problem in found.items()
    ]
    try:
        _write(plan, failures, page)
    except InputError as error:
        return f"no report of the cells that have results: {error}"
    return f"The report of the cells that have results is {page.resolve()}"


def _write(plan: Plan, failures: list[dict[str, Any]], page: Path) -> None:
    from tailbench.pipeline.stages import collect, report

    with tempfile.TemporaryDirectory() as folder:
        view = Layout(folder)
        for name in FOLDERS:
            source = Path(plan.layout.root, name).resolve()
            if source.is_dir():
                Path(view.root, name).symlink_to(source, target_is_directory=True)
        described = {**describe(plan), "failures": failures}
        collect.gather(Path(view.root), plan.config.raw(), described)
        report.run(Path(view.root), page)
