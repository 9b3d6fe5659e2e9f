"""What models take: blocks of tables, stored images, and the units of their columns."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tailbench.data import ImageLayout
from tailbench.exceptions import InputError
from tailbench.io.lazy_rows import LazyRows

__all__ = [
    "Stored",
    "as_block",
    "as_images",
    "as_numbers",
    "column_names",
    "filled",
    "is_lazy",
    "robust_units",
]

Stored = list[LazyRows | NDArray[Any]]
"""The rows of each seed, as they are stored."""
AGREE = 15.0
"""Quantiles agree nearly if wider ones give a scale larger by this factor."""


def column_names(x: Any) -> tuple[str, ...] | None:
    """Return the names of the columns of a data frame whose names are texts; ``None`` else."""
    names = getattr(x, "columns", None)
    if names is None or not all(isinstance(name, str) for name in names):
        return None
    return tuple(names)


def as_numbers(x: Any) -> NDArray[Any]:
    """Return arrays, data frames, tensors and lists of numbers as one array.

    Raises:
        InputError: If values are masked, complex, sparse or, in a data frame, no numbers.
    """
    if hasattr(x, "columns") and hasattr(x, "to_numpy"):
        return _numbers_of_frame(x)
    if hasattr(x, "detach"):
        x = x.detach().cpu().numpy()
    if hasattr(x, "tocsr"):
        raise InputError("sparse data are not supported; make them dense by toarray()")
    array = np.asanyarray(x)
    if isinstance(array, np.ma.MaskedArray):
        if np.ma.is_masked(array):
            raise InputError("the data hold masked values; leave out their rows")
        array = array.data
    if array.dtype.kind == "c":
        raise InputError("Complex data not supported")
    return np.asarray(array)


def _numbers_of_frame(x: Any) -> NDArray[np.float64]:
    pandas = sys.modules.get("pandas")
    if pandas is None or not isinstance(x, pandas.DataFrame):
        return np.asarray(x.to_numpy(), np.float64)
    columns = []
    for j, name in enumerate(x.columns):
        column = x.iloc[:, j]
        try:
            columns.append(column.to_numpy(np.float64, na_value=np.nan))
        except (TypeError, ValueError) as error:
            raise InputError(f"column {name!r} of the data is not numeric: {error}") from None
    return np.stack(columns, axis=1) if columns else np.empty((len(x), 0))


def as_block(x: Any, names: Sequence[str] | None = None) -> NDArray[np.float64]:
    """Convert data to a block ``(E, n, d)``; a table ``(n, d)`` is a block of one seed.

    Args:
        x: Data: an array, a data frame, a tensor on any device, or lists.
        names: Names of the columns, for messages.

    Raises:
        InputError: If the data have another number of axes, are not finite, too few, or constant.
    """
    given = np.require(as_numbers(x), np.float64, "W")  # torch wants to own what it reads
    if any(stride < 0 for stride in given.strides):  # and reads forward alone
        given = given.copy()
    block = _as_seed_block(given, names)
    constant = np.flatnonzero((block == block[:, :1]).all(1).any(0))
    if len(constant):
        raise InputError(f"column {_column(int(constant[0]), names)} of the data is constant")
    return block


def _column(j: int, names: Sequence[str] | None) -> str:
    """Return the name of a column or, where it has none, its number from 0."""
    return repr(names[j]) if names else str(j)


def as_images(x: ArrayLike | Sequence[LazyRows], images: ImageLayout) -> Stored:
    """Return images as stored rows of each seed; those that lie on the disk stay there.

    Args:
        x: Images ``(n, d)`` or ``(E, n, d)``, or one lazy array per seed. Bytes are pixels, from
            0 to 255.
        images: What the rows are.

    Raises:
        InputError: If the data do not fit the images, are not finite or too few.
    """
    if is_lazy(x):
        rows: Stored = list(x)
    else:
        given = as_numbers(x)
        block = _as_seed_block(given if given.dtype == np.uint8 else given.astype(np.float64))
        if images.pixels and block.dtype != np.uint8 and np.abs(block).max() > 1.0:
            raise InputError("the pixels of images are from -1 to 1")
        rows = list(block)
    if math.prod(images.shape) != rows[0].shape[1]:
        raise InputError(f"images of shape {images.shape} do not have {rows[0].shape[1]} values")
    return rows


def is_lazy(x: ArrayLike | Sequence[LazyRows]) -> TypeGuard[Sequence[LazyRows]]:
    """Return whether data are lazy arrays, one per seed."""
    return isinstance(x, Sequence) and all(isinstance(rows, LazyRows) for rows in x)


def _as_seed_block(block: NDArray[Any], names: Sequence[str] | None = None) -> NDArray[Any]:
    if block.ndim not in (2, 3):
        raise InputError(f"data have the shape (n, d) or (E, n, d), not {block.shape}")
    block = block if block.ndim == 3 else block[None]
    rows, columns = block.shape[1:]
    if columns < 1:
        raise InputError(
            f"data with 0 feature(s) (shape={(rows, columns)}) while a minimum of 1 is required."
        )
    if rows < 2 or not len(block):
        raise InputError(f"data need at least two rows, and have n_samples={rows}")
    if not np.isfinite(block).all():
        _, row, column = np.argwhere(~np.isfinite(block))[0]
        raise InputError(
            f"data must not hold NaN or infinity: column {_column(column, names)}, row {row}"
        )
    return block


def filled(x: NDArray[Any], rows: slice) -> NDArray[Any]:
    """Return rows of the last axis but one; after the last row come copies of it.

    So that a batch is full whose end nobody has asked for.
    """
    if rows.stop <= x.shape[-2]:
        return x[..., rows, :]
    return x[..., np.minimum(np.arange(rows.start, rows.stop), x.shape[-2] - 1), :]


def robust_units(x: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Compute the median and the scale of each coordinate, each of shape ``(E, d)``.

    The scale is the distance of the quartiles divided by that of a standard Gaussian; where the
    quartiles agree, or nearly (many values are equal), that of wider quantiles. Mean and standard
    deviation would not do: laws with heavy tails may have neither.

    Args:
        x: Data, shape ``(E, n, d)``, with no constant column.
    """
    from scipy.special import ndtri

    scales = []
    for p in (0.25, 0.1, 0.01, 0.0):
        low, high = np.quantile(x, [p, 1.0 - p], axis=1)
        scales.append((high - low) / (2.0 * ndtri(1.0 - max(p, 1.0 / (2 * x.shape[1])))))
    quarters, tenths, hundredths, scale = scales
    scale = np.where(hundredths > 0, hundredths, scale)
    scale = np.where(tenths > hundredths / AGREE, tenths, scale)
    return np.median(x, axis=1), np.where(quarters > tenths / AGREE, quarters, scale)
