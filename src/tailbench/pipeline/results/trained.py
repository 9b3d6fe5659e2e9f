"""Trained models out of the results of a run, ready to sample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from tailbench import registry
from tailbench.exceptions import InputError
from tailbench.io.arrays import read_rows
from tailbench.io.checksums import read_plain, read_record
from tailbench.models.persistence import load_method, load_model
from tailbench.models.settings import SamplingSettings
from tailbench.pipeline.config.model import Config
from tailbench.pipeline.config.parse import parse
from tailbench.pipeline.config.seed_blocks import parse_block
from tailbench.pipeline.planning.plan import Plan
from tailbench.pipeline.results.layout import Layout

__all__ = ["Source", "load", "source_of"]

CHOICE, ROWS = "choice.json", "columns.npy"  # beside a model that tailbench choose has kept


def load(
    folder: str | Path,
    method: str | None = None,
    *,
    dataset: str | None = None,
    seed: int | None = None,
    variant: str | None = None,
    device: str = "auto",
) -> Any:
    """Read a fitted model: from the folder of a model, or from the results of a run.

    Args:
        folder: What ``save`` has written, or ``results/{name}`` of a run.
        method: Name of a method of the run; required if the dataset has several.
        dataset: Name of a dataset of the run; required if there are several.
        seed: Number of the seed; the first of the dataset by default.
        variant: Variant of a method with a sweep, such as ``sigma_T=2``; the first by default.
        device: Where to sample.

    Returns:
        A model whose ``sample(n)`` gives ``(n, d)`` by the settings of the method, with the
        ``sigma_T`` that the run has chosen for the seed. A model from its own folder is as it was
        saved.

    Raises:
        InputError: If there is no such folder, method, dataset, seed or variant, a file is missing
            or corrupt, or the method has no trained model, as ``samples`` and ``oracle``.
    """
    folder = Path(folder)
    if (folder / "spec.json").is_file():
        return load_model(folder, device)
    layout = Layout(str(folder))
    config = _config(folder)
    dataset = _chosen("dataset", dataset, list(config.datasets), folder)
    method = _chosen("method", method, config.methods_on(dataset), folder)
    block, position = _place(config.seed_blocks_on(dataset), seed, folder)
    entry = config.methods[method]
    settings = cast(SamplingSettings, entry.settings)
    points = settings.variants()
    label = variant if variant is not None else next(iter(points))
    if label not in points:
        raise InputError(
            f"{folder}: the method {method!r} has no variant {label!r} (known: {', '.join(points)})"
        )
    parts = Plan(config).parts(method)
    if not any(parts.values()):
        raise InputError(f"{folder}: the method {method!r} has no trained model")
    folders = {
        role: [Path(layout.model(dataset, name, block)) for name in names]
        for role, names in parts.items()
    }
    model = load_method(entry.type, folders, device).of_seed(position)
    model.sampling, model.default_method = points[label], entry.type
    if settings.tuning_runs:
        record = read_record(Path(layout.samples(dataset, method, block)) / "record.json")
        (level,) = (row["sigma_T"] for row in record["variants"] if row["variant"] == label)
        model.sampling = points[label].model_copy(update={"sigma_T": level[position]})
    return model


def _config(folder: Path) -> Config:
    path = folder / "config.json"
    if not path.is_file():
        raise InputError(
            f"{folder} has neither a model (spec.json) nor the results of a run (config.json)"
        )
    return parse(read_record(path), str(path))


def _chosen(what: str, name: str | None, known: Sequence[str], folder: Path) -> str:
    """Return the name that is given, or the only one."""
    if name is None and len(known) > 1:
        raise InputError(f"{folder} has several {what}s: name one of {', '.join(known)}")
    if name is not None and name not in known:
        raise InputError(f"{folder} has no {what} {name!r}{registry.nearest(name, known)}")
    return known[0] if name is None else name


def _place(blocks: Sequence[str], seed: int | None, folder: Path) -> tuple[str, int]:
    """Return the block of a seed, and its position in it."""
    for block in blocks:
        seeds = parse_block(block)
        if seed is None or seed in seeds:
            return block, 0 if seed is None else seeds.index(seed)
    raise InputError(f"{folder} has no seed {seed} (seeds: {', '.join(blocks)})")


@dataclass(frozen=True)
class Source:
    """What is known of the data of a trained model.

    Attributes:
        columns: Their names, if they are known.
        train: The training rows of the seed, if they are there; of a choice each column sorted by
            itself, so that quantiles are those of the rows and rows are none.
    """

    columns: tuple[str, ...] = ()
    train: NDArray[np.float64] | None = None


def _values(path: Path) -> NDArray[np.float64] | None:
    """Read the sorted columns of a choice, which earlier versions have not kept."""
    if not path.is_file():
        return None
    try:
        return np.asarray(np.load(path, allow_pickle=False), dtype=np.float64)
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"{path} is corrupt: {error}; choose again") from None


def source_of(folder: str | Path, dataset: str | None = None, seed: int | None = None) -> Source:
    """Read what a run knows of the data of a dataset, and a choice of its columns.

    Args:
        folder: Folder of a model, or ``results/{name}`` of a run.
        dataset: Name of a dataset of the run; required if there are several.
        seed: Number of the seed; the first of the dataset by default.

    Raises:
        InputError: If there is no such dataset or seed, or a file is missing or corrupt.
    """
    folder = Path(folder)
    if (folder / "spec.json").is_file():
        if not (folder / CHOICE).is_file():
            return Source()
        return Source(tuple(read_plain(folder / CHOICE)["columns"]), _values(folder / ROWS))
    config = _config(folder)
    dataset = _chosen("dataset", dataset, list(config.datasets), folder)
    block, position = _place(config.seed_blocks_on(dataset), seed, folder)
    data = Path(Layout(str(folder)).data(dataset, block))
    columns = tuple(read_record(data / "meta.json")["columns"])
    return Source(columns, np.asarray(read_rows(data / "train.npy")[position]))
