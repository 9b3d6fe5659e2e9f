"""Stage ``classifier``: train a classifier of the labelled images of a data set."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tailbench.compute.devices import resolve_device
from tailbench.exceptions import InputError
from tailbench.io.arrays import images_of, open_array
from tailbench.io.checksums import checksum, write_record, write_sums
from tailbench.pipeline.results.failures import Job
from tailbench.pipeline.results.layout import CLASSIFIER_FILES, classifier_folder
from tailbench.pipeline.runtime.gpu_slots import hold_gpu_for
from tailbench.pipeline.stages.options import (
    DataFolder,
    Dataset,
    Device,
    OutputFolder,
    Seeds,
    Threads,
)
from tailbench.rng.seeds import seed_for

__all__ = ["declared", "read_rows_of", "run"]


def declared(dataset: str, data: Path, folder: Path, **_: Any) -> Job:
    """Describe the job for the record of its failure."""
    return Job(f"classifier of {dataset}", [folder / name for name in CLASSIFIER_FILES], [data])


def run(
    dataset: Dataset,
    seeds: Seeds,
    data: DataFolder,
    folder: OutputFolder,
    device: Device = "auto",
    threads: Threads = 1,
) -> None:
    """Write ``network/classifier.safetensors`` and ``network/classifier.json`` into a folder.

    The images of the first seed are used: a set of images is the same for every seed. The
    second file has the shares of the classes in the training images, and the share of the test
    images whose class is found, altogether and by class (``null`` for one without images).

    Raises:
        InputError: If the data are missing or damaged, or are no labelled images with pixels.
    """
    import torch

    from tailbench.networks.classifier import fit

    torch.set_num_threads(threads)
    images = images_of(data)
    if images is None or not images.pixels or not images.classes:
        raise InputError(f"{data} holds no labelled images with pixels")
    parts = {}
    for part in ("train", "test"):
        pixels = read_rows_of(data / f"{part}.npy").reshape(-1, *images.shape)
        parts[part] = pixels, read_rows_of(data / f"{part}_labels.npy")
    begin = time.monotonic()
    count = len(images.classes)
    with hold_gpu_for(device):
        network = fit(
            *parts["train"], count, seed_for("classifier", dataset), str(resolve_device(device))
        )
    pixels, labels = parts["test"]
    found = network.predict(pixels) == labels
    folder = Path(classifier_folder(folder))
    weights = folder / "classifier.safetensors"
    network.save(weights)
    spec = {
        "classes": list(images.classes),
        "shares": (
            np.bincount(parts["train"][1], minlength=count) / len(parts["train"][1])
        ).tolist(),
        "accuracy": float(found.mean()),
        "accuracy_by_class": [
            float(found[labels == k].mean()) if (labels == k).any() else None for k in range(count)
        ],
        "seconds": time.monotonic() - begin,
    }
    written = {"classifier.json": write_record(folder / "classifier.json", spec)}
    write_sums(folder, {weights.name: checksum(weights), **written})
    print(
        f"{dataset}, seeds {seeds}: a classifier finds {spec['accuracy']:.1%} of the test classes"
    )


def read_rows_of(path: Path, position: int = 0) -> NDArray[Any]:
    """Read the rows of one seed as they are stored, without those of the others.

    Raises:
        InputError: If the file is missing or corrupt.
    """
    return np.array(open_array(path)[position])
