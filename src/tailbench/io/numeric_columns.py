"""Columns of a table as numbers, with everything that is wrong with them in one message."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tailbench.exceptions import InputError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SINGLE", "check_numbers", "numbers_of"]

SINGLE = float(np.finfo(np.float32).max)
"""The largest number of single precision."""

LARGEST = float(np.finfo(np.float64).max)
ROWS, COLUMNS = 3, 8  # that a message names
SHOWN = 60  # characters of a text

Array = NDArray[np.float64]


def numbers_of(
    table: pd.DataFrame,
    columns: Sequence[str],
    source: str,
    advice: str = "",
    largest: float = LARGEST,
    known: Mapping[str, str] | None = None,
) -> Array:
    """Return columns as finite numbers, shape ``(n, d)``, in double precision.

    Args:
        table: The table.
        columns: Names of the columns, in their order.
        source: What messages call the table.
        advice: What a message about texts, or with what is known, ends with.
        largest: Largest distance from zero that a number may have.
        known: What is wrong with columns besides, by their names: the message has it too, and the
            values of such a column are not looked at.

    Raises:
        InputError: If a value is a text, missing, infinite or too large, or something wrong is
            known: one sentence on all such columns, with the first rows of each kind.
    """
    known = known or {}
    positions = list(table.columns)
    read = [name for name in columns if name not in known]
    texts = {name: _texts(table.iloc[:, positions.index(name)]) for name in read}
    problems = {name: said for name, (_, said) in texts.items()}
    values = np.stack([column for column, _ in texts.values()], axis=1) if read else np.empty(0)
    found = _problems(values, read, largest)
    wrong = {name: [*problems[name], *found[name]] for name in read}
    _refuse(
        {_place(name, positions): [known[name]] for name in columns if name in known}
        | {f"column {name!r}": said for name, said in wrong.items()},
        source,
        advice if known or any(problems.values()) else "",
        len(known),
    )
    return values


def _place(name: str, columns: Sequence[str]) -> str:
    """Return what messages call a column: its name, or its number where it has none."""
    return f"column {name!r}" if name else f"column {columns.index(name) + 1}"


def check_numbers(
    values: Array, columns: Sequence[str], source: str, largest: float = LARGEST
) -> None:
    """Check that an array ``(n, d)`` holds finite numbers; see ``numbers_of``.

    Raises:
        InputError: If it does not.
    """
    problems = _problems(values, columns, largest)
    _refuse({f"column {name!r}": said for name, said in problems.items()}, source)


def _texts(series: Any) -> tuple[Array, list[str]]:
    """Return a column as numbers, missing where there are none, and what is said of its texts.

    A text counts as zero among the numbers, so that it is not called missing besides.
    """
    import pandas as pd

    kind = series.dtype
    if pd.api.types.is_numeric_dtype(kind) and not (
        pd.api.types.is_bool_dtype(kind) or pd.api.types.is_complex_dtype(kind)
    ):
        return np.asarray(series.to_numpy(dtype=np.float64, na_value=np.nan)), []
    there = series.notna().to_numpy()
    numbers = pd.to_numeric(series.astype(str), errors="coerce").to_numpy(np.float64)
    bad = there & np.isnan(numbers)
    if not bad.any():  # numbers that are kept as texts
        bad = there
    rows = np.flatnonzero(bad)
    values = np.where(there, np.where(bad, 0.0, numbers), np.nan)
    if not len(rows):
        return values, []
    first = str(series.iloc[int(rows[0])])[:SHOWN]
    more = f" and {len(rows) - 1} more" if len(rows) > 1 else ""
    return values, [f"is not numeric, with {first!r} in row {rows[0] + 1}{more}"]


def _problems(values: Array, columns: Sequence[str], largest: float) -> dict[str, list[str]]:
    """Say what is wrong with the numbers of each column."""
    found: dict[str, list[str]] = {}
    for x, name in zip(values.T, columns, strict=True):
        size = np.abs(x)
        said = []
        if not (size <= largest).all():
            far = np.isfinite(size) & (size > largest)
            said += _said("a missing value (NaN)", "missing values (NaN)", np.isnan(x))
            said += _said("an infinite value", "infinite values", np.isinf(x))
            beyond = ", beyond the range of single precision,"
            first = f"{x[far][0]:g}" if far.any() else ""
            said += _said(first + beyond, f"{first} and others{beyond}", far)
        found[str(name)] = said
    return found


def _said(one: str, several: str, bad: NDArray[np.bool_]) -> list[str]:
    """Say what some rows have, where there are any."""
    rows = (np.flatnonzero(bad) + 1).tolist()
    if not rows:
        return []
    if len(rows) == 1:
        return [f"has {one} in row {rows[0]}"]
    more = f" and {len(rows) - ROWS} more" if len(rows) > ROWS else ""
    return [f"has {several} in rows {', '.join(map(str, rows[:ROWS]))}{more}"]


def _refuse(
    problems: Mapping[str, Sequence[str]], source: str, advice: str = "", without_rows: int = 0
) -> None:
    """Raise one error on all columns at fault, if there are any.

    The first ``without_rows`` are at fault as a whole; the first of the others says what its
    numbers of rows count.
    """
    wrong = [(place, " and ".join(said)) for place, said in problems.items() if said]
    if not wrong:
        return
    parts = [f"{place} {said}" for place, said in wrong[:COLUMNS]]
    parts[0] = f"{wrong[0][0]} of {source} {wrong[0][1]}"
    if without_rows < len(parts):
        parts[without_rows] += " of the data"
    if len(wrong) > COLUMNS:
        parts.append(f"{len(wrong) - COLUMNS} more columns are at fault")
    raise InputError("; ".join(parts) + advice)
