"""Costs of transport along many directions: by POT, and of large samples by sorting.

POT sorts once for each direction and order, in double precision. At a million rows that would take
minutes: there one sort serves several orders, in single precision.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
from numpy.typing import NDArray

from tailbench.stats.sliced_transport import coupling, from_the_middle, transport_costs

__all__ = ["costs_along", "sorted_costs"]

_Array = NDArray[np.float64]
_BY_POT = 50_000  # most rows of a sample whose costs are POT's
_BLOCK = 1_000_000  # projected values that are held at once
_FEWEST = 8  # directions of a block, however many points: a product with few reads all points anew
_SINGLE = 200_000  # rows of a sample above which projections are of single precision
_MANY = 32  # directions from which that is worth the rounding of all points
_LARGEST = 1e15  # values up to which their squares are far from overflow in single precision


def costs_along(x: _Array, y: _Array, theta: _Array, orders: Sequence[float]) -> _Array:
    """Compute ``W_p^p`` along directions by POT, or by ``sorted_costs`` above 50,000 rows.

    Args:
        x: First sample, finite, shape ``(n, d)``.
        y: Second sample, finite, shape ``(m, d)``.
        theta: Directions, shape ``(k, d)``.
        orders: The orders ``p``, at least 1 each.

    Returns:
        Costs, shape ``(len(orders), k)``, in units of the data to the power ``p``; infinite where
        a power overflows.

    References:
        Flamary et al., POT: Python Optimal Transport, 2021.
    """
    if max(len(x), len(y)) > _BY_POT:
        return sorted_costs(x, y, theta, orders)
    return np.stack([transport_costs(x, y, theta, p) for p in orders])


def sorted_costs(x: _Array, y: _Array, theta: _Array, orders: Sequence[float]) -> _Array:
    r"""Compute ``W_p^p`` between the projections of two samples on each direction.

    .. math:: W_p^p = \int_0^1 |F_x^{-1}(u) - F_y^{-1}(u)|^p \, du

    with the empirical quantile functions of ``x @ theta[i]`` and ``y @ theta[i]``, by the plan of
    the sorted projections with exact masses.

    Of more than 200,000 rows the projections on 32 directions or more, of points from the middle
    of the second sample, are of single precision, which are sorted three times as fast; the means
    are of double precision. Each gap then has an error of about 1e-7 of its place, and a distance
    of samples of one law is about its spread over the root of the number of rows: the fourth
    digit stays.

    Args:
        x: First sample, finite, shape ``(n, d)``.
        y: Second sample, finite, shape ``(m, d)``.
        theta: Directions, shape ``(k, d)``.
        orders: The orders ``p``, at least 1 each.

    Returns:
        Costs, shape ``(len(orders), k)``, in units of the data to the power ``p``; infinite where
        a power overflows.

    References:
        Bonneel et al., Sliced and Radon Wasserstein barycenters of measures, 2015.
    """
    n, m = len(x), len(y)
    rank_x, rank_y, mass = (None, None, None) if n == m else coupling(n, m)
    costs = np.empty((len(orders), len(theta)))
    if len(theta) >= _MANY:
        x, y = _rounded(x, y)
    theta = theta.astype(x.dtype, copy=False)
    step = min(max(_FEWEST, _BLOCK // max(n, m)), len(theta))
    # Written again and again: new memory of this size costs more than what is computed in it.
    held = [np.empty((step, len(points)), x.dtype) for points in (x, y)]
    for start in range(0, len(theta), step):
        part = slice(start, start + step)
        count = len(theta[part])
        gaps, other = (
            np.matmul(theta[part], points.T, out=block[:count])
            for points, block in zip((x, y), held, strict=True)
        )
        gaps.sort(axis=1)
        other.sort(axis=1)
        if rank_x is None:
            gaps -= other
        else:
            gaps = gaps[:, rank_x] - other[:, rank_y]
        np.abs(gaps, out=gaps)
        for row, p in zip(costs, orders, strict=True):
            row[part] = _mean_power(gaps, p, mass, other if mass is None else None)
    return costs


def _rounded(x: _Array, y: _Array) -> tuple[_Array, _Array]:
    """Return large samples in single precision, from a middle that both share."""
    if max(len(x), len(y)) <= _SINGLE:
        return x, y
    moved = from_the_middle(x, y)
    if max(np.abs(points).max() for points in moved) > _LARGEST:
        return x, y
    first, second = (points.astype(np.float32, order="F") for points in moved)
    return cast("_Array", first), cast("_Array", second)


def _mean_power(gaps: _Array, p: float, mass: _Array | None, scratch: _Array | None) -> _Array:
    """Compute the mean of a power of the gaps ``(b, pairs)``; by default all weigh the same.

    Squares are written to ``scratch``, which has the shape of the gaps.
    """
    if gaps.dtype == np.float32 and p not in (1, 2):
        gaps = gaps.astype(np.float64)
    with np.errstate(over="ignore"):
        powers = gaps if p == 1 else np.square(gaps, out=scratch) if p == 2 else gaps**p
    return powers.mean(axis=1, dtype=np.float64) if mass is None else powers @ mass
