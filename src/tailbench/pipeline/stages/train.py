"""Stage ``train``: train one model on one dataset for a block of members."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from tailbench import registry
from tailbench.compute.distributed import alone, joined
from tailbench.io.arrays import images_of, read_arrays, read_rows
from tailbench.io.checksums import checksum
from tailbench.pipeline.config.seed_blocks import parse_block
from tailbench.pipeline.runtime import kept_models
from tailbench.pipeline.runtime.locks import turn
from tailbench.pipeline.runtime.peak_memory import peak_memory_mb
from tailbench.rng.seeds import seed_for
from tailbench.training.context import FitContext

__all__ = ["run"]


def run(
    dataset: str,
    model: str,
    block: str,
    spec: str,
    code: str,
    data: Path,
    folder: Path,
    state: Path,
    device: str = "auto",
    threads: int = 1,
    checkpoint_seconds: float = 20.0,
) -> None:
    """Write ``model.safetensors``, ``spec.json`` and ``history.csv`` into a folder.

    A run that is killed goes on from its last state when it is started again, to the same
    result, and deletes its states when it ends. One that had ended, and lost its files since, puts
    them back. One that finds another at the same work waits for its end, and has nothing left to
    do if that was a good one. Processes that ``torchrun`` starts train together; the first of them
    writes.

    Args:
        dataset: Name of the dataset in the configuration.
        model: Name of the model in the configuration.
        block: Block of seeds.
        spec: Type and settings of the model, as JSON.
        code: Digest of the code; a state of other code is not used.
        data: The file of the training data.
        folder: Where to write.
        state: Folder of the states of the training.
        device: Where to train.
        threads: Threads on a CPU, of all processes together.
        checkpoint_seconds: Least time between two states.

    Raises:
        InputError: If the data are missing, damaged or cannot be used.
        TrainingDiverged: If a loss is not finite or explodes.
        Interrupted: If a signal asked it to stop; the state is saved.
    """
    import torch

    from tailbench.training.checkpoint import Checkpoint
    from tailbench.training.preemption import listening

    settings = json.loads(spec)
    images = images_of(data.parent)
    type_ = settings.pop("type")
    members = parse_block(block)
    x = read_arrays(data)["train"] if images is None else read_rows(data, "train")
    depends = [dataset, model, block, spec, code, checksum(data)]
    key = hashlib.sha256(json.dumps(depends).encode()).hexdigest()
    label = f"{dataset}/{model}"
    checkpoint = Checkpoint(state, key, checkpoint_seconds)
    files = [folder / name for name in ("model.safetensors", "history.csv", "spec.json")]
    lock = state.with_name(f"{state.name}.lock")
    work = turn(lock, key, files, label, lambda: kept_models.put_back(state, key, files, label))
    with joined(device) as team, alone(team, work) as mine, listening():
        if not mine:
            return
        torch.set_num_threads(max(1, threads // team.count))
        context = FitContext(
            seeds=[seed_for("train", dataset, model, seed) for seed in members],
            split_seeds=[seed_for("split", dataset, seed) for seed in members],
            ids=members,
            label=label,
            checkpoint=checkpoint,
        )
        made = registry.load("models", type_)(device=device, **settings)
        fitted = made.fit_block(x, context, images)
        fitted.info |= {"peak_memory_mb": peak_memory_mb(), "processes": team.count}
        if team.first:
            fitted.save(folder)
            kept_models.keep(state, key, files, label)
            checkpoint.clear()
