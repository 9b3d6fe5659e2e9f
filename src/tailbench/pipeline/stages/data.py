"""Stage ``data``: draw or read the training, test and floor data of a block of members."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from tailbench.io.arrays import write_rows
from tailbench.io.checksums import write_record
from tailbench.pipeline.config.seed_blocks import parse_block
from tailbench.pipeline.stages.options import Dataset, OutputFolder, Seeds, Spec
from tailbench.registry import source

__all__ = ["run"]


def run(
    dataset: Dataset,
    seeds: Seeds,
    spec: Spec,
    folder: OutputFolder,
    fetched: Annotated[Path | None, typer.Option(help="Downloaded source file, if any.")] = None,
) -> None:
    """Write ``train.safetensors``, ``test.safetensors`` and ``meta.json`` into a folder.

    The tensors are ``train``, ``test`` and ``floor``, and the classes of their rows, where they
    are known, ``train_labels``, ``test_labels`` and ``floor_labels``.

    Raises:
        InputError: If the data cannot be used.
    """
    described = json.loads(spec)
    origin = source(described if fetched is None else {**described, "path": str(fetched)})
    members = parse_block(seeds)
    splits = [origin.splits(dataset, member) for member in members]
    checksums = {}
    for file, parts in (("train", ["train"]), ("test", ["test", "floor"])):
        rows = {part: [getattr(s, part) for s in splits] for part in parts}
        for part in parts:
            if part in splits[0].labels:
                rows[f"{part}_labels"] = [s.labels[part] for s in splits]
        path = folder / f"{file}.safetensors"
        checksums[path.name] = write_rows(path, rows)
    truth = origin.target()
    index = None if truth is None else truth.tail_index()
    type_ = described.pop("type")
    meta = {
        "type": type_,
        "settings": described,
        "members": members,
        "columns": list(splits[0].columns),
        "synthetic": truth is not None,
        "images": None if splits[0].images is None else asdict(splits[0].images),
        "rows": {"train": len(splits[0].train), "test": len(splits[0].test)},
        "tail_index": None
        if index is None
        else [float(a) if np.isfinite(a) else None for a in index],
        "sha256": checksums,
    }
    write_record(folder / "meta.json", meta)
    print(
        f"{dataset}, seeds {seeds}: {meta['rows']['train']} training and "
        f"{meta['rows']['test']} test rows of {len(meta['columns'])} columns"
    )
