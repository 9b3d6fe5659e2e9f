"""Stage ``sample``: draw the samples of one method on one dataset for a block of members."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tailbench import registry
from tailbench.compute.distributed import joined
from tailbench.io.arrays import read_rows, write_arrays
from tailbench.io.checksums import read_record, write_record
from tailbench.models.persistence import load_model
from tailbench.pipeline.config.seed_blocks import parse_block
from tailbench.pipeline.runtime.peak_memory import peak_memory_mb
from tailbench.registry import entry_class, method_types
from tailbench.rng.seeds import seed_for
from tailbench.training.context import FitContext, SampleContext

__all__ = ["run"]


def run(
    dataset: str,
    method: str,
    block: str,
    spec: str,
    models: Path,
    data: Path,
    output: Path,
    device: str = "auto",
    threads: int = 1,
) -> None:
    """Write the samples of every variant of a method, and what they cost.

    Args:
        dataset: Name of the dataset in the configuration.
        method: Name of the method in the configuration.
        block: Block of seeds.
        spec: Type, settings and parts of the method, as JSON.
        models: Folder of the trained models of the dataset.
        data: Folder of the data of the block.
        output: The safetensors file to write, one tensor ``(E, n, d)`` per variant; beside it
            goes a JSON file of the same name.
        device: Where to sample.
        threads: Threads on a CPU, of all processes together.

    Raises:
        InputError: If a model is missing or damaged.
        FloatingPointError: If a sample is not finite.
    """
    import torch

    settings = json.loads(spec)
    type_, parts = settings.pop("type"), settings.pop("parts")
    typed: Any = entry_class("methods", type_).model_validate(settings)
    with joined(device) as team:
        torch.set_num_threads(max(1, threads // team.count))
        model = _assemble(type_, parts, models, block, device)
        samples, meta = _draw(model, typed, dataset, method, parse_block(block), data)
        if not team.first:
            return
    meta["sha256"] = {output.name: write_arrays(output, samples)}
    meta |= {"family": method, "type": type_, "peak_memory_mb": peak_memory_mb()}
    meta["processes"] = team.count
    meta["models"] = sorted({name for names in parts.values() for name in names})
    write_record(output.with_suffix(".json"), meta)


def _draw(
    model: Any, settings: Any, dataset: str, method: str, members: list[int], data: Path
) -> tuple[dict[str, NDArray[np.float32]], dict[str, Any]]:
    """Draw as many samples as there are held-out data, of every variant, and say what they cost."""
    n = read_record(data / "meta.json")["rows"]["test"]
    meta: dict[str, Any] = {"members": members, "variants": {}}
    if settings.tuning_runs:
        begin = time.monotonic()
        context = FitContext(
            seeds=[seed_for("choose", dataset, seed) for seed in members],
            split_seeds=[seed_for("split", dataset, seed) for seed in members],
            ids=members,
            label=f"{dataset}/{method}",
        )
        tuned = model.tune(read_rows(data / "train.safetensors", "train"), settings, context)
        meta["curve"] = tuned.curve
        meta["choose_seconds"] = time.monotonic() - begin

    samples = {}
    seeds = [seed_for("sample", dataset, member) for member in members]
    for name, variant in settings.variants(method).items():
        begin = time.monotonic()
        drawn = model.sample_block(n, variant, SampleContext(seeds, f"{dataset}/{name}", True))
        samples[name] = drawn.samples
        meta["variants"][name] = {
            "nfe": drawn.nfe,
            "sample_seconds": (time.monotonic() - begin) / len(members),
            "sigma_T": drawn.extra.get("sigma_T"),
            "settings": variant.model_dump(mode="json"),
            "largest": float(np.abs(drawn.samples).max()),
        }
    return samples, meta


def _assemble(
    type_: str,
    parts: dict[str, list[str]],
    models: Path,
    block: str,
    device: str,
) -> Any:
    """Load the trained models of a method and put them together."""
    cls = registry.load("models", method_types()[type_])

    def trained(name: str) -> Any:
        return load_model(models / name / block, device)

    if cls.trainable:
        ((name,),) = parts.values()
        return trained(name)
    loaded = {role: [trained(name) for name in names] for role, names in parts.items()}
    return cls.assemble(loaded, device=device)
