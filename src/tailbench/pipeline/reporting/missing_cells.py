"""What a run says at its end of the cells that have no result."""

from __future__ import annotations

from pathlib import Path

from tailbench.pipeline.planning.plan import Plan
from tailbench.pipeline.results.cell_status import Problem, problems
from tailbench.pipeline.results.layout import Layout

__all__ = ["missing_cells", "reason_of"]

NOT_STARTED = "was not started"


def missing_cells(plan: Plan, results: str | Path) -> str:
    """Return one line for each cell without a result, with the reason.

    Args:
        plan: The plan.
        results: Results folder of the configuration.

    Returns:
        The lines; empty if all cells have results.
    """
    lines = []
    for cell, found in problems(plan, Layout(str(results))):
        first, *rest = cell if len(cell) < 3 else (*cell[:2], f"seeds {cell[2]}")
        lines.append(f"  {', '.join([first, *rest])}: {_sentence(found)}")
    if not lines:
        return ""
    count = len(plan.experiments.cells()) + len(plan.cells())
    return "\n".join([f"{len(lines)} of {count} cells have no result:", *lines])


def _sentence(found: Problem) -> str:
    if found.reason is not None:
        return f"{found.job} failed: {found.reason} ({found.log})"
    reason = reason_of(found)
    return f"{found.job} {reason}" if reason == NOT_STARTED else f"{found.job} failed; {reason}"


def reason_of(found: Problem) -> str:
    """Return what the log of a job without a recorded reason says of its end."""
    try:
        lines = found.log.read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError:
        return NOT_STARTED
    said = [line.strip().removeprefix("tailbench: ") for line in lines if line.strip()]
    return f"last log line: {said[-1] if said else '(empty)'}"
