"""What a table holds: columns to learn from, their support and tails, and the order of the rows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tailbench.exceptions import InputError
from tailbench.io.column_kinds import dates_of, what_it_is
from tailbench.io.csv_dialect import find_dialect
from tailbench.io.numeric_columns import SINGLE, numbers_of
from tailbench.io.tables import read_table, repeated
from tailbench.margins.atoms import SHARE
from tailbench.margins.support import bounds_of
from tailbench.registry import nearest
from tailbench.stats.linear_dependence import dependent_columns
from tailbench.stats.semiparametric import has_atom
from tailbench.stats.tail_index import Tail, estimate_sides

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ColumnFacts", "TableFacts", "facts_of"]

TWINS = 0.999  # rank correlation from which two columns are nearly copies
COMPARED = 5000  # rows by which columns are compared
DEPENDENT = 4.0  # standard errors from which neighbouring rows are alike

Array = NDArray[np.float64]


@dataclass(frozen=True)
class ColumnFacts:
    """One column that can be learned from.

    Attributes:
        name: Its name.
        low: Least value.
        median: Median.
        high: Largest value.
        lower: Bound that nothing is below; minus infinity without.
        upper: Bound that nothing is above; infinity without.
        atom: Most frequent value, where one in two hundred is equal to it, or else ``nan``.
        atom_share: Its share of the rows.
        tails: The lower and the upper tail, ``None`` of too few values.
    """

    name: str
    low: float
    median: float
    high: float
    lower: float
    upper: float
    atom: float
    atom_share: float
    tails: tuple[Tail | None, Tail | None]

    @property
    def bounded(self) -> bool:
        """Whether there is a bound."""
        return math.isfinite(self.lower) or math.isfinite(self.upper)


@dataclass(frozen=True)
class TableFacts:
    """What a table holds.

    Attributes:
        values: The columns to learn from, shape ``(n, d)``.
        columns: What is known of each.
        left_out: Why a column is not among them, by its name.
        dates: Name of the column of dates, if there is one.
        period: First and last date as texts.
        order: How rows follow each other: ``rising`` dates, dates that do not rise (``mixed``),
            ``alike`` neighbours without dates, or ``none``.
        twins: Pairs of columns that are nearly copies, with the correlation of their ranks.
        form: How a CSV file is written, where that is unusual: see ``io.csv_dialect``.
    """

    values: Array
    columns: tuple[ColumnFacts, ...]
    left_out: Mapping[str, str] = field(default_factory=dict)
    dates: str | None = None
    period: tuple[str, str] = ("", "")
    order: str = "none"
    twins: tuple[tuple[str, str, float], ...] = ()
    form: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(column.name for column in self.columns)

    @property
    def bounds(self) -> tuple[Array, Array]:
        """Lower and upper bounds of the columns, each of shape ``(d,)``."""
        return (
            np.array([column.lower for column in self.columns]),
            np.array([column.upper for column in self.columns]),
        )

    @property
    def one_sided(self) -> bool:
        """Whether a column has a bound."""
        return self.support is not None

    @property
    def support(self) -> dict[str, tuple[float, float]] | None:
        """Bounds of the columns that have one, by their numbers from zero; ``None`` without any."""
        found = {
            str(j): (column.lower, column.upper)
            for j, column in enumerate(self.columns)
            if column.bounded
        }
        return found or None

    @property
    def has_atoms(self) -> bool:
        """Whether a column has a value that is modelled as an atom, by its share of the rows."""
        return any(column.atom_share >= SHARE for column in self.columns)


def facts_of(data: Any, columns: Sequence[str | int] | None = None, source: str = "") -> TableFacts:
    """Compute what a table holds.

    Without a choice of columns those of dates, of texts, of numbers that name the rows, without
    a name, of one value and those that are linear functions of columns before them are left out.

    Args:
        data: Path of a file, a data frame, or an array ``(n, d)`` or ``(n,)``.
        columns: Names of the columns to use, or their numbers from zero.
        source: What messages call the table; the path by default.

    Raises:
        InputError: If the table cannot be read, has no column to use or unknown ones, or a value
            is missing, infinite or no number; all such values are in one message.
    """
    table, source = _table(data, source)
    left_out: dict[str, str] = {}
    if columns is None:
        left_out = {str(name): why for name in table.columns if (why := _why_not(table, name))}
        names = [str(name) for name in table.columns if str(name) not in left_out]
    else:
        names = [str(column) for column in columns]
        for name in names:
            if name not in table.columns:
                raise InputError(f"{source} has no column {name!r}{nearest(name, table.columns)}")
        if repeated(names) is not None:
            raise InputError(f"columns names {repeated(names)!r} twice")
    if not names:
        said = "; ".join(f"column {name!r} {why}" for name, why in left_out.items())
        raise InputError(f"{source} has no column of numbers to learn from: {said}")
    x = numbers_of(table, names, source, "", SINGLE)
    if columns is None:
        left_out |= dependent_columns(x, names)
        kept = [j for j, name in enumerate(names) if name not in left_out]
        x, names = np.ascontiguousarray(x[:, kept]), [names[j] for j in kept]
    for name, column in zip(names, x.T, strict=True):
        if column.min() == column.max():
            raise InputError(f"column {name!r} of {source} is constant: {column[0]:g}")
    dates, period, order = _dates(table, names)
    facts = tuple(map(_column, names, x.T, estimate_sides(x)))
    if order == "none" and _neighbours_alike(x):
        order = "alike"
    return TableFacts(x, facts, left_out, dates, period, order, _twins(names, x), _form(data))


def _table(data: Any, source: str) -> tuple[pd.DataFrame, str]:
    """Return what is given as a data frame whose columns are named by texts, and its name."""
    try:
        import pandas as pd
    except ModuleNotFoundError:
        raise InputError("tables need pandas: pip install 'tailbench[data]'") from None

    if isinstance(data, (str, Path)):
        return read_table(Path(data)), source or str(data)
    source = source or "the table"
    if isinstance(data, pd.Series):
        data = data.to_frame("0" if data.name is None else data.name)
    if not isinstance(data, pd.DataFrame):
        try:
            data = pd.DataFrame(np.asarray(data, dtype=np.float64))
        except (TypeError, ValueError) as error:
            raise InputError(f"{source} cannot be read as numbers (n, d): {error}") from None
    if not data.size:
        raise InputError(f"{source} must have rows and columns, not the shape {data.shape}")
    frame = data.set_axis([str(column) for column in data.columns], axis=1)
    if (twice := repeated(list(frame.columns))) is not None:
        raise InputError(f"{source} has two columns {twice!r}")
    return frame, source


def _form(data: Any) -> str:
    """Say how a CSV file is written, where that is unusual."""
    if isinstance(data, (str, Path)) and Path(data).suffix.lower() == ".csv":
        return find_dialect(Path(data)).text
    return ""


def _why_not(table: pd.DataFrame, name: str) -> str:
    """Return why a column is not one to learn from, or an empty text."""
    import pandas as pd

    series = table[name]
    if name == "":
        return "has no name"
    if series.isna().all():
        return "is empty"
    if said := what_it_is(table, name):
        return said
    if series.nunique() == 1:
        return f"has the same value in all rows, {series.dropna().iloc[0]}"
    there = series.dropna()
    if pd.api.types.is_bool_dtype(series.dtype):
        return "holds yes and no"
    numbers = pd.to_numeric(there.astype(str), errors="coerce").notna()
    return "holds texts" if numbers.mean() < 0.5 else ""


def _dates(table: pd.DataFrame, used: Sequence[str]) -> tuple[str | None, tuple[str, str], str]:
    """Return the first column of dates that is not used, its ends, and the order of the rows."""
    for name in table.columns:
        dates = None if name in used else dates_of(table, name)
        if dates is None:
            continue
        there = dates[~np.isnat(dates)]
        period = (str(there.min())[:10], str(there.max())[:10])
        rises = len(there) == len(dates) and bool((np.diff(dates) >= np.timedelta64(0)).all())
        return str(name), period, "rising" if rises else "mixed"
    return None, ("", ""), "none"


def _column(name: str, x: Array, tails: tuple[Tail | None, Tail | None]) -> ColumnFacts:
    lower, upper = bounds_of(x)
    atom, share = math.nan, 0.0
    if has_atom(x):
        values, counts = np.unique(x, return_counts=True)
        atom, share = float(values[counts.argmax()]), float(counts.max() / len(x))
    low, median, high = float(x.min()), float(np.median(x)), float(x.max())
    return ColumnFacts(name, low, median, high, lower, upper, atom, share, tails)


def _ranks(x: Array) -> Array:
    from scipy.stats import rankdata

    return np.asarray(rankdata(x, axis=0))


def _neighbours_alike(x: Array) -> bool:
    """Whether values, or their distances from the median, go with those of the row before.

    By the rank correlation of lag one, against four standard errors. Columns that are sorted do
    not count: somebody has put them in order.
    """
    error = 1.0 / math.sqrt(max(len(x) - 1, 1))
    for column in x.T:
        steps = np.diff(column)
        if (steps >= 0).all() or (steps <= 0).all():
            return False
    both = np.concatenate([x, np.abs(x - np.median(x, axis=0))], axis=1)
    ranks = _ranks(both)
    ranks = ranks - ranks.mean(axis=0)
    power = np.maximum((ranks**2).sum(axis=0), 1e-300)
    lagged = (ranks[1:] * ranks[:-1]).sum(axis=0) / power
    return bool((np.abs(lagged) > DEPENDENT * error).any())


def _twins(names: Sequence[str], x: Array) -> tuple[tuple[str, str, float], ...]:
    """Return the pairs of columns whose ranks nearly agree."""
    step = max(1, len(x) // COMPARED)
    ranks = _ranks(x[::step])
    spread = ranks.std(axis=0)
    alike = np.cov(ranks.T, ddof=0).reshape(x.shape[1], -1) / np.maximum(
        np.multiply.outer(spread, spread), 1e-300
    )
    pairs = np.argwhere(np.triu(np.abs(alike) > TWINS, 1))
    return tuple((names[i], names[j], float(alike[i, j])) for i, j in pairs)
