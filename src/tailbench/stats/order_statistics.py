"""Quantiles and extreme values of large tables, by as little sorting as they need."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tailbench.stats.shared_work import once

__all__ = [
    "both_ends",
    "column_medians",
    "column_quantiles",
    "quantiles_of_sorted",
    "sorted_columns",
]

Array = NDArray[np.float64]

MANY = 100_000  # values from which a threshold is guessed before anything is sorted
SAMPLED = 10_000  # values by which it is guessed
BEYOND = 1.2  # how many more than are needed are to lie beyond the guess


def column_quantiles(x: Array, levels: ArrayLike) -> Array:
    """Compute ``np.quantile(x, levels, axis=0)`` to the bit, by one sort of each column.

    NumPy makes a partition at each level, which takes longer where there are many.

    Args:
        x: Finite values, shape ``(n, d)``.
        levels: Levels in [0, 1], shape ``(m,)``.

    Returns:
        Quantiles, linear between order statistics, shape ``(m, d)``.
    """
    return quantiles_of_sorted(sorted_columns(x), levels)


@once
def sorted_columns(x: Array) -> Array:
    """Return the values of each column in rising order, shape ``(d, n)``.

    Args:
        x: Finite values, shape ``(n, d)``.
    """
    columns = np.array(x.T, order="C")
    columns.sort(axis=1)
    return columns


def quantiles_of_sorted(columns: Array, levels: ArrayLike, origin: Array | None = None) -> Array:
    """Compute the quantiles of columns that are sorted.

    Args:
        columns: Values of each column in rising order, shape ``(d, n)``.
        levels: Levels in [0, 1], shape ``(m,)``.
        origin: What is subtracted from the values of each column before, shape ``(d,)``.

    Returns:
        Quantiles, linear between order statistics, shape ``(m, d)``.
    """
    n = columns.shape[1]
    places = (n - 1) * np.asarray(levels, dtype=np.float64)
    below = np.floor(places).astype(np.intp)
    part = places - below
    low, high = columns[:, below], columns[:, np.minimum(below + 1, n - 1)]
    if origin is not None:
        low, high = low - origin[:, None], high - origin[:, None]
    step = high - low
    found = np.where(part >= 0.5, high - step * (1.0 - part), low + step * part)
    return np.ascontiguousarray(found.T)


def column_medians(x: Array) -> Array:
    """Compute ``np.median(x, axis=0)`` to the bit, by one sort of each column.

    Args:
        x: Finite values, shape ``(n, d)``.
    """
    columns, half = sorted_columns(x), len(x) // 2
    if len(x) % 2:
        return columns[:, half].copy()
    return np.mean(columns[:, half - 1 : half + 1], axis=1)


def both_ends(x: Array, count: int) -> tuple[Array, Array]:
    """Return the least and the largest values of each row, each in rising order.

    Args:
        x: Values, shape ``(k, n)``.
        count: How many, at most ``n``.

    Returns:
        Least and largest values, each of shape ``(k, count)``.
    """
    n = x.shape[1]
    if n <= MANY:
        parts = np.partition(x, (count - 1, n - count), axis=1)
        return np.sort(parts[:, :count], axis=1), np.sort(parts[:, n - count :], axis=1)
    least, largest = np.empty((len(x), count)), np.empty((len(x), count))
    for row, low, high in zip(x, least, largest, strict=True):
        some = np.sort(row[:: n // SAMPLED])
        place = int(BEYOND * count / n * len(some))
        if place < len(some):
            first, second = row[row <= some[place]], row[row >= some[-1 - place]]
        if place >= len(some) or min(len(first), len(second)) < count:  # a poor guess
            first = second = row
        low[:], high[:] = np.sort(first)[:count], np.sort(second)[-count:]
    return least, largest
