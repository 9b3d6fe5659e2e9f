"""Stage ``train``: train one model on one dataset for a seed block."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any

import typer

from tailbench import registry
from tailbench.compute.distributed import on_rank_zero, process_group
from tailbench.compute.threads import limit_threads
from tailbench.io.arrays import columns_of, images_of, read_array, read_rows
from tailbench.io.checksums import checksum
from tailbench.models.on_support import OnSupport
from tailbench.models.simple import SimpleModel
from tailbench.pipeline.config.seed_blocks import parse_block
from tailbench.pipeline.results.failures import Job
from tailbench.pipeline.results.layout import MODEL_FILES
from tailbench.pipeline.runtime import kept_models
from tailbench.pipeline.runtime.gpu_slots import hold_gpu_for
from tailbench.pipeline.runtime.light_imports import import_tailestim
from tailbench.pipeline.runtime.locks import exclusive_job
from tailbench.pipeline.runtime.peak_memory import peak_memory_mb
from tailbench.pipeline.runtime.torchrun import relaunch_with_torchrun
from tailbench.pipeline.stages.options import (
    Dataset,
    Device,
    OutputFolder,
    PerNode,
    Processes,
    Seeds,
    Spec,
    Threads,
)
from tailbench.training.checkpoint import Checkpoint
from tailbench.training.context import FitContext
from tailbench.training.preemption import defer_signals

__all__ = ["declared", "run"]


def declared(model: str, data: Path, folder: Path, **_: Any) -> Job:
    """Describe the job for the record of its failure."""
    return Job(f"train {model}", [folder / name for name in MODEL_FILES], [data.parent])


def run(
    dataset: Dataset,
    model: Annotated[str, typer.Option(help="Name of the model in the configuration.")],
    seeds: Seeds,
    spec: Spec,
    code: Annotated[str, typer.Option(help="Digest of the code; other checkpoints are ignored.")],
    data: Annotated[Path, typer.Option(help="File of the training data.")],
    folder: OutputFolder,
    state: Annotated[Path, typer.Option(help="Folder of the checkpoints.")],
    device: Device = "auto",
    threads: Threads = 1,
    checkpoint_seconds: Annotated[
        float,
        typer.Option(
            min=0,
            help="Minimum seconds between checkpoints.",
            envvar="TAILBENCH_CHECKPOINT_SECONDS",
        ),
    ] = 20.0,
    processes: Processes = 1,
    per_node: PerNode = 8,
) -> None:
    """Write ``model.safetensors``, ``spec.json``, ``history.csv`` and checksums into a folder.

    A run that is killed resumes from its last state when it is started again, to the same
    result, and deletes its states when it ends. One that had ended, and lost its files since, puts
    them back. One that finds another at the same work waits for its end, and has nothing left to
    do if that was a good one. Processes that ``torchrun`` starts train together; the first of them
    writes.

    Raises:
        InputError: If the data are missing, damaged or cannot be used.
        TrainingDiverged: If a loss is not finite or explodes.
        Interrupted: If a signal asked it to stop; the state is saved.
    """
    relaunch_with_torchrun(processes, per_node, device)
    import_tailestim()
    settings = json.loads(spec)
    images = images_of(data.parent)
    columns = columns_of(data.parent)
    type_ = settings.pop("type")
    numbers = parse_block(seeds)
    x = read_array(data) if images is None else read_rows(data)
    depends = [dataset, model, seeds, spec, code, checksum(data), *filter(None, [columns])]
    if (frozen := settings.get("frozen")) is not None:
        depends.append(checksum(Path(frozen, MODEL_FILES[0])))
    key = hashlib.sha256(json.dumps(depends).encode()).hexdigest()
    label = f"{dataset}/{model}"
    checkpoint = Checkpoint(state, key, checkpoint_seconds)
    files = [folder / name for name in MODEL_FILES]
    lock = state.with_name(f"{state.name}.lock")
    work = exclusive_job(
        lock, key, files, label, lambda: kept_models.restore_model(state, key, files, label)
    )
    with (
        hold_gpu_for(device),
        process_group(device) as team,
        on_rank_zero(team, work) as mine,
        defer_signals(),
    ):
        if not mine:
            return
        context = FitContext.for_training(dataset, model, numbers, checkpoint)
        made = registry.load("models", type_)(device=device, **settings)
        limit_threads(threads // team.count, need_torch=not isinstance(made, SimpleModel))
        made = OnSupport(made, **columns) if columns else made
        fitted = made.fit_block(x, context, images)
        fitted.info.update(peak_memory_mb=peak_memory_mb(), processes=team.count)
        if team.first:
            fitted.save(folder)
            kept_models.preserve_model(state, key, files, label)
            checkpoint.clear()
