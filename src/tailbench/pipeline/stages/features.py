"""Stage ``features``: compute the features of the held-out images of a data set."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from tailbench.exceptions import InputError
from tailbench.io.arrays import images_of, write_array
from tailbench.io.checksums import verified, write_record, write_sums
from tailbench.pipeline.config.seed_blocks import parse_block
from tailbench.pipeline.results.layout import classifier_folder, space_folder
from tailbench.pipeline.stages.classifier import read_member

__all__ = ["run"]


def run(
    dataset: str,
    block: str,
    space: str,
    spec: str,
    data: Path,
    folder: Path,
    device: str = "auto",
    threads: int = 1,
) -> None:
    """Write ``<space>/features.npy`` into a folder, shape ``(1, m, k)``, and ``record.json``.

    Args:
        dataset: Name of the dataset in the configuration.
        block: Block of seeds.
        space: Feature space.
        spec: What the features depend on besides the images, as JSON: ``weights`` and
            ``batch_size`` of Inception; nothing for the classifier, which lies in the folder.
        data: Folder of the data of the block.
        folder: Where to write.
        device: Where to compute.
        threads: Threads on a CPU.

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
    path = data / "test.npy"
    pixels = read_member(path)
    for e in range(1, len(parse_block(block))):
        if not np.array_equal(read_member(path, e), pixels):
            raise InputError(f"{path}: the held-out images differ between members")
    settings = json.loads(spec)
    weights = settings.get("weights")
    if space == "classifier":
        weights = verified(Path(classifier_folder(folder), "classifier.safetensors"))
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
        f"{dataset}, seeds {block}: {space} features of {len(found)} images, {found.shape[1]} each"
    )
