"""A table of the user's own."""

from __future__ import annotations

import codecs
import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, StrictInt, StrictStr, field_validator, model_validator

from tailbench.data import DataShape
from tailbench.datasets.base import UNKNOWN_DIM, UNKNOWN_ROWS, BaseDataset, DatasetSettings
from tailbench.exceptions import InputError
from tailbench.io.column_kinds import what_it_is
from tailbench.io.date_column import read_dates
from tailbench.io.numeric_columns import SINGLE, numbers_of
from tailbench.io.tables import read_table, repeated
from tailbench.registry import nearest, register
from tailbench.settings import UserPath
from tailbench.stats.linear_dependence import dependent_columns

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["File", "FileSettings"]

ADVICE = ": list the numeric columns to use under 'columns'"
FORM = ("separator", "decimal", "encoding")

Array = NDArray[np.float64]


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
    separator: str | None = Field(
        None,
        min_length=1,
        max_length=1,
        description="What parts the fields of a .csv file; by default a comma, semicolon, tab or "
        "bar, as its first lines say.",
    )
    decimal: Literal[".", ","] | None = Field(
        None,
        description="The decimal sign of a .csv file; by default as its first lines say.",
    )
    encoding: str | None = Field(
        None,
        description="The encoding of a .csv file, as Python names it; by default UTF-8, UTF-16 if "
        "the file begins with its mark, or else Windows-1252.",
    )
    dates: StrictStr | StrictInt | None = Field(
        None,
        description="Name of the column that holds the dates of the rows, which is then none of "
        "the data. They have to rise if the last rows are held out.",
    )
    date_format: str | None = Field(
        None,
        description="How the dates are written, as '%d/%m/%Y'; by default as they can be read.",
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

    @field_validator("encoding")
    @classmethod
    def _known(cls, encoding: str | None) -> str | None:
        try:
            codecs.lookup(encoding or "utf-8")
        except LookupError:
            raise ValueError(f"Python knows no encoding {encoding!r}") from None
        return encoding

    @model_validator(mode="after")
    def _agree(self) -> Self:
        given = [key for key in FORM if getattr(self, key) is not None]
        if given and Path(self.path).suffix.lower() != ".csv":
            raise ValueError(f"{given[0]} is for a .csv file, and path is {self.path!r}")
        if self.dates is None and self.date_format is not None:
            raise ValueError("date_format is for the column that is named under dates")
        if self.dates is not None and str(self.dates) in map(str, self.columns or ()):
            raise ValueError(f"the column {self.dates!r} is under both dates and columns")
        return self


@register
class File(BaseDataset):
    """Numbers from a CSV, Parquet or NPY file of the user's.

    The columns that are used have to hold finite numbers of single precision that are not all
    equal, and none of them may be a linear function of others, such as a copy or a sum; nothing is
    dropped, filled in or rescaled. Without ``columns``, one that holds dates or numbers the rows is
    refused too, but for that named under ``dates``. Separator, decimal comma and encoding of a CSV
    file are found by its first lines where they are not given. The columns of a NPY file are named
    by their numbers from zero, and pickled objects in it are refused. The index of a data frame in
    a Parquet file is not a column.
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

    def dates(self) -> Sequence[str] | None:
        """Return the date of each row, if a column of dates is named."""
        return self._content[2]

    def read(self) -> tuple[Array, tuple[str, ...]]:
        """Read the chosen columns, shape ``(n, d)``, and their names.

        Raises:
            InputError: If the file is missing, unreadable, or without a usable header, or a
                column is unknown, there twice, or not of finite numbers, all of which are named;
                or if without a choice of columns one holds dates or numbers the rows.
        """
        return self._content[:2]

    @cached_property
    def _content(self) -> tuple[Array, tuple[str, ...], list[str] | None]:
        """The chosen columns, their names, and the dates of the rows."""
        own = self.settings
        table = read_table(Path(own.path), **{key: getattr(own, key) for key in FORM})
        days = None
        if own.dates is not None:
            name = str(own.dates)
            self._check_known(name, list(table.columns))
            rising = own.split == "chronological"
            days = read_dates(table, name, self.source, own.date_format, rising)
            table = table.drop(columns=name)
        return *self._choose(table), days

    @cached_property
    def _parts(self) -> tuple[Array, Array, tuple[str, ...]]:
        """As the base says; no column may be a linear function of others over the training rows."""
        train, test, names = super()._parts
        found = dependent_columns(train, names)
        if found:
            (first, said), *others = found.items()
            parts = [f"column {first!r} of {self.source} {said}"]
            parts += [f"column {name!r} {more}" for name, more in others]
            raise InputError("; ".join(parts) + ": leave it out of 'columns'")
        return train, test, names

    def _check_known(self, name: str, known: list[str]) -> None:
        if name not in known:
            raise InputError(f"{self.source} has no column {name!r}{nearest(name, known)}")

    def _choose(self, table: pd.DataFrame) -> tuple[Array, tuple[str, ...]]:
        """Return the chosen columns as numbers."""
        known, chosen = list(table.columns), self.settings.columns
        if chosen is None:
            wrong = _labels(table)
            return numbers_of(table, known, self.source, ADVICE, SINGLE, wrong), tuple(known)
        names = [str(column) for column in chosen]
        for name in names:
            self._check_known(name, known)
        return numbers_of(table, names, self.source, "", SINGLE), tuple(names)


def _labels(table: pd.DataFrame) -> dict[str, str]:
    """Say which columns are without a name, hold dates, or number the rows."""
    found = {}
    for name in table.columns:
        said = what_it_is(table, name)
        if name == "":
            found[name] = f"has no name{said and f' and {said}'}"
        elif said:
            found[name] = said
    return found
