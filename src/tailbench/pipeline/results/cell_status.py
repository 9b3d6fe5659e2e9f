"""Which cells have no result: the job at fault, its log, and its reason where it is recorded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tailbench.pipeline.planning.plan import Cell, Plan
from tailbench.pipeline.results.failures import read_failure
from tailbench.pipeline.results.layout import Layout, classifier_folder, space_folder

__all__ = ["Problem", "failures", "problem", "problems", "theory_problem"]


@dataclass(frozen=True)
class Problem:
    """Why a cell has no result.

    Attributes:
        job: The job at fault, such as ``train sgm``.
        log: Its log.
        reason: The recorded reason of a failure that another attempt cannot mend; ``None`` of a
            job that has written nothing.
    """

    job: str
    log: Path
    reason: str | None = None


def problem(plan: Plan, layout: Layout, cell: Cell) -> Problem | None:
    """Return the first job of a cell that failed or has written nothing; ``None`` if none has."""
    for file, job, name in _steps(plan, layout, cell):
        said = "/".join(part for part in (job, cell.dataset, name, cell.block) if part)
        found = _problem(Path(file), f"{job} {name}".strip(), Path(layout.log(said)))
        if found is not None:
            return found
    return None


def theory_problem(layout: Layout, experiment: str, cell: str) -> Problem | None:
    """Return why a cell of an experiment has no result; ``None`` if it has."""
    file = Path(layout.cell(experiment, cell), "points.csv")
    return _problem(file, "theory", Path(layout.log(f"theory/{experiment}/{cell}")))


def problems(plan: Plan, layout: Layout) -> Iterator[tuple[tuple[str, ...], Problem]]:
    """List the cells without a result: (experiment, cell) or (dataset, method, seeds), and why."""
    for name, part in plan.experiments.cells():
        found = theory_problem(layout, name, part)
        if found is not None:
            yield (name, part), found
    for cell in plan.cells():
        found = problem(plan, layout, cell)
        if found is not None:
            yield (cell.dataset, cell.method, cell.block), found


def failures(plan: Plan, layout: Layout) -> list[dict[str, Any]]:
    """List the cells that failed for good, as plain data for the plan and the report."""
    return [
        {
            "cell": list(cell),
            "job": found.job,
            "reason": found.reason,
            "log": str(found.log.relative_to(layout.root)),
        }
        for cell, found in problems(plan, layout)
        if found.reason is not None
    ]


def _problem(file: Path, job: str, log: Path) -> Problem | None:
    failure = read_failure(file.parent)
    if failure is not None:
        return Problem(job, log, failure.reason)
    return None if file.is_file() else Problem(job, log)


def _steps(plan: Plan, layout: Layout, cell: Cell) -> Iterator[tuple[str, str, str]]:
    """List the jobs of a cell in their order: a file that each writes, its stage and its name."""
    dataset, method, block = cell.dataset, cell.method, cell.block
    yield f"{layout.data(dataset, block)}/meta.json", "data", ""
    for model in plan.models_of(method):
        yield f"{layout.model(dataset, model, block)}/spec.json", "train", model
    features = layout.features(dataset, block)
    for space in plan.features.spaces(dataset):
        if space == "classifier":
            yield f"{classifier_folder(features)}/classifier.json", "classifier", ""
        yield f"{space_folder(features, space)}/features.npy", "features", space
    yield f"{layout.samples(dataset, method, block)}/record.json", "sample", method
    yield f"{layout.metrics(dataset, 'floor', block)}/metrics.csv", "floor", ""
    yield f"{layout.metrics(dataset, method, block)}/metrics.csv", "evaluate", method
