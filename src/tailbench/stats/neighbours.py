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
_TILE, _POINTS = 8192, 500  # rows and points of a product that stays in the cache


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
    single = len(rows) > _SINGLE and np.abs(table).max() < _LARGEST
    find = _nearest_by_tiles if single else _nearest
    table = table.astype(np.float32 if single else np.float64, copy=False)
    distances = np.empty((len(points), count))
    numbers = np.empty((len(points), count), dtype=np.intp)
    step = _POINTS if single else max(1, _BLOCK // len(rows))
    for start in range(0, len(points), step):
        part = points[start : start + step]
        found = numbers[start : start + step]
        found[:] = find(np.column_stack([part, np.ones(len(part))]), table, count)[1]
        # The expanded square has lost the digits of small distances: once more, for those found.
        exact = np.linalg.norm(rows[found] - part[:, None], axis=2)
        rank = np.argsort(exact, axis=1, kind="stable")
        distances[start : start + step] = np.take_along_axis(exact, rank, axis=1)
        found[:] = np.take_along_axis(found, rank, axis=1)
    return distances, numbers


def _nearest(points: _Array, table: _Array, count: int) -> tuple[_Array, NDArray[np.intp]]:
    """Return the least products of each point with the table, and their places, ``(n, count)``."""
    order = points.astype(table.dtype, copy=False) @ table
    every = np.arange(len(points))
    least = np.empty((len(points), count), dtype=table.dtype)
    places = np.empty((len(points), count), dtype=np.intp)
    for value, place in zip(least.T, places.T, strict=True):
        place[:] = order.argmin(axis=1)  # a minimum is many times faster than a partition
        value[:] = order[every, place]
        order[every, place] = np.inf
    return least, places


def _nearest_by_tiles(points: _Array, table: _Array, count: int) -> tuple[_Array, NDArray[np.intp]]:
    """Return what ``_nearest`` does, of a table too large for the cache."""
    least = np.full((len(points), count), np.inf, dtype=table.dtype)
    places = np.zeros((len(points), count), dtype=np.intp)
    points = points.astype(table.dtype, copy=False)
    for start in range(0, table.shape[1], _TILE):
        order = points @ np.ascontiguousarray(table[:, start : start + _TILE])
        rows = np.arange(len(points))
        for _ in range(min(count, order.shape[1])):
            place = order.argmin(axis=1)
            value = order[np.arange(len(rows)), place]
            better = value < least[rows, -1]  # of the later tiles hardly any
            rows, order, place = rows[better], order[better], place[better]
            if not len(rows):
                break
            order[np.arange(len(rows)), place] = np.inf
            least[rows, -1], places[rows, -1] = value[better], place + start
            best = np.argsort(least[rows], axis=1, kind="stable")
            least[rows] = np.take_along_axis(least[rows], best, axis=1)
            places[rows] = np.take_along_axis(places[rows], best, axis=1)
    return least, places
