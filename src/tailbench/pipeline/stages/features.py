"""Stage ``features``: compute the features of the held-out images of a data set."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from tailbench.exceptions import InputError
from tailbench.io.arrays import images_of, write_arrays
from tailbench.io.checksums import verified, write_record
from tailbench.pipeline.config.seed_blocks import parse_block
from tailbench.pipeline.runtime.gpu_slots import for_device
from tailbench.pipeline.stages.classifier import read_member
from tailbench.pipeline.stages.options import (
    DataFolder,
    Dataset,
    Device,
    OutputFolder,
    Seeds,
    Spec,
    Threads,
)

__all__ = ["run"]


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
    """Write ``reference-<space>.safetensors`` into a folder: ``features``, shape ``(m, k)``.

    Beside it goes a JSON file of the same name.

    Raises:
        InputError: If a file is missing or damaged, the data are no images with pixels, or the
            held-out images differ between members.
    """
    import torch

    from tailbench.metrics import fidelity

    torch.set_num_threads(threads)
    images = images_of(data)
    if images is None or not images.pixels:
        raise InputError(f"{data} holds no images with pixels")
    path = data / "test.safetensors"
    pixels = read_member(path, "test")
    for e in range(1, len(parse_block(seeds))):
        if not np.array_equal(read_member(path, "test", e), pixels):
            raise InputError(f"{path}: the held-out images differ between members")
    settings = json.loads(spec)
    weights = settings.get("weights")
    if space == "classifier":
        weights = verified(folder / "classifier.safetensors")
    with for_device(device):
        found = fidelity.features(
            pixels.reshape(-1, *images.shape),
            space,
            None if weights is None else Path(weights),
            device,
            settings.get("batch_size"),
        )
    path = folder / f"reference-{space}.safetensors"
    checksum = write_arrays(path, {"features": found})
    write_record(
        path.with_suffix(".json"),
        {"images": len(found), "features": found.shape[1], "sha256": {path.name: checksum}},
    )
    print(
        f"{dataset}, seeds {seeds}: {space} features of {len(found)} images, {found.shape[1]} each"
    )
