"""Stage ``evaluate``: compute the metrics of the samples of a seed block."""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from tailbench import registry
from tailbench.compute.distributed import process_group
from tailbench.data import ImageLayout, Variant, as_values
from tailbench.exceptions import InputError
from tailbench.io.arrays import images_of, open_array, read_array
from tailbench.io.checksums import read_record, verified, write_sums, write_text
from tailbench.metrics.base import ImageContext, rows_without
from tailbench.pipeline.config.seed_blocks import parse_block
from tailbench.pipeline.results.failures import Job
from tailbench.pipeline.results.layout import METRIC_FILES, classifier_folder, space_folder
from tailbench.pipeline.runtime.gpu_slots import hold_gpu_for
from tailbench.pipeline.runtime.light_imports import import_tailestim
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
from tailbench.registry import make_dataset
from tailbench.rng.seeds import metric_generator
from tailbench.stats.shared_work import shared_work

__all__ = ["COLUMNS", "run"]

COLUMNS = ["dataset", "method", "variant", "seed", "metric", "value", "seconds"]


def declared(
    method: str, data: Path, output: Path, samples: Path | None, features: Path | None, **_: Any
) -> Job:
    """Describe the job for the record of its failure."""
    inputs = [data] if samples is None else [data, samples.parent]
    if features is not None and features.is_dir():
        inputs += [folder for folder in features.iterdir() if folder.is_dir()]
    return Job(f"evaluate {method}", [output.parent / name for name in METRIC_FILES], inputs)


def run(
    dataset: Dataset,
    method: Annotated[str, typer.Option(help="Name of the method, or floor for real data.")],
    seeds: Seeds,
    spec: Spec,
    data: DataFolder,
    output: OutputFile,
    samples: Annotated[Path | None, typer.Option(help="File of samples.")] = None,
    features: Annotated[
        Path | None, typer.Option(help="Folder of the features and the classifier, for images.")
    ] = None,
    device: Device = "cpu",
    threads: Threads = 1,
    processes: Processes = 1,
    per_node: PerNode = 8,
) -> None:
    """Write one row per variant, seed and metric.

    Raises:
        InputError: If a file is missing or damaged.
    """
    relaunch_with_torchrun(processes, per_node, device)
    import_tailestim()
    meta, images = read_record(data / "meta.json"), images_of(data)
    origin = make_dataset({"type": meta["type"], **meta["settings"]}) if meta["synthetic"] else None
    truth = None if origin is None else origin.target()
    test = read_array(data / "test.npy")
    metrics: list[Any] = [
        (name, metric)
        for name, entry in sorted(json.loads(spec).items())
        if (metric := _metric(entry)).applies(truth, images)
    ]
    spaces = {metric.space for _, metric in metrics} - {None}
    train = partial(_train, data, samples is None)
    lines = io.StringIO()
    with hold_gpu_for(device), process_group(device) as team:
        known = _known(images, spaces, features, device, max(1, threads // team.count))
        writer = csv.writer(lines, lineterminator="\n")
        writer.writerow(COLUMNS)
        drawn = _floor(data) if samples is None else _variants(samples, test.shape[1])
        for variant, block_samples in drawn:
            for e, number in enumerate(parse_block(seeds)):
                x, y = np.asarray(block_samples[e]), np.asarray(test[e])
                with shared_work(x, y):
                    for name, metric in metrics:
                        if metric.space is None and not team.first:
                            continue
                        given = {"train": train(e)} if metric.needs_train else {}
                        rng = metric_generator(name, dataset, number)
                        begin = time.monotonic()
                        values = metric(x, y, truth, rng, known, **given)
                        seconds = time.monotonic() - begin
                        writer.writerows(
                            [dataset, method, variant, number, key, repr(float(value)), seconds]
                            for key, value in values.items()
                        )
            if team.first:
                shown = Variant(method, variant).text
                print(f"{dataset}, {shown}: {len(metrics)} metrics of seeds {seeds}", flush=True)
        if team.first:
            write_sums(output.parent, {output.name: write_text(output, lines.getvalue())})


def _metric(entry: dict[str, Any]) -> Any:
    settings = dict(entry)
    return registry.load("metrics", settings.pop("type"))(**settings)


def _known(
    images: ImageLayout | None,
    spaces: Iterable[str],
    folder: Path | None,
    device: str,
    threads: int,
) -> ImageContext | None:
    """Read what metrics in some feature spaces are told; nothing if there is no such metric."""
    spaces = set(spaces)
    if images is None or not spaces:
        return None
    if folder is None:
        raise InputError("metrics of images need the folder of features")
    import torch

    torch.set_num_threads(threads)
    by_classifier: dict[str, Any] = {}
    if "classifier" in spaces:
        network = Path(classifier_folder(folder))
        shares = read_record(network / "classifier.json")["shares"]
        by_classifier = {
            "classifier": verified(network / "classifier.safetensors"),
            "shares": np.asarray(shares, dtype=np.float64),
        }
    return ImageContext(
        images,
        {
            space: read_array(Path(space_folder(folder, space), "features.npy"))[0]
            for space in spaces
        },
        device=device,
        **by_classifier,
    )


def _train(data: Path, floor: bool, e: int) -> NDArray[Any]:
    """Read the training rows of a seed; for the floor, those that are not used as samples.

    The floor of real data is drawn from the training rows, and would be found there.
    """
    train = open_array(data / "train.npy")[e]
    return as_values(rows_without(train, open_array(data / "floor.npy")[e]) if floor else train)


def _floor(data: Path) -> Iterator[tuple[str, NDArray[Any]]]:
    """Read real data in place of samples, ``(E, n, d)``."""
    yield "", read_array(data / "floor.npy")


def _variants(path: Path, n: int) -> Iterator[tuple[str, NDArray[Any]]]:
    """Read the first samples of one variant after another, each ``(E, n, d)``, in their own order.

    The floor is that of ``n`` rows, and most values fall as the number of rows grows.
    """
    array = open_array(path)
    for number, variant in enumerate(read_record(path.with_name("record.json"))["variants"]):
        yield variant["variant"], as_values(array[number, :, :n])
