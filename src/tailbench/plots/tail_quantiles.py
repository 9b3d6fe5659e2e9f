"""Distances from the centre of the data, and their upper quantiles over seeds."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Array", "Band", "centre", "quantile_band", "radii"]

Array = NDArray[np.float64]


class Band(NamedTuple):
    """Quantiles at some levels: the median over seeds and their range, each ``(m,)``."""

    middle: Array
    low: Array
    high: Array


def centre(test: ArrayLike) -> Array:
    """Compute the point that tails are measured from: the median of each column, shape ``(d,)``."""
    return np.median(np.concatenate(list(np.asarray(test, dtype=np.float64))), axis=0)


def radii(x: ArrayLike, point: Array) -> Array:
    """Compute the Euclidean distances of ``(E, n, d)`` points from a point, shape ``(E, n)``."""
    return np.linalg.norm(np.asarray(x, dtype=np.float64) - point, axis=-1)


def quantile_band(r: Array, beyond: Array) -> Band:
    """Compute the values that are exceeded with the probabilities ``beyond``.

    Args:
        r: Distances, shape ``(E, n)``; those that are not finite count as infinite.
        beyond: Probabilities of exceedance, shape ``(m,)``.
    """
    r = np.where(np.isfinite(r), r, np.inf)
    q = np.quantile(r, 1 - beyond, axis=1, method="inverted_cdf")  # (m, E)
    return Band(np.median(q, axis=1), q.min(axis=1), q.max(axis=1))
