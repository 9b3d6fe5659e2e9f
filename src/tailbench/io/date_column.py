"""The column of a table that says when each row was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tailbench.exceptions import InputError
from tailbench.io.column_kinds import dates_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["read_dates"]


def read_dates(
    table: pd.DataFrame, name: str, source: str, form: str | None = None, rising: bool = False
) -> list[str]:
    """Read the dates of the rows from a column, as texts such as ``2018-12-31``.

    Args:
        table: The table.
        name: Name of the column.
        source: What messages call the table.
        form: How the dates are written, as ``%d/%m/%Y``; found by
            :func:`tailbench.io.column_kinds.dates_of` if left out.
        rising: Whether no date may be before that of the row before.

    Raises:
        InputError: If a row has no date, or they do not rise where they have to.
    """
    import pandas as pd

    series: Any = table[name]
    where = f"column {name!r} of {source}"
    if form is None:
        dates = dates_of(table, name)
        if dates is None:
            raise InputError(
                f"{where} holds no dates that can be read, with {str(series.iloc[0])!r} in row 1: "
                "say how they are written under 'date_format'"
            )
    else:
        texts = series.astype(str).where(series.notna())
        dates = pd.to_datetime(texts, format=form, errors="coerce").to_numpy("datetime64[ns]")
    missing = np.flatnonzero(np.isnat(dates))
    if len(missing):
        row = int(missing[0])
        text = repr(str(series.iloc[row]))
        said = f"{text}, which is no date of the form {form!r}," if form else "no date"
        raise InputError(f"{where} has {said} in row {row + 1}")
    back = np.flatnonzero(np.diff(dates) < np.timedelta64(0))
    if rising and len(back):
        row = int(back[0]) + 1
        raise InputError(
            f"{where} does not rise in row {row + 1}, with {str(dates[row])[:10]} after "
            f"{str(dates[row - 1])[:10]}: sort the file, or set split: random"
        )
    return [str(day)[:10] for day in dates]
