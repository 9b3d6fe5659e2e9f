"""Stage ``features``: compute the features of the held-out images of a data set."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from tailbench.exceptions import InputError
from tailbench.io.arrays import images_of, write_array
from tailbench.io.checksums import verified, write_record, write_sums
from tailbench.pipeline.config.seed_blocks import parse_block
from tailbench.pipeline.results.failures import Job
from tailbench.pipeline.results.layout import FEATURE_FILES, classifier_folder, space_folder
from tailbench.pipeline.runtime.gpu_slots import hold_gpu_for
from tailbench.pipeline.stages.classifier import read_rows_of
from tailbench.pipeline.stages.options import (
    DataFolder,
    Dataset,
    Device,
    OutputFolder,
    Seeds,
    Spec,
    Threads,
)

__all__ = ["declared", "run"]


def declared(dataset: str, space: str, data: Path, folder: Path, **_: Any) -> Job:
    """Describe the job for the record of its failure."""
    written = Path(space_folder(folder, space))
    inputs = [data, Path(classifier_folder(folder))] if space == "classifier" else [data]
    outputs = [written / name for name in FEATURE_FILES]
    return Job(f"{space} features of {dataset}", outputs, inputs)


def run(
    dataset: Dataset,
    seeds: Seeds,
    space: Annotated[str, typer.Option(help="Feature space: inception or classifier.")],
    spec: Spec,
    data: DataFolder,
    folder: OutputFolder,
    device: Device = "auto",
    threads: Threads = 1,
) -> None:
    """Write ``<space>/features.npy`` into a folder, shape ``(1, m, k)``, and ``record.json``.

    Raises:
        InputError: If a file is missing or damaged, the data are no images with pixels, or the
            held-out images differ between seeds.
    """
    import torch

    from tailbench.metrics import fidelity

    torch.set_num_threads(threads)
    images = images_of(data)
    if images is None or not images.pixels:
        raise InputError(f"{data} holds no images with pixels")
    path = data / "test.npy"
    pixels = read_rows_of(path)
    for e in range(1, len(parse_block(seeds))):
        if not np.array_equal(read_rows_of(path, e), pixels):
            raise InputError(f"{path}: the held-out images differ between seeds")
    settings = json.loads(spec)
    weights = settings.get("weights")
    if space == "classifier":
        weights = verified(Path(classifier_folder(folder), "classifier.safetensors"))
    with hold_gpu_for(device):
        found = fidelity.features(
            pixels.reshape(-1, *images.shape),
            space,
            None if weights is None else Path(weights),
            device,
            settings.get("batch_size"),
        )
    output = Path(space_folder(folder, space))
    record = {"images": len(found), "features": found.shape[1]}
    sums = {
        "features.npy": write_array(output / "features.npy", [found]),
        "record.json": write_record(output / "record.json", record),
    }
    write_sums(output, sums)
    print(
        f"{dataset}, seeds {seeds}: {space} features of {len(found)} images, {found.shape[1]} each"
    )
