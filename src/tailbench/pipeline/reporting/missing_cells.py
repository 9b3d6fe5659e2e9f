"""Which cells of a run have no result, and why."""

from __future__ import annotations

from pathlib import Path

from tailbench.pipeline.planning.plan import Cell, Plan
from tailbench.pipeline.results.layout import Layout, classifier_folder, space_folder

__all__ = ["missing"]


def missing(plan: Plan, results: str | Path) -> str:
    """Say which cells have no result, one line each, with what the job at fault said last.

    Args:
        plan: The plan.
        results: Folder of the results.

    Returns:
        The lines; nothing if all cells have results.
    """
    lines = []
    layout = Layout(str(results))
    for name, part in plan.experiments.cells():
        if not Path(layout.cell(name, part), "points.csv").is_file():
            log = Path(layout.log(f"theory/{name}/{part}"))
            lines.append(f"  {name}, {part}: {_reason('theory', log)}")
    for cell in plan.cells():
        step = _first_missing(plan, layout, cell)
        if step is not None:
            lines.append(f"  {cell.dataset}, {cell.method}, seeds {cell.block}: {_reason(*step)}")
    if not lines:
        return ""
    count = len(plan.experiments.cells()) + len(plan.cells())
    return "\n".join([f"{len(lines)} of {count} cells have no result:", *lines])


def _first_missing(plan: Plan, layout: Layout, cell: Cell) -> tuple[str, Path] | None:
    """Give the first job that a cell lacks, and the job's log."""
    dataset, method, block = cell.dataset, cell.method, cell.block
    steps = [(f"{layout.data(dataset, block)}/meta.json", "data", "")]
    steps += [
        (f"{layout.model(dataset, model, block)}/spec.json", "train", model)
        for model in plan.models_of(method)
    ]
    features = layout.features(dataset, block)
    for space in plan.features.spaces(dataset):
        if space == "classifier":
            steps.append((f"{classifier_folder(features)}/classifier.json", "classifier", ""))
        steps.append((f"{space_folder(features, space)}/features.npy", "features", space))
    steps += [
        (f"{layout.samples(dataset, method, block)}/record.json", "sample", method),
        (f"{layout.metrics(dataset, method, block)}/metrics.csv", "evaluate", method),
    ]
    for file, job, name in steps:
        if not Path(file).is_file():
            said = "/".join(part for part in (job, dataset, name, block) if part)
            return f"{job} {name}".strip(), Path(layout.log(said))
    return None


def _reason(job: str, log: Path) -> str:
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError:
        return f"{job} has not run"
    said = [line.strip().removeprefix("tailbench: ") for line in lines if line.strip()]
    return f"{job} has left nothing; its log ends: {said[-1] if said else '(empty)'}"
