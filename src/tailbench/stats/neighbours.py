"""Nearest rows of a table, by a tree in few dimensions and by blocks of products in many."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["nearest_rows"]

_Array = NDArray[np.float64]
_TREE = 8  # dimensions up to which a tree looks at few of the rows
_BLOCK = 8_000_000  # distances held at once
_LARGEST = 1e30  # squares up to which single precision holds their products
_SINGLE = 250_000  # rows above which products are of single precision


def nearest_rows(points: _Array, rows: _Array, count: int = 1) -> tuple[_Array, NDArray[np.intp]]:
    """Compute the nearest rows of each point, in the Euclidean distance.

    A row of the table that is asked for its own neighbours finds itself first. Of more than 250,000
    rows in more than 8 dimensions the search is of single precision: a row that is returned may be
    farther than the nearest, where the squares of both distances differ by less than about 1e-6 of
    that of the point from zero. Distances are of double precision.

    Args:
        points: Points, shape ``(n, d)``.
        rows: Table that is searched, shape ``(k, d)``.
        count: How many rows, at most ``k``.

    Returns:
        Distances and numbers of the rows, nearest first, each of shape ``(n, count)``.
    """
    if rows.shape[1] > _TREE:
        return _by_products(points, rows, count)
    from scipy.spatial import cKDTree

    distances, numbers = cKDTree(rows).query(points, k=[*range(1, count + 1)])
    return distances, numbers.astype(np.intp)


def _by_products(points: _Array, rows: _Array, count: int) -> tuple[_Array, NDArray[np.intp]]:
    # Without the square of the point itself, which is the same for all rows.
    table = np.column_stack([-2 * rows, np.square(rows).sum(axis=1)]).T
    kind = np.float32 if len(rows) > _SINGLE and np.abs(table).max() < _LARGEST else np.float64
    table = table.astype(kind, copy=False)
    distances = np.empty((len(points), count))
    numbers = np.empty((len(points), count), dtype=np.intp)
    step = max(1, _BLOCK // len(rows))
    for start in range(0, len(points), step):
        part = points[start : start + step]
        order = np.column_stack([part, np.ones(len(part))]).astype(kind, copy=False) @ table
        found = numbers[start : start + step]
        for nearest in found.T:  # a minimum is many times faster than a partition
            nearest[:] = order.argmin(axis=1)
            order[np.arange(len(part)), nearest] = np.inf
        # The expanded square has lost the digits of small distances: once more, for those found.
        exact = np.linalg.norm(rows[found] - part[:, None], axis=2)
        rank = np.argsort(exact, axis=1, kind="stable")
        distances[start : start + step] = np.take_along_axis(exact, rank, axis=1)
        found[:] = np.take_along_axis(found, rank, axis=1)
    return distances, numbers
