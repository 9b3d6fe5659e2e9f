"""A table of the user's own."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, StrictInt, StrictStr, field_validator

from tailbench.data import DataShape
from tailbench.datasets.base import UNKNOWN_DIM, UNKNOWN_ROWS, BaseDataset, DatasetSettings
from tailbench.exceptions import InputError
from tailbench.io.column_kinds import what_it_is
from tailbench.io.numeric_columns import SINGLE, numbers_of
from tailbench.io.tables import read_table, repeated
from tailbench.registry import nearest, register
from tailbench.settings import UserPath

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["File", "FileSettings"]

ADVICE = ": list the numeric columns to use under 'columns'"


class FileSettings(DatasetSettings):
    """Settings of a user's file."""

    test_settings: ClassVar[Mapping[str, Any]] = {"path": "data.csv"}

    path: UserPath = Field(
        min_length=1,
        description="A .csv file with a header, a .parquet file, or a .npy file of one or two "
        "axes, rows first.",
    )
    columns: tuple[StrictStr | StrictInt, ...] | None = Field(
        None,
        min_length=1,
        description="Names of the columns to use, for a .npy file numbers from 0; "
        "by default all of them.",
    )
    split: Literal["chronological", "random"] = Field(
        "chronological", description="Whether the last rows are held out, or random ones."
    )

    def shape(self) -> DataShape:
        """Return the size of the data, judged by the length of the file: four bytes a number."""
        dim = len(self.columns) if self.columns else UNKNOWN_DIM
        try:
            rows = math.ceil(Path(self.path).stat().st_size / (4 * dim))
        except OSError:
            rows = UNKNOWN_ROWS
        return DataShape(max(rows, 2), dim)

    @field_validator("columns")
    @classmethod
    def _once(cls, columns: tuple[str | int, ...] | None) -> tuple[str | int, ...] | None:
        twice = repeated([str(column) for column in columns or ()])
        if twice is not None:
            raise ValueError(f"columns names {twice!r} twice")
        return columns


@register
class File(BaseDataset):
    """Numbers from a CSV, Parquet or NPY file of the user's.

    The columns that are used have to hold finite numbers of single precision that are not all
    equal; nothing is dropped, filled in or rescaled. Without ``columns``, one that holds dates or
    numbers the rows is refused too. Separator, decimal comma and encoding of a CSV file are found
    by its first lines. The columns of a NPY file are named by their numbers from zero, and pickled
    objects in it are refused. The index of a data frame in a Parquet file is not a column.
    """

    Settings = FileSettings
    settings: FileSettings

    @property
    def source(self) -> str:
        """What messages call the data: the path."""
        return self.settings.path

    @property
    def split(self) -> Literal["chronological", "random"]:
        """How rows are held out: the last ones, or a random subset."""
        return self.settings.split

    def files(self) -> tuple[Path, ...]:
        """List the file."""
        return (Path(self.settings.path),)

    def read(self) -> tuple[NDArray[np.float64], tuple[str, ...]]:
        """Read the chosen columns, shape ``(n, d)``, and their names.

        Raises:
            InputError: If the file is missing, unreadable, or without a usable header, or a
                column is unknown, there twice, or not of finite numbers, all of which are named;
                or if without a choice of columns one holds dates or numbers the rows.
        """
        return self._choose(read_table(Path(self.settings.path)))

    def _choose(self, table: pd.DataFrame) -> tuple[NDArray[np.float64], tuple[str, ...]]:
        """Return the chosen columns as numbers."""
        known, chosen = list(table.columns), self.settings.columns
        if chosen is None:
            self._refuse_labels(table)
            return numbers_of(table, known, self.source, ADVICE, SINGLE), tuple(known)
        names = [str(column) for column in chosen]
        for name in names:
            if name not in known:
                raise InputError(f"{self.source} has no column {name!r}{nearest(name, known)}")
        return numbers_of(table, names, self.source, "", SINGLE), tuple(names)

    def _refuse_labels(self, table: pd.DataFrame) -> None:
        """Check that no column is without a name, holds dates, or numbers the rows."""
        wrong = {}
        for number, name in enumerate(table.columns, 1):
            said = what_it_is(table, name)
            if name == "":
                wrong[f"column {number}"] = f"has no name{said and f' and {said}'}"
            elif said:
                wrong[f"column {name!r}"] = said
        if wrong:
            (where, said), *others = wrong.items()
            parts = [f"{where} of {self.source} {said}", *(f"{w} {s}" for w, s in others)]
            raise InputError("; ".join(parts) + ADVICE)
