"""What figures read: the files of a results folder, each when it is first asked for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tailbench.data import Variant, as_values
from tailbench.exceptions import InputError
from tailbench.io.arrays import open_array
from tailbench.io.checksums import ADVICE, SUMS, read_plain, read_record, verified
from tailbench.pipeline.results.failures import read_failure
from tailbench.pipeline.results.layout import Layout

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ResultsReader", "Samples", "read_metrics"]

Array = NDArray[np.floating]

NUMBERS = (
    *("value", "floor", "ratio", "nfe", "train_seconds", "sample_seconds"),
    *("sigma_T", "peak_memory_mb"),
)
"""Columns of the metrics in which an empty place is a missing number."""


class ResultsReader:
    """The content of a results folder.

    Where the folder holds a plan, only its cells are seen: results of an earlier configuration
    that lie beside them are not.

    Args:
        results: The folder.
        first: Whether of each dataset the first block of seeds is seen alone.
    """

    def __init__(self, results: str | Path, first: bool = False) -> None:
        self.results = Path(results)
        self.layout = Layout(str(results))
        self._first = first

    @cached_property
    def first_block(self) -> ResultsReader:
        """The same folder, of which the first block of seeds of each dataset is seen alone."""
        return ResultsReader(self.results, first=True)

    @cached_property
    def config(self) -> dict[str, Any]:
        """The completed configuration, as a user would write it; empty if there is none."""
        path = Path(self.layout.config)
        return read_plain(_whole(path)) if path.is_file() else {}

    def entry(self, section: str, name: str) -> dict[str, Any]:
        """The type and the settings of an entry of the configuration; empty if there is none."""
        return dict((self.config.get(section) or {}).get(name) or {})

    @cached_property
    def plan(self) -> dict[str, Any]:
        """The plan; empty if there is none."""
        path = Path(self.layout.plan)
        return read_plain(_whole(path)) if path.is_file() else {}

    @cached_property
    def metrics(self) -> pd.DataFrame:
        """The tidy metrics.

        Raises:
            InputError: If they are missing or damaged.
        """
        path = Path(self.layout.metrics_table)
        if not path.is_file():
            raise InputError(f"the metrics {path} do not exist")
        return read_metrics(_whole(path))

    @cached_property
    def datasets(self) -> tuple[str, ...]:
        """The datasets, in the order of the configuration."""
        named = self.config.get("datasets")
        return self._in_order(0, named) if named else _children(self.results / "data")

    @cached_property
    def methods(self) -> tuple[str, ...]:
        """The methods of the configuration, on whatever dataset, in its order."""
        named = self.config.get("methods")
        if named:
            return self._in_order(1, named)
        found = (_children(self.results / "samples" / name) for name in self.datasets)
        return tuple(dict.fromkeys(method for names in found for method in names))

    def _in_order(self, place: int, names: Iterable[str]) -> tuple[str, ...]:
        """Order names as the cells of the plan are, since the stored configuration is sorted."""
        cells = [cell for cell in self.plan.get("cells") or [] if len(cell) > place]
        rank = {cell[place]: i for i, cell in reversed(list(enumerate(cells)))}
        return tuple(sorted(names, key=lambda name: rank.get(name, len(cells))))

    def chosen_methods(self) -> set[str]:
        """Return the methods whose sigma_T was chosen from data, without a sweep over it."""
        given = ((name, self.entry("methods", name).get("sigma_T")) for name in self.methods)
        return {name for name, level in given if isinstance(level, str)}

    def base_model(self, name: str) -> str:
        """Return the configuration's model that a model is derived from, or its own name."""
        return str(((self.plan.get("models") or {}).get(name) or {}).get("base", name))

    def train(self, dataset: str) -> Array:
        """The training data of all seeds, shape ``(E, n, d)``."""
        return self._split(dataset, "train")

    def test(self, dataset: str) -> Array:
        """The held-out data of all seeds, shape ``(E, n, d)``."""
        return self._split(dataset, "test")

    def floor(self, dataset: str) -> Array:
        """Real data of the size of the held-out ones, shape ``(E, n, d)``."""
        return self._split(dataset, "floor")

    def meta(self, dataset: str) -> dict[str, Any]:
        """What is written beside the data of the first block; empty if nothing is."""
        pattern = f"{self.layout.data(dataset)}/meta.json"
        path = next(self._blocks(dataset, pattern), None)
        return {} if path is None else read_record(path)

    def samples(self, dataset: str) -> Samples:
        """The samples of every variant, shape ``(E, n, d)``, read when looked up."""
        places: dict[Variant, list[tuple[Path, int]]] = {}
        for path in self._sample_files(dataset):
            record = read_record(path.with_name("record.json"))
            for number, found in enumerate(record["variants"]):
                variant = Variant(record["method"], found["variant"], found["settings"])
                places.setdefault(variant, []).append((path, number))
        rank = {method: i for i, method in enumerate(self.methods)}
        order = sorted(
            places, key=lambda v: (rank.get(v.method, len(rank)), v.method, _natural(v.label))
        )
        return Samples({variant: places[variant] for variant in order})

    def history(self, dataset: str) -> pd.DataFrame:
        """The training histories of the models that have one, with a column ``model``.

        Raises:
            InputError: If one is not a table of numbers.
        """
        import pandas as pd

        columns = ["model", "seed", "step", "loss", "val_loss"]
        tables = []
        for model, path in self._models(dataset, "history.csv"):
            table = _table(verified(path))
            if len(table):  # a closed form has none, whose columns would have no type
                tables.append(table.assign(model=model))
        return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=columns)

    def norm_tail_index(self, dataset: str) -> float | None:
        """The exact tail exponent of the norm, that of the heaviest column; ``None`` if unknown."""
        known = [index for index in self.meta(dataset).get("tail_index") or [] if index is not None]
        return min(known) if known else None

    def specs(self, dataset: str) -> dict[str, list[dict[str, Any]]]:
        """What is written beside the models of a dataset: one mapping per block, by model."""
        found: dict[str, list[dict[str, Any]]] = {}
        for model, path in self._models(dataset, "spec.json"):
            found.setdefault(model, []).append(read_record(path))
        return found

    def _models(self, dataset: str, file: str) -> Iterator[tuple[str, Path]]:
        folder = Path(self.layout.models(dataset))
        for model in self.plan.get("models") or _children(folder):
            for path in self._blocks(dataset, f"{self.layout.model(dataset, model)}/{file}"):
                yield model, path

    def _sample_files(self, dataset: str) -> Iterator[Path]:
        cells = self.plan.get("cells")
        planned = {cell[1] for cell in cells or () if isinstance(cell, list) and cell[0] == dataset}
        for method in _children(self.results / "samples" / dataset):
            if not planned or method in planned:
                pattern = f"{self.layout.samples(dataset, method)}/samples.npy"
                yield from self._blocks(dataset, pattern)

    def _blocks(self, dataset: str, pattern: str) -> Iterator[Path]:
        """List the files of a dataset's blocks that are there, in the order of the seeds."""
        planned = self.entry("datasets", dataset).get("seeds") or self.config.get("seeds")
        folder = Path(pattern.partition("/{block}")[0])
        paths = (Path(pattern.replace("{block}", block)) for block in planned or _children(folder))
        return islice(filter(_has_result, paths), 1 if self._first else None)

    def _split(self, dataset: str, part: str) -> Array:
        pattern = f"{self.layout.data(dataset)}/{part}.npy"
        paths = list(self._blocks(dataset, pattern))
        if not paths:
            folder = Path(pattern).parent.parent
            raise InputError(f"there are no data of {dataset!r} in {folder}")
        return np.concatenate([_values(open_array(path)) for path in paths])


def _has_result(path: Path) -> bool:
    """Whether a file is there, and not in the place of what a failed job would have written."""
    return path.is_file() and read_failure(path.parent) is None


class Samples(Mapping[Variant, Array]):
    """Samples by variant; nothing is read before it is looked up, and nothing is kept."""

    def __init__(self, places: Mapping[Variant, list[tuple[Path, int]]]) -> None:
        self._places = places

    def __getitem__(self, variant: Variant) -> Array:
        """Read the samples of a variant, shape ``(E, n, d)``."""
        places = self._places[variant]
        return np.concatenate([_values(open_array(path)[number]) for path, number in places])

    def __iter__(self) -> Iterator[Variant]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def by_method(self) -> dict[str, list[Variant]]:
        """Return the variants of each method."""
        found: dict[str, list[Variant]] = {}
        for variant in self:
            found.setdefault(variant.method, []).append(variant)
        return found


def read_metrics(path: Path) -> pd.DataFrame:
    """Read a file of tidy metrics.

    Raises:
        InputError: If it is missing, or no table.
    """
    if not path.is_file():
        raise InputError(f"the metrics {path} do not exist")
    return _table(
        path,
        dtype={"dataset": str, "method": str, "variant": str, "settings": str},
        keep_default_na=False,  # a variant without a name, a dataset called NA
        na_values={name: ["", "nan"] for name in NUMBERS},
    )


def _whole(path: Path) -> Path:
    """Return the path of a file whose checksum is right, where there are checksums beside it."""
    return verified(path) if path.with_name(SUMS).is_file() else path


def _table(path: Path, **options: Any) -> pd.DataFrame:
    """Read a CSV file.

    Raises:
        InputError: If it is no table.
    """
    import pandas as pd

    try:
        return pd.read_csv(path, **options)
    except ValueError as error:  # of parsing, or of decoding
        reason = " ".join(str(error).split())
        raise InputError(f"{path} is corrupt ({reason}); {ADVICE}") from None


def _children(folder: Path) -> tuple[str, ...]:
    if not folder.is_dir():
        return ()
    names = (path.name for path in folder.iterdir() if not path.name.startswith("."))
    return tuple(sorted(names, key=_natural))


def _natural(text: str) -> tuple[list[float | str], ...]:
    """Return a key that sorts ``s=2`` before ``s=10``, and numbers before words."""
    parts = re.split(r"(\d+\.?\d*(?:e[-+]?\d+)?)", text)
    return tuple([float(part)] if i % 2 else [part] for i, part in enumerate(parts))


def _values(stored: NDArray[Any]) -> Array:
    return as_values(stored, np.float64 if stored.dtype == np.float64 else np.float32)
