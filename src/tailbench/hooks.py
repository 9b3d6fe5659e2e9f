"""What the workflow does before its first job and after a failed one."""

from __future__ import annotations

import os
from pathlib import Path

from tailbench import catalog
from tailbench.config import Config
from tailbench.contracts import InputError
from tailbench.plan import Cell, Plan

__all__ = ["check_data", "claim", "missing"]


def check_data(config: Config, source: str) -> None:
    """Read the data of every dataset and check that models can be trained on them.

    Args:
        config: The configuration.
        source: What to call the configuration in messages.

    Raises:
        InputError: If the data of a dataset cannot be used; names the key and the file.
    """
    for name, entry in config.datasets.items():
        try:
            catalog.source({"type": entry.type, **entry.settings}).check(config.batch_needs(name))
        except InputError as error:
            raise InputError(f"{source}: datasets.{name}: {error}") from None


def claim(results: str | Path) -> None:
    """Hold a folder for this process, which is released however the process ends.

    Snakemake's own lock outlives a process that is killed, and then has to be removed by hand.

    Args:
        results: The folder, which is made.

    Raises:
        InputError: If another process on this machine, or another one that shares the folder,
            holds it.
    """
    try:
        import fcntl
    except ImportError:  # not a POSIX system
        return
    path = Path(results) / ".lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT)  # never closed, but by the end of the process
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise InputError(f"another run is writing to {Path(results).resolve()}") from None
    except OSError:  # a file system without locks
        os.close(handle)


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
