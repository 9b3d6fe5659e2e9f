"""Stage ``sample``: draw the samples of one method on one dataset for a seed block."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from tailbench import registry
from tailbench.compute.clock import clock_of
from tailbench.compute.devices import resolve_device
from tailbench.compute.distributed import process_group
from tailbench.compute.threads import limit_threads
from tailbench.data import Variant
from tailbench.io.arrays import read_rows, write_array
from tailbench.io.checksums import read_record, write_record, write_sums
from tailbench.models.persistence import load_method
from tailbench.models.simple import SimpleModel
from tailbench.pipeline.config.seed_blocks import parse_block
from tailbench.pipeline.results.failures import Job
from tailbench.pipeline.results.layout import SAMPLE_FILES
from tailbench.pipeline.runtime.gpu_slots import hold_gpu_for
from tailbench.pipeline.runtime.peak_memory import peak_memory_mb
from tailbench.pipeline.runtime.torchrun import relaunch_with_torchrun
from tailbench.pipeline.stages.options import (
    DataFolder,
    Dataset,
    Device,
    OutputFile,
    PerNode,
    Processes,
    Seeds,
    Spec,
    Threads,
)
from tailbench.registry import entry_class, method_types
from tailbench.training.context import FitContext, SampleContext

__all__ = ["declared", "run"]


def declared(
    method: str, seeds: str, spec: str, models: Path, data: Path, output: Path, **_: Any
) -> Job:
    """Describe the job for the record of its failure."""
    parts = json.loads(spec)["parts"].values()
    trained = [models / name / seeds for names in parts for name in names]
    outputs = [output.parent / name for name in SAMPLE_FILES]
    return Job(f"sample {method}", outputs, [data, *trained])


def run(
    dataset: Dataset,
    method: Annotated[str, typer.Option(help="Name of the method in the configuration.")],
    seeds: Seeds,
    spec: Spec,
    models: Annotated[Path, typer.Option(help="Folder of the trained models of the dataset.")],
    data: DataFolder,
    output: OutputFile,
    device: Device = "auto",
    threads: Threads = 1,
    processes: Processes = 1,
    per_node: PerNode = 8,
) -> None:
    """Write the samples of every variant of a method, and what they cost.

    Raises:
        InputError: If a model or data are missing or damaged.
        FloatingPointError: If a sample is not finite.
    """
    relaunch_with_torchrun(processes, per_node, device)
    settings = json.loads(spec)
    type_, parts = settings.pop("type"), settings.pop("parts")
    least = settings.pop("n_samples", 0)
    typed: Any = entry_class("methods", type_).model_validate(settings)
    simple = issubclass(registry.load("models", method_types()[type_]), SimpleModel)
    with hold_gpu_for(device), process_group(device) as team:
        limit_threads(threads // team.count, need_torch=not simple)
        folders = {role: [models / name / seeds for name in own] for role, own in parts.items()}
        model = load_method(type_, folders, device)
        if typed.needs:
            model.supply(_given(typed.needs, data))
        now = clock_of(None if simple else resolve_device(model.device))
        n = max(read_record(data / "meta.json")["rows"]["test"], least)
        samples, meta = _draw(model, typed, dataset, method, parse_block(seeds), data, n, now)
        if not team.first:
            return
    sums = {output.name: write_array(output, list(samples.values()))}
    meta |= {"method": method, "type": type_, "peak_memory_mb": peak_memory_mb()}
    meta["processes"] = team.count
    meta["models"] = sorted({name for names in parts.values() for name in names})
    sums["record.json"] = write_record(output.with_name("record.json"), meta)
    write_sums(output.parent, sums)


def _draw(
    model: Any,
    settings: Any,
    dataset: str,
    method: str,
    seeds: list[int],
    data: Path,
    n: int,
    now: Callable[[], float],
) -> tuple[dict[str, NDArray[np.floating]], dict[str, Any]]:
    """Draw ``n`` samples of every variant, and say what they cost."""
    meta: dict[str, Any] = {"seeds": seeds, "variants": []}
    if settings.tuning_runs:
        begin = now()
        context = FitContext.for_tuning(dataset, method, seeds)
        tuned = model.tune(read_rows(data / "train.npy"), settings, context)
        meta["curve"] = tuned.curve
        meta["choose_seconds"] = now() - begin

    samples = {}
    for label, variant in settings.variants().items():
        begin = now()
        shown = Variant(method, label).text
        drawn = model.sample_block(n, variant, SampleContext.for_dataset(dataset, seeds, shown))
        samples[label] = drawn.samples
        every = variant.model_dump(mode="json")
        meta["variants"].append(
            {
                "variant": label,
                "settings": {key: every[key] for key in settings.swept()},
                "nfe": drawn.nfe,
                "sample_seconds": (now() - begin) / len(seeds),
                "sigma_T": drawn.extra.get("sigma_T"),
                "sampling": every,
                "largest": float(np.abs(drawn.samples).max()),
            }
        )
    return samples, meta


def _given(needs: Collection[str], data: Path) -> dict[str, Any]:
    """Read the data that a method samples from besides trained models."""
    given: dict[str, Any] = {
        part: read_rows(data / f"{part}.npy") for part in ("train", "floor") if part in needs
    }
    meta = read_record(data / "meta.json")
    if "columns" in needs:
        given["columns"] = meta["columns"]
    if "target" in needs:
        given["target"] = registry.make_dataset({"type": meta["type"], **meta["settings"]})
    return given
