"""Stage ``data``: draw or read the training, test and floor data of a seed block."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from tailbench.io.arrays import write_array
from tailbench.io.checksums import write_record, write_sums
from tailbench.pipeline.config.preflight import check_columns
from tailbench.pipeline.config.seed_blocks import parse_block
from tailbench.pipeline.results.failures import Job
from tailbench.pipeline.results.layout import DATA_FILES, PARTS
from tailbench.pipeline.stages.options import Dataset, OutputFolder, Seeds, Spec
from tailbench.registry import make_dataset

__all__ = ["declared", "run"]


def declared(dataset: str, folder: Path, fetched: Path | None, **_: Any) -> Job:
    """Describe the job for the record of its failure."""
    inputs = [] if fetched is None else [fetched.parent]
    return Job(f"data {dataset}", [folder / name for name in DATA_FILES], inputs)


def run(
    dataset: Dataset,
    seeds: Seeds,
    spec: Spec,
    folder: OutputFolder,
    fetched: Annotated[Path | None, typer.Option(help="Downloaded source file, if any.")] = None,
) -> None:
    """Write the arrays ``(E, n, d)`` of the data, and ``meta.json``, into a folder.

    The arrays are ``train.npy``, ``test.npy`` and ``floor.npy``. The classes of their rows,
    ``(E, n)``, are in ``train_labels.npy`` and so on, which are empty, ``(E, 0)``, where no class
    is known: rules of Snakemake have the same files for every dataset.

    Raises:
        InputError: If the data cannot be used.
    """
    described = json.loads(spec)
    columns = {key: described.pop(key) for key in ("support", "atoms") if key in described}
    origin = make_dataset(described if fetched is None else {**described, "path": str(fetched)})
    numbers = parse_block(seeds)
    splits = [origin.splits(dataset, number) for number in numbers]
    if columns:
        check_columns(origin, splits, **columns)
    sums = {}
    for part in PARTS:
        rows = [getattr(s, part) for s in splits]
        labels = [s.labels.get(part, np.empty(0, np.int64)) for s in splits]
        for name, parts in ((f"{part}.npy", rows), (f"{part}_labels.npy", labels)):
            sums[name] = write_array(folder / name, parts)
    truth = origin.target()
    index = None if truth is None else truth.tail_index()
    type_ = described.pop("type")
    meta = {
        "type": type_,
        "settings": described,
        "seeds": numbers,
        "columns": list(splits[0].columns),
        "synthetic": truth is not None,
        "images": None if splits[0].images is None else asdict(splits[0].images),
        "rows": {"train": len(splits[0].train), "test": len(splits[0].test)},
        "dates": origin.periods() if hasattr(origin, "periods") else {},
        "tail_index": None
        if index is None
        else [float(a) if np.isfinite(a) else None for a in index],
        **columns,
    }
    write_sums(folder, {**sums, "meta.json": write_record(folder / "meta.json", meta)})
    print(
        f"{dataset}, seeds {seeds}: {meta['rows']['train']} training and "
        f"{meta['rows']['test']} test rows of {len(meta['columns'])} columns"
    )
