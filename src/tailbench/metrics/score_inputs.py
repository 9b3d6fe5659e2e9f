"""Tables that a user brings to be scored: columns matched, every value checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tailbench.exceptions import InputError
from tailbench.io.numeric_columns import SINGLE, numbers_of
from tailbench.io.tables import repeated
from tailbench.registry import nearest

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SOURCES", "Tables", "match_tables"]

SOURCES = ("the table of samples", "the reference", "the table of training rows")

_Array = NDArray[np.float64]


@dataclass(frozen=True)
class Tables:
    """Tables of the same columns, in double precision.

    Attributes:
        samples: What a model has drawn, shape ``(n, d)``.
        reference: Held-out real rows, shape ``(m, d)``.
        train: What the model was trained on, shape ``(k, d)``, if that is given.
        columns: Names of the columns; numbers from zero where no table has names.
    """

    samples: _Array
    reference: _Array
    train: _Array | None
    columns: tuple[str, ...]


def match_tables(
    samples: Any,
    reference: Any,
    train: Any = None,
    columns: Sequence[str | int] | None = None,
    sources: Sequence[str] = SOURCES,
) -> Tables:
    """Return tables with the columns of the reference, in its order.

    Columns go by their names where both tables have some, and else by their order. The numbers
    from zero, which arrays in a data frame or in a NPY file have, are no names.

    Args:
        samples: A data frame, or what NumPy takes for an array ``(n, d)`` or, of one column,
            ``(n,)``.
        reference: The same.
        train: The same, or ``None``.
        columns: The columns to use; by default all, which then have to be the same everywhere.
        sources: What messages call samples, reference and training rows.

    Raises:
        InputError: If a table is empty or has other columns, or a value is missing, infinite,
            beyond single precision (3e38) or not a number; names table, row and column.
    """
    given = (samples, reference, train)
    frames = [
        None if table is None else _frame(table, source)
        for table, source in zip(given, sources, strict=True)
    ]
    if columns is not None:
        frames = [
            None if frame is None else _chosen(frame, columns, source)
            for frame, source in zip(frames, sources, strict=True)
        ]
    real: Any = frames[1]
    made, held_out, taught = (
        None if frame is None else _numbers(_ordered(frame, real, source, sources[1]), source)
        for frame, source in zip(frames, sources, strict=True)
    )
    if made is None or held_out is None:
        raise InputError("samples and reference are required")
    named = next((f for f in (real, *frames) if f is not None and _has_names(f)), real)
    return Tables(made, held_out, taught, tuple(named.columns))


def _frame(given: Any, source: str) -> pd.DataFrame:
    """Return a table with texts as names of its columns."""
    import pandas as pd

    if isinstance(given, pd.Series):
        given = given.to_frame(0 if given.name is None else given.name)
    if not isinstance(given, pd.DataFrame):
        try:
            array = np.asarray(given, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise InputError(f"{source} cannot be read as numbers: {error}") from None
        if array.ndim not in (1, 2):
            raise InputError(f"{source} must be a table (n, d), not of shape {array.shape}")
        given = pd.DataFrame(array)
    if not given.size:
        raise InputError(f"{source} must have rows and columns, not the shape {given.shape}")
    frame = given.set_axis([str(column) for column in given.columns], axis=1)
    twice = repeated(list(frame.columns))
    if twice is not None:
        raise InputError(f"{source} has two columns {twice!r}")
    return frame


def _has_names(frame: pd.DataFrame) -> bool:
    return list(frame.columns) != [str(number) for number in range(frame.shape[1])]


def _chosen(frame: pd.DataFrame, columns: Sequence[str | int], source: str) -> pd.DataFrame:
    """Return some columns, in the order in which they are named."""
    names = [str(column) for column in columns]
    twice = repeated(names)
    if not names or twice is not None:
        raise InputError("columns names none" if not names else f"columns names {twice!r} twice")
    for name in names:
        if name not in frame.columns:
            raise InputError(f"{source} has no column {name!r}{nearest(name, frame.columns)}")
    return frame[names]


def _ordered(frame: pd.DataFrame, real: pd.DataFrame, source: str, reference: str) -> pd.DataFrame:
    """Return the columns in the order of the reference."""
    if _has_names(frame) and _has_names(real):
        for name in real.columns:
            if name not in frame.columns:
                raise InputError(
                    f"{source} has no column {name!r} of {reference}{nearest(name, frame.columns)}"
                )
        for name in frame.columns:
            if name not in real.columns:
                raise InputError(
                    f"{source} has a column {name!r} that {reference} has not"
                    f"{nearest(name, real.columns)}"
                )
        return frame[list(real.columns)]
    if frame.shape[1] != real.shape[1]:
        raise InputError(
            f"{source} has {frame.shape[1]} columns, and {reference} has {real.shape[1]}"
        )
    return frame


def _numbers(frame: pd.DataFrame, source: str) -> _Array:
    """Return the values, all of which are finite numbers of single precision: metrics square."""
    return numbers_of(frame, list(frame.columns), source, largest=SINGLE)
