"""Metrics of several runs as one table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tailbench.exceptions import InputError
from tailbench.metrics.aggregate import COLUMNS

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CLOSE", "merge_metrics"]

CLOSE = 1e-9
"""Relative difference below which values are equal: processors differ in last digits.

Of 70 floors with AVX-512 and with SSE alone the largest difference was 5e-13, of ``energy``.
"""

_FLOOR = ["dataset", "seed", "metric"]
_CELL = ["dataset", "method", "variant", "seed", "metric"]
_NUMBERS = ("seed", "value", "floor")


def merge_metrics(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Join tidy metrics of runs on the same data.

    Floors tell whether the data are the same: a data set of the same name, seed and metric must
    have the same floor in all tables. A value that is in several tables is kept once.

    Args:
        tables: The tidy metrics, by names for messages, such as those of their files.

    Returns:
        The rows of all tables in their order, with the columns that any of them has.

    Raises:
        InputError: If a column is missing or holds texts for numbers, a floor differs, or a value
            is there twice and differs.
    """
    import numpy as np
    import pandas as pd

    for source, table in tables.items():
        for column in COLUMNS:
            if column not in table.columns:
                raise InputError(f"{source} has no column {column!r}")
    parts = [
        table.assign(
            source=source,
            variant=table["variant"].astype(object).fillna(""),
            **{column: _numbers(table[column], source) for column in _NUMBERS},
        )
        for source, table in tables.items()
    ]
    merged = pd.concat(parts, ignore_index=True)
    for keys, column in ((_FLOOR, "floor"), (_CELL, "value")):
        firsts = merged.drop_duplicates(keys)[[*keys, column, "source"]]
        both = merged.merge(firsts, on=keys, how="left", suffixes=("", "_first"))
        same = np.isclose(both[column], both[f"{column}_first"], rtol=CLOSE, atol=0, equal_nan=True)
        if not same.all():
            row = both.loc[~same].iloc[0]
            cell = ", ".join(f"{key} {row[key]}" for key in keys if row[key] != "")
            end = ": the runs are not of the same data" if column == "floor" else ""
            raise InputError(
                f"the {column} of {cell} is {row[f'{column}_first']:g} in {row['source_first']} "
                f"and {row[column]:g} in {row['source']}{end}"
            )
    return merged.drop_duplicates(_CELL).drop(columns="source").reset_index(drop=True)


def _numbers(column: pd.Series[Any], source: str) -> pd.Series[Any]:
    """Return a column as numbers, of which some may be missing."""
    import numpy as np
    import pandas as pd

    found = pd.to_numeric(column, errors="coerce")
    wrong = np.flatnonzero(found.isna() & column.notna())
    if len(wrong):
        first = str(column.iloc[wrong[0]])
        raise InputError(
            f"column {column.name!r} of {source} is not numeric, with {first!r} in row "
            f"{wrong[0] + 1}"
        )
    return found
