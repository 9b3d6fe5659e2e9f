"""Tables in a user's files: CSV, Parquet and NPY."""

from __future__ import annotations

import csv
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from tokenize import TokenError
from typing import TYPE_CHECKING, Any

import numpy as np

from tailbench.exceptions import InputError
from tailbench.io.csv_dialect import Dialect, find_dialect

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["read_table", "repeated"]

UNREADABLE = (
    OSError, ValueError, EOFError, NotImplementedError, Warning,
    # of a NPY header, which NumPy reads as Python
    MemoryError, OverflowError, RecursionError, SyntaxError, TokenError, TypeError,
)  # fmt: skip


ROWS = 3  # that a message names


def read_table(path: Path, **form: str | None) -> pd.DataFrame:
    """Read a table; its columns are named by texts, those of a NPY file by numbers from zero.

    A CSV file has a header; its separator, decimal comma and encoding are found by
    :func:`tailbench.io.csv_dialect.find_dialect`. Pickled objects in a NPY file are refused, and
    the index of a data frame in a Parquet file is not a column.

    Args:
        path: The file.
        form: What is known of the form of a CSV file: ``separator``, ``decimal`` and ``encoding``.

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
        table = _read_csv(path, **form) if suffix == ".csv" else READERS[suffix](path)
    except InputError:
        raise
    except UNREADABLE as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{path} cannot be read as {suffix}: {reason}") from error
    if table.size == 0:
        raise InputError(f"{path} is empty")
    table.columns = [str(column) for column in table.columns]
    return table


def repeated(names: Sequence[str]) -> str | None:
    """Return the first name that is there twice."""
    return next((name for i, name in enumerate(names) if name in names[:i]), None)


def _read_csv(path: Path, **given: str | None) -> pd.DataFrame:
    """Read a CSV file, whose first line names the columns."""
    import pandas as pd

    found = find_dialect(path, **given)
    form: Any = {"sep": found.separator, "encoding": found.encoding}
    first = pd.read_csv(path, header=None, nrows=1, dtype=str, keep_default_na=False, **form)
    header = [str(name).strip() for name in first.iloc[0]]
    _refuse_repeated(header, path)
    if _all_numbers(header):
        raise InputError(f"the first line of {path} holds numbers, not the names of the columns")
    with warnings.catch_warnings():
        # Pandas would make an index of columns without a name, or drop them with this warning.
        warnings.simplefilter("error", pd.errors.ParserWarning)
        try:
            table = pd.read_csv(
                path, header=0, index_col=False, low_memory=False, decimal=found.decimal, **form
            )
        except (pd.errors.ParserError, pd.errors.ParserWarning):
            _refuse_long_rows(path, found, len(header))
            raise
    table.columns = header
    return table


def _refuse_long_rows(path: Path, found: Dialect, width: int) -> None:
    """Check that no row of a CSV file has more fields than the header."""
    with path.open(encoding=found.encoding, newline="") as stream:
        rows = [row for row in csv.reader(stream, delimiter=found.separator) if row][1:]
    long = [number for number, row in enumerate(rows, 1) if len(row) > width]
    if long:
        shown = ", ".join(map(str, long[:ROWS]))
        more = f" and {len(long) - ROWS} more" if len(long) > ROWS else ""
        asked = f": are fields parted by {found.separator!r}?" if width == 1 else ""
        raise InputError(
            f"{path} has {width} column{'s' if width > 1 else ''}, but "
            f"{len(rows[long[0] - 1])} fields in row{'s' if len(long) > 1 else ''} {shown}{more}"
            f"{asked}"
        )


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
