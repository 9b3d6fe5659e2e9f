"""A table of the user's own."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, StrictInt, StrictStr, field_validator

from tailbench.data import DataShape
from tailbench.datasets.base import UNKNOWN_DIM, UNKNOWN_ROWS, BaseDataset, DatasetSettings
from tailbench.exceptions import InputError
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
        repeated = _repeated([str(column) for column in columns or ()])
        if repeated is not None:
            raise ValueError(f"columns names {repeated!r} twice")
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
        path = Path(self.settings.path)
        suffix = path.suffix.lower()
        if suffix not in READERS:
            raise InputError(f"{path} does not end in {', '.join(READERS)}")
        if not path.is_file():
            raise InputError(f"{path} {'is not a file' if path.exists() else 'does not exist'}")
        if path.stat().st_size == 0:
            raise InputError(f"{path} is empty")
        try:
            table = READERS[suffix](path)
        except InputError:
            raise
        except (OSError, ValueError, EOFError, NotImplementedError, Warning) as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise InputError(f"{path} cannot be read as {suffix}: {reason}") from error
        if table.size == 0:
            raise InputError(f"{path} is empty")
        return self._choose(table)

    def _choose(self, table: pd.DataFrame) -> tuple[NDArray[np.float64], tuple[str, ...]]:
        """Return the chosen columns as numbers."""
        known = [str(column) for column in table.columns]
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
        values = [self._numbers(table.iloc[:, known.index(column)], column) for column in chosen]
        return np.stack(values, axis=1), tuple(chosen)

    def _numbers(self, series: pd.Series[Any], column: str) -> NDArray[np.float64]:
        """Return a column as numbers, missing values as NaN.

        Raises:
            InputError: If it is not numeric.
        """
        import pandas as pd

        kind = series.dtype
        if pd.api.types.is_numeric_dtype(kind) and not (
            pd.api.types.is_bool_dtype(kind) or pd.api.types.is_complex_dtype(kind)
        ):
            return series.to_numpy(dtype=np.float64, na_value=np.nan)
        texts = pd.to_numeric(series.astype(str), errors="coerce").isna() & series.notna()
        row = int(np.argmax(texts.to_numpy()))
        advice = "" if self.settings.columns else ": list the numeric columns under 'columns'"
        raise InputError(
            f"column {column!r} of {self.source} is not numeric, with {str(series.iloc[row])!r} "
            f"in row {row + 1} of the data{advice}"
        )


def _repeated(names: Sequence[str]) -> str | None:
    """Return the first name that is there twice."""
    return next((name for i, name in enumerate(names) if name in names[:i]), None)


def _read_csv(path: Path) -> pd.DataFrame:
    """Read a CSV file, whose first line names the columns."""
    import pandas as pd

    first = pd.read_csv(path, header=None, nrows=1, dtype=str, keep_default_na=False)
    header = [str(name).strip() for name in first.iloc[0]]
    _refuse_repeated(header, path)
    if _all_numbers(header):
        raise InputError(f"the first line of {path} holds numbers, not the names of the columns")
    with warnings.catch_warnings():
        # Pandas would make an index of columns without a name, or drop them with this warning.
        warnings.simplefilter("error", pd.errors.ParserWarning)
        table = pd.read_csv(path, header=0, index_col=False, low_memory=False)
    table.columns = header
    return table


def _all_numbers(header: Sequence[str]) -> bool:
    """Whether a header looks like data; whole numbers are taken for names."""
    try:
        return any(not float(name).is_integer() for name in header)
    except (ValueError, OverflowError):
        return False


def _read_parquet(path: Path) -> pd.DataFrame:
    """Read a Parquet file."""
    import pandas as pd
    import pyarrow.parquet

    _refuse_repeated(pyarrow.parquet.read_schema(path).names, path)
    return pd.read_parquet(path)


def _read_npy(path: Path) -> pd.DataFrame:
    """Read a NPY file of one or two axes."""
    import pandas as pd

    with path.open("rb") as stream:
        if stream.read(6) != b"\x93NUMPY":
            raise InputError(f"{path} is not a NPY file")
    array = np.load(path, allow_pickle=False)
    if array.ndim not in (1, 2):
        raise InputError(f"{path} has {array.ndim} axes, not one or two")
    if array.dtype.kind not in "iuf":
        raise InputError(f"{path} holds {array.dtype}, which is not numeric")
    return pd.DataFrame(array.astype(np.float64))


def _refuse_repeated(names: Sequence[str], path: Path) -> None:
    """Check that no name is there twice."""
    repeated = _repeated(list(names))
    if repeated is not None:
        raise InputError(f"{path} has two columns {repeated!r}")


READERS: dict[str, Callable[[Path], pd.DataFrame]] = {
    ".csv": _read_csv,
    ".parquet": _read_parquet,
    ".npy": _read_npy,
}
