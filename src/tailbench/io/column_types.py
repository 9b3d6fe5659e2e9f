"""Types of the columns of a data frame, and samples in these types."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["DOUBLE", "column_types", "in_types"]

DOUBLE = "float64"


def column_types(x: Any) -> tuple[str, ...] | None:
    """Return the types of the columns of a pandas data frame, as pandas names them.

    Columns that are neither whole nor floating-point numbers, such as truth values, decimal numbers
    and objects, count as ``float64``. ``None`` if it is no pandas data frame.

    Args:
        x: The data.
    """
    pandas = sys.modules.get("pandas")
    if pandas is None or not isinstance(x, pandas.DataFrame):
        return None
    return tuple(_name(pandas, kind) for kind in x.dtypes)


def in_types(samples: NDArray[np.floating], types: Sequence[str]) -> list[Any]:
    """Return the columns of samples ``(n, d)`` in the given types.

    Samples of columns of whole numbers are rounded. A column with a value that its type cannot
    hold stays in double precision: it is not clipped, and not infinite.

    Args:
        samples: The samples.
        types: Names of types, of ``column_types``.
    """
    import pandas as pd

    columns = enumerate(zip(samples.T, types, strict=True))
    return [pd.Series(_column(x, name), name=j) for j, (x, name) in columns]


def _name(pandas: Any, kind: Any) -> str:
    """Return the name of a type of numbers that pandas reads back."""
    number = pandas.api.types.is_integer_dtype(kind) or pandas.api.types.is_float_dtype(kind)
    try:
        return str(kind) if number and pandas.api.types.pandas_dtype(str(kind)) == kind else DOUBLE
    except (TypeError, NotImplementedError):
        return DOUBLE


def _column(x: NDArray[np.floating], name: str) -> Any:
    import pandas as pd

    kind: Any = pd.api.types.pandas_dtype(name)
    plain: Any = np.dtype(getattr(kind, "numpy_dtype", kind))
    x = np.asarray(x, np.float64)
    if plain.kind in "iu":
        x = np.rint(x) + 0.0  # no minus zero
        bounds = np.iinfo(plain)
        fits = (x >= float(bounds.min)) & (x < float(bounds.max) + (bounds.bits < 64))
    else:
        fits = np.abs(x) <= float(np.finfo(plain).max)
    return pd.array(x.astype(plain), dtype=kind) if fits.all() else x
