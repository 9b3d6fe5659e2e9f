"""Which cells of a run have no result, and why."""

from __future__ import annotations

from pathlib import Path

from tailbench.pipeline.planning.plan import Cell, Plan

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
    for name, part in plan.experiments.cells():
        if not (Path(results) / f"theory/{name}/cells/{part}.csv").is_file():
            log = Path(results) / f"logs/theory/{name}/{part}.log"
            lines.append(f"  {name}, {part}: {_reason('theory', log)}")
    for cell in plan.cells():
        step = _first_missing(plan, Path(results), cell)
        if step is not None:
            lines.append(f"  {cell.dataset}, {cell.method}, seeds {cell.block}: {_reason(*step)}")
    if not lines:
        return ""
    count = len(plan.experiments.cells()) + len(plan.cells())
    return "\n".join([f"{len(lines)} of {count} cells have no result:", *lines])


def _first_missing(plan: Plan, results: Path, cell: Cell) -> tuple[str, Path] | None:
    """Give the first job that a cell lacks, and the job's log."""
    dataset, method, block = cell.dataset, cell.method, cell.block
    logs = results / "logs"
    steps = [(f"data/{dataset}/{block}/meta.json", "data", "")]
    steps += [
        (f"models/{dataset}/{model}/{block}/spec.json", "train", model)
        for model in plan.models_of(method)
    ]
    features = f"features/{dataset}/{block}"
    for space in plan.features.spaces(dataset):
        if space == "classifier":
            steps.append((f"{features}/classifier.json", "classifier", ""))
        steps.append((f"{features}/reference-{space}.safetensors", "features", space))
    steps += [
        (f"samples/{dataset}/{method}/{block}.json", "sample", method),
        (f"metrics/{dataset}/{method}/{block}.csv", "evaluate", method),
    ]
    for file, job, name in steps:
        if not (results / file).is_file():
            return f"{job} {name}".strip(), logs / job / dataset / name / f"{block}.log"
    return None


def _reason(job: str, log: Path) -> str:
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError:
        return f"{job} has not run"
    said = [line.strip().removeprefix("tailbench: ") for line in lines if line.strip()]
    return f"{job} has left nothing; its log ends: {said[-1] if said else '(empty)'}"
