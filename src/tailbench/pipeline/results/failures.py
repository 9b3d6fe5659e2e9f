"""Failures that another attempt cannot mend, recorded as results.

A training that diverges, samples that are not finite and refused input fail again when they are
tried again. Such a job leaves ``failure.json`` in its folder, with empty files in the place of its
outputs, and ends well: Snakemake goes on, jobs that need its outputs are skipped and leave such a
file themselves, and the report shows the reason in the cell. Everything else (a killed process, no
memory, no time, a full disk) ends in an error as usual, and Snakemake tries again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tailbench.exceptions import InputError, TrainingDiverged
from tailbench.io.atomic import atomic_write
from tailbench.pipeline.results.layout import COLLECTED

__all__ = [
    "FILE",
    "PERMANENT",
    "Failure",
    "Job",
    "clear",
    "raise_failures",
    "read_failure",
    "recorded",
    "remove_failed",
]

FILE = "failure.json"
PERMANENT = (InputError, TrainingDiverged, FloatingPointError)


@dataclass(frozen=True)
class Job:
    """What has to be known of a job to record its failure.

    Attributes:
        name: Name in messages, such as ``train sgm``.
        outputs: Files that it writes, all in one folder.
        inputs: Folders that it reads; it is skipped if the job of one of them has failed.
    """

    name: str
    outputs: Sequence[Path]
    inputs: Sequence[Path] = ()


@dataclass(frozen=True)
class Failure:
    """Why a job has no result.

    Attributes:
        job: The job that failed, such as ``train sgm``.
        reason: One sentence.
        skipped: Whether this job was skipped because another one, ``job``, had failed.
    """

    job: str
    reason: str
    skipped: bool = False


def read_failure(folder: Path) -> Failure | None:
    """Read the failure of the job that writes to a folder; ``None`` if it has not failed.

    Raises:
        InputError: If the file is corrupt.
    """
    path = folder / FILE
    try:
        data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return Failure(**data)
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        raise InputError(f"{path} is corrupt ({error}); delete it and rerun") from None


def clear(folder: Path) -> None:
    """Remove the failure of an earlier attempt."""
    (folder / FILE).unlink(missing_ok=True)


def recorded(job: Job, work: Callable[[], None], writes: bool = True) -> Failure | None:
    """Run a job, and record its failure if another attempt cannot mend it.

    Args:
        job: The job.
        work: What it does.
        writes: Whether this process writes; of several that share a job, one does.

    Returns:
        The failure, or ``None``.
    """
    folder = job.outputs[0].parent
    if writes:
        clear(folder)
    failure = next(filter(None, map(read_failure, job.inputs)), None)
    if failure is not None:
        failure = Failure(failure.job, failure.reason, skipped=True)
    else:
        try:
            work()
        except PERMANENT as error:
            failure = Failure(job.name, str(error))
    if failure is not None and writes:
        for path in job.outputs:
            atomic_write(path, "")
        atomic_write(folder / FILE, json.dumps(asdict(failure), indent=1) + "\n")
    return failure


def raise_failures(root: Path) -> None:
    """End a run badly in which jobs have failed, where its target is not the report.

    A failed job ends well, for the sake of the others, and the last job of a whole run is what
    fails. A run of one target, such as one model, has no such job.

    Args:
        root: The results folder of a configuration.

    Raises:
        InputError: If a job has failed; names each with its reason. What they have written is
            removed, as by ``remove_failed``, and so is a table of metrics without their cells, for
            which Snakemake would not try them again.
    """
    found = [read_failure(path.parent) for path in sorted(root.rglob(FILE))]
    said = {f"{failure.job} failed: {failure.reason}": None for failure in found if failure}
    if said:
        remove_failed(root)
        plan = root / "plan.json"
        if plan.is_file() and json.loads(plan.read_text(encoding="utf-8")).get("failures"):
            for name in COLLECTED:
                (root / name).unlink(missing_ok=True)
        raise InputError("; ".join(said))


def remove_failed(root: Path) -> int:
    """Remove the outputs of failed and skipped jobs, so that the next run tries them again.

    Args:
        root: The results folder of a configuration.

    Returns:
        The number of jobs that will be tried again.
    """
    failures = list(root.rglob(FILE))
    for failure in failures:
        for path in failure.parent.iterdir():
            if path.is_file():
                path.unlink()
    return len(failures)
