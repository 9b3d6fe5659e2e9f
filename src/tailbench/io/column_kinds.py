"""Columns that hold no data to learn from: dates and times, and numbers that name rows."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["dates_of", "names_rows", "what_it_is"]

FEWEST = 20  # rows below which numbers in a row may be so by chance
LOOKED_AT = 50  # texts that are tried before all are read
DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}|\d{1,2}[ -][A-Za-z]{3}|[A-Za-z]{3,9} \d{1,2}")
TIME_NAME = re.compile(r"(^|[_\W])(date|time|datetime|timestamp|ts|epoch|unix)($|[_\W])", re.I)
ROW_NAME = re.compile(r"(^|[_\W])(id|uuid|guid|identifier)$", re.I)
EPOCHS = {"s": 1e9, "ms": 1e12, "us": 1e15, "ns": 1e18}
"""The least number that is taken for a time since 1970 in each unit: September 2001."""


def dates_of(table: pd.DataFrame, name: str) -> NDArray[np.datetime64] | None:
    """Return a column as dates, or ``None`` of one that does not hold dates.

    Dates are: what is stored as such; texts that pandas reads as dates, all of them, days before
    months if no row speaks against it and the dates then rise; whole numbers such as 20200131, of
    at least 20 rows, all of them days between 1800 and 2199; whole numbers that count from 1970
    in s, ms, us or ns and do not fall, where the name of the column speaks of time or, on at least
    20 rows, they rise and are whole minutes; years from 1500 to 2499 that do not fall, under the
    name ``year``.

    Args:
        table: The table.
        name: Name of the column.
    """
    import pandas as pd

    series: Any = table.iloc[:, list(table.columns).index(name)]
    if isinstance(series.dtype, pd.DatetimeTZDtype):
        series = series.dt.tz_localize(None)
    if pd.api.types.is_datetime64_any_dtype(series.dtype):
        return np.asarray(series.to_numpy("datetime64[ns]"))
    if pd.api.types.is_bool_dtype(series.dtype):
        return None
    if pd.api.types.is_numeric_dtype(series.dtype):
        return _of_numbers(series.to_numpy(dtype=np.float64, na_value=np.nan), str(name))
    return _of_texts(series)


def names_rows(table: pd.DataFrame, name: str) -> bool:
    """Return whether a column only names the rows.

    It has whole numbers, no two of them equal, and either each is one more than that before it, on
    20 rows or more, or the name of the column ends in id, uuid, guid or identifier. The only
    column of a table does not.

    Args:
        table: The table.
        name: Name of the column.
    """
    import pandas as pd

    series: Any = table.iloc[:, list(table.columns).index(name)]
    numeric = pd.api.types.is_numeric_dtype(series.dtype)
    if table.shape[1] == 1 or not numeric or pd.api.types.is_bool_dtype(series.dtype):
        return False
    x = series.to_numpy(dtype=np.float64, na_value=np.nan)
    if not _whole(x) or len(np.unique(x)) < len(x):
        return False
    return bool(ROW_NAME.search(str(name))) or (len(x) >= FEWEST and bool((np.diff(x) == 1).all()))


def what_it_is(table: pd.DataFrame, name: str) -> str:
    """Return what a column holds that is no data, as the end of a sentence, or an empty text."""
    series: Any = table.iloc[:, list(table.columns).index(name)]
    if dates_of(table, name) is not None:
        return f"holds dates or times, such as {str(series.iloc[0])!r} in row 1"
    if names_rows(table, name):
        return f"numbers or names the rows, with {series.iloc[0]} in row 1"
    return ""


def _whole(x: NDArray[np.float64]) -> bool:
    return bool(np.isfinite(x).all()) and bool((x == np.rint(x)).all())


def _of_numbers(x: NDArray[np.float64], name: str) -> NDArray[np.datetime64] | None:
    """Return whole numbers as dates, if that is what they are."""
    import pandas as pd

    if not len(x) or not _whole(x) or x.min() < 0:
        return None
    rises = bool((np.diff(x) >= 0).all())
    if name.lower() == "year" and rises and x.min() >= 1500 and x.max() < 2500:
        return (x.astype(np.int64) - 1970).astype("datetime64[Y]").astype("datetime64[s]")
    if len(x) >= FEWEST and x.min() >= 1800_01_01 and x.max() <= 2199_12_31:
        texts = pd.Series(x.astype(np.int64).astype(str))
        days = pd.to_datetime(texts, format="%Y%m%d", errors="coerce")
        if days.notna().all():
            return np.asarray(days.to_numpy("datetime64[ns]"))
    unit = next((unit for unit, least in reversed(EPOCHS.items()) if least <= x.min()), None)
    if rises and unit and (TIME_NAME.search(name) or _whole_minutes(x, unit)):
        return x.astype(np.int64).astype(f"datetime64[{unit}]")
    return None


def _whole_minutes(x: NDArray[np.float64], unit: str) -> bool:
    """Whether numbers rise from row to row and are whole minutes, which is no chance."""
    minute = 60 * EPOCHS[unit] / EPOCHS["s"]
    return len(x) >= FEWEST and bool((np.diff(x) > 0).all()) and not (x % minute).any()


def _of_texts(series: Any) -> NDArray[np.datetime64] | None:
    """Return texts as dates, if pandas reads all that are there."""
    import pandas as pd

    there = series.dropna().astype(str)
    some = there.iloc[:LOOKED_AT]
    if not len(some) or not all(DATE.search(text) for text in some):
        return None
    found = None
    for first in (True, False):
        options: dict[str, Any] = {"dayfirst": first, "format": "mixed", "errors": "coerce"}
        for texts in (some, there):
            try:
                dates = pd.to_datetime(texts, utc=True, **options)
            except (ValueError, TypeError, OverflowError):
                break
            if dates.isna().any():
                break
        else:
            values = dates.dt.tz_localize(None).reindex(series.index)
            found = np.asarray(values.to_numpy("datetime64[ns]")) if found is None else found
            if bool((values.diff().dropna() >= pd.Timedelta(0)).all()):
                return np.asarray(values.to_numpy("datetime64[ns]"))
    return found
