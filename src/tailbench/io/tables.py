"""Tables in a user's files: CSV, Parquet and NPY."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tailbench.exceptions import InputError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["numbers_of", "read_table", "repeated"]


def read_table(path: Path) -> pd.DataFrame:
    """Read a table; its columns are named by texts, those of a NPY file by numbers from zero.

    A CSV file has a header. Pickled objects in a NPY file are refused, and the index of a data
    frame in a Parquet file is not a column.

    Raises:
        InputError: If the file is missing, empty, of another kind, unreadable, without a usable
            header, or has two columns of one name.
    """
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
    table.columns = [str(column) for column in table.columns]
    return table


def numbers_of(
    table: pd.DataFrame, column: str, source: str, advice: str = ""
) -> NDArray[np.float64]:
    """Return a column as numbers, missing values as NaN.

    Args:
        table: The table.
        column: Name of the column.
        source: What messages call the table.
        advice: What a message about texts ends with.

    Raises:
        InputError: If the column is not numeric.
    """
    import pandas as pd

    series: Any = table.iloc[:, list(table.columns).index(column)]
    kind = series.dtype
    if pd.api.types.is_numeric_dtype(kind) and not (
        pd.api.types.is_bool_dtype(kind) or pd.api.types.is_complex_dtype(kind)
    ):
        return np.asarray(series.to_numpy(dtype=np.float64, na_value=np.nan))
    texts = pd.to_numeric(series.astype(str), errors="coerce").isna() & series.notna()
    row = int(np.argmax(texts.to_numpy()))
    raise InputError(
        f"column {column!r} of {source} is not numeric, with {str(series.iloc[row])!r} "
        f"in row {row + 1} of the data{advice}"
    )


def repeated(names: Sequence[str]) -> str | None:
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
    twice = repeated(list(names))
    if twice is not None:
        raise InputError(f"{path} has two columns {twice!r}")


READERS: dict[str, Callable[[Path], pd.DataFrame]] = {
    ".csv": _read_csv,
    ".parquet": _read_parquet,
    ".npy": _read_npy,
}
