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
from tailbench.io.tables import numbers_of, read_table, repeated
from tailbench.registry import nearest, register
from tailbench.settings import UserPath

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["File", "FileSettings"]


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
    equal; nothing is dropped, filled in or rescaled. The columns of a NPY file are named by
    their numbers from zero, and pickled objects in it are refused. The index of a data frame
    in a Parquet file is not a column.
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
                column is unknown, not numeric, or there twice.
        """
        return self._choose(read_table(Path(self.settings.path)))

    def _choose(self, table: pd.DataFrame) -> tuple[NDArray[np.float64], tuple[str, ...]]:
        """Return the chosen columns as numbers."""
        known = list(table.columns)
        chosen = known
        if self.settings.columns is not None:
            chosen = [str(column) for column in self.settings.columns]
            for column in chosen:
                if column not in known:
                    raise InputError(
                        f"{self.source} has no column {column!r}{nearest(column, known)}"
                    )
        elif "" in known:
            raise InputError(
                f"column {known.index('') + 1} of {self.source} has no name: "
                "list the columns to use under 'columns'"
            )
        advice = "" if self.settings.columns else ": list the numeric columns under 'columns'"
        values = [numbers_of(table, column, self.source, advice) for column in chosen]
        return np.stack(values, axis=1), tuple(chosen)
