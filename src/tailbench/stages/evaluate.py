"""Stage ``evaluate``: compute the metrics of the samples of a block of members."""

from __future__ import annotations

import csv
import json
import time
from pathlib import Path
from typing import Any

from tailbench import registry
from tailbench.catalog import source
from tailbench.files import replacing
from tailbench.seeds import generator_for, parse_block
from tailbench.stages._files import read_arrays, read_json

__all__ = ["COLUMNS", "run"]

COLUMNS = ["dataset", "method", "family", "seed", "metric", "value", "seconds"]


def run(
    dataset: str,
    family: str,
    block: str,
    spec: str,
    data: Path,
    output: Path,
    samples: Path | None = None,
) -> None:
    """Write one row per variant, member and metric.

    Args:
        dataset: Name of the dataset in the configuration.
        family: Name of the method in the configuration; ``"floor"`` for real data.
        block: Block of seeds.
        spec: Types and settings of the metrics, as JSON.
        data: Folder of the data of the block.
        output: The CSV file to write.
        samples: The samples; none for the floor, which is made of real data.

    Raises:
        InputError: If a file is missing or damaged.
    """
    meta = read_json(data / "meta.json")
    origin = source({"type": meta["type"], **meta["settings"]}) if meta["synthetic"] else None
    truth = None if origin is None else origin.target()
    arrays = read_arrays(data / "test.safetensors")
    drawn = {"floor": arrays["floor"]} if samples is None else read_arrays(samples)
    metrics: list[Any] = [
        (name, metric)
        for name, entry in sorted(json.loads(spec).items())
        if (metric := _metric(entry)).applies(truth)
    ]
    with replacing(output) as temporary, temporary.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for variant, block_samples in drawn.items():
            for e, member in enumerate(parse_block(block)):
                for name, metric in metrics:
                    begin = time.monotonic()
                    values = metric(
                        block_samples[e],
                        arrays["test"][e],
                        truth,
                        generator_for("metric", name, dataset, member),
                    )
                    seconds = time.monotonic() - begin
                    for key, value in values.items():
                        writer.writerow(
                            [dataset, variant, family, member, key, repr(float(value)), seconds]
                        )
            print(f"{dataset}, {variant}: {len(metrics)} metrics of seeds {block}", flush=True)


def _metric(entry: dict[str, Any]) -> Any:
    settings = dict(entry)
    return registry.load("metrics", settings.pop("type"))(**settings)
