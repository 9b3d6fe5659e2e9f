"""What all real data share: the split into train, test and floor."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tailbench.data import DataShape, DataSplits
from tailbench.exceptions import InputError
from tailbench.interfaces import Target
from tailbench.io.numeric_columns import SINGLE, check_numbers
from tailbench.rng.seeds import generator_for
from tailbench.settings import Settings

__all__ = ["UNKNOWN_DIM", "UNKNOWN_ROWS", "BaseDataset", "DatasetSettings"]

UNKNOWN_ROWS, UNKNOWN_DIM = 100_000, 32
ROUNDING = 64  # units in the last place within which values are equal

Array = NDArray[np.float64]


class DatasetSettings(Settings):
    """Settings that every data set has."""

    test_fraction: float = Field(
        0.25, gt=0, lt=1, description="Fraction of the rows that is held out from training."
    )

    def shape(self) -> DataShape:
        """Return the size of the data as far as it is known without reading them: a guess."""
        return DataShape(UNKNOWN_ROWS, UNKNOWN_DIM)


class BaseDataset:
    """A table of real data, whose law is not known.

    Subclasses set ``Settings`` and write ``read``. The data are the same for every seed, and
    read once by an object; what differs between seeds is the subset used as floor.

    Args:
        settings: Settings of the data set; made from ``options`` if not given.
        options: Values of single settings.

    Raises:
        TypeError: If both ``settings`` and ``options`` are given.
        pydantic.ValidationError: If a setting is unknown or out of its range.
    """

    kind: ClassVar[str] = "datasets"
    name: ClassVar[str]
    Settings: ClassVar[type[DatasetSettings]] = DatasetSettings
    settings: DatasetSettings

    def __init__(self, settings: DatasetSettings | None = None, **options: Any) -> None:
        if settings is not None and options:
            raise TypeError("give either a settings object or single settings, not both")
        self.settings = self.Settings(**options) if settings is None else settings

    @property
    def source(self) -> str:
        """What messages call the data."""
        return f"the data set {self.name!r}"

    @property
    def split(self) -> Literal["chronological", "random", "grouped"]:
        """How rows are held out: the last ones, a random subset, or whole random groups."""
        return "chronological"

    def groups(self) -> NDArray[Any]:
        """Return the group of each row, shape ``(n,)``, where the split is by groups."""
        raise NotImplementedError

    def files(self) -> tuple[Path, ...]:
        """List the user's files that the data come from."""
        return ()

    def read(self) -> tuple[Array, tuple[str, ...]]:
        """Read the rows, shape ``(n, d)``, the oldest first, and the names of the columns."""
        raise NotImplementedError

    def dates(self) -> Sequence[str] | None:
        """Return the date of each row, such as ``2018-12-31``; ``None`` if rows have none."""
        return None

    def periods(self) -> dict[str, tuple[str, str]]:
        """Return the first and the last date of ``train`` and ``test``; empty without dates.

        Rows that are held out at random have no period.
        """
        days = self.dates() if self.split == "chronological" else None
        if days is None:
            return {}
        n_train, size = len(self._parts[0]), min(map(len, self._parts[:2]))
        held_out = days[n_train : n_train + size]
        return {"train": (days[0], days[n_train - 1]), "test": (held_out[0], held_out[-1])}

    def target(self) -> Target | None:
        """The exact law of the data: not known."""
        return None

    def check(self, min_rows: int) -> None:
        """Read the data and check that a model can be trained on them.

        Args:
            min_rows: Least number of training rows.

        Raises:
            InputError: If the data cannot be read, hold what is not a finite number of single
                precision, have a constant column, or have too few rows.
        """
        train, test, _ = self._parts
        if len(train) < min_rows:
            raise InputError(
                f"{self.source} has {len(train) + len(test)} rows, of which {len(train)} are for "
                f"training, fewer than the {min_rows} that are needed"
            )

    def splits(self, name: str, seed: int) -> DataSplits:
        """Return train, test and, drawn from train, floor.

        If there are fewer rows to train on than to test on, floor is all of train, and test
        its first rows of the same number.

        Args:
            name: Name of the data set in the configuration, which seeds the floor.
            seed: Number of the seed, which seeds the floor too.

        Raises:
            InputError: As ``check``, but for the number of training rows.
        """
        train, test, columns = self._parts
        size = min(len(train), len(test))
        rows = generator_for("data", name, "floor", seed).choice(len(train), size, replace=False)
        return DataSplits(
            train=train, test=test[:size], floor=train[np.sort(rows)], columns=columns
        )

    @cached_property
    def _parts(self) -> tuple[Array, Array, tuple[str, ...]]:
        """Rows to train on, rows held out, and the names of the columns, all checked."""
        x, columns = self.read()
        if x.size == 0:
            raise InputError(f"{self.source} is empty")
        n_test = round(len(x) * self.settings.test_fraction)
        n_train = len(x) - n_test
        if min(n_test, n_train) < 2:
            raise InputError(
                f"{self.source} has {len(x)} rows, too few to hold out the share "
                f"{self.settings.test_fraction:g} of them (test_fraction)"
            )
        check_numbers(x, columns, self.source, SINGLE)
        if self.split == "random":
            x = x[generator_for("data", self.name, "split").permutation(len(x))]
        elif self.split == "grouped":
            x, n_train = self._hold_out_groups(x, n_train)
        for values, column in zip(x[:n_train].T, columns, strict=True):
            if np.ptp(values) <= ROUNDING * np.spacing(np.abs(values).max()):
                raise InputError(
                    f"column {column!r} of {self.source} is constant over the {n_train} rows for "
                    f"training: {values[0]:g}"
                )
        return x[:n_train], x[n_train:], columns

    def _hold_out_groups(self, x: Array, n_train: int) -> tuple[Array, int]:
        """Return the rows with those held out last, no group of which is trained on, and where.

        Args:
            x: Rows, shape ``(n, d)``.
            n_train: Number of rows to train on, which is kept to as nearly as groups allow.

        Raises:
            InputError: If there is one group alone.
        """
        names, group = np.unique(self.groups(), return_inverse=True)
        if len(names) < 2:
            raise InputError(f"{self.source} has one group of rows, and none can be held out")
        place = generator_for("data", self.name, "split").permutation(len(names))[group]
        ends = np.cumsum(np.bincount(place))[:-1]
        nearest = int(ends[np.argmin(np.abs(ends - n_train))])
        return x[np.argsort(place, kind="stable")], nearest
