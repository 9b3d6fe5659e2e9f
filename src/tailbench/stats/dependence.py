r"""Dependence of pairs of columns in the tails, estimated by ranks.

With uniform margins ``U, V`` and a level ``u``, of the upper right corner,

.. math:: \chi(u) = P(U > u, V > u) / (1 - u), \qquad
    \bar\chi(u) = 2 \log(1 - u) / \log P(U > u, V > u) - 1.

The limit of :math:`\chi` is positive where extremes come together; where it is zero, the limit
of :math:`\bar\chi` says how slowly they part. Nothing here depends on the margins. Exact values of
some copulas are in :mod:`tailbench.stats.exchangeable_copula`.

References:
    Coles, Heffernan and Tawn, Dependence measures for extreme value analyses, 1999.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from tailbench.stats.shared_work import once

__all__ = [
    "chi_of_corners",
    "chibar",
    "column_pairs",
    "extremal_coefficients",
    "rank_levels",
]

_Array = NDArray[np.float64]


@once
def rank_levels(x: _Array) -> _Array:
    """Compute the level of each value in its own column, by its rank.

    Args:
        x: Points, shape ``(n, d)``.

    Returns:
        ``(rank - 1/2) / n`` in (0, 1), shape ``(n, d)``; equal values share their mean rank.
    """
    columns = np.ascontiguousarray(x.T)
    levels = np.empty(columns.shape)
    middles = np.arange(len(x)) + 0.5
    for column, out in zip(columns, levels, strict=True):
        order = np.argsort(column)
        ordered = column[order]
        new = ordered[1:] != ordered[:-1]
        if new.all():
            out[order] = middles
        else:
            first = np.flatnonzero(np.append(True, new))
            counts = np.diff(np.append(first, len(x)))
            out[order] = np.repeat(first + 0.5 * counts, counts)
    levels /= len(x)
    return levels.T


def column_pairs(dim: int, most: int) -> NDArray[np.intp]:
    """Return pairs of columns: all of them, or a fixed random choice where there are too many.

    Args:
        dim: Number of columns.
        most: Largest number of pairs.

    Returns:
        Pairs ``i < j``, shape ``(k, 2)``; equal arguments give equal pairs.
    """
    every = np.stack(np.triu_indices(dim, 1), axis=1)
    if len(every) <= most:
        return every
    return every[np.sort(np.random.default_rng(0).choice(len(every), most, replace=False))]


def chi_of_corners(levels: _Array, pairs: NDArray[np.intp], level: float) -> _Array:
    r"""Compute :math:`\chi(u)` of pairs of columns in all four corners of the unit square.

    The probability is estimated as ``(count + 1/2) / (n + 1)``, which is never zero.

    Args:
        levels: Levels of the values in their columns, shape ``(n, d)``.
        pairs: Pairs of columns, shape ``(k, 2)``.
        level: The level ``u`` in (1/2, 1).

    Returns:
        Shape ``(4, k)``: both high, both low, the first high and the second low, and reversed.
    """
    n = len(levels)
    high = np.ascontiguousarray((levels > level).T)
    low = np.ascontiguousarray((levels < 1 - level).T)
    corners = ((high, high), (low, low), (high, low), (low, high))
    counts = np.array(
        [[np.count_nonzero(a[i] & b[j]) for i, j in pairs] for a, b in corners], dtype=np.float64
    )
    return (counts + 0.5) / (n + 1) / (1 - level)


def chibar(chi: _Array, level: float) -> _Array:
    r"""Compute :math:`\bar\chi(u)`, in (-1, 1], from a positive :math:`\chi(u)`."""
    return 2 * math.log(1 - level) / np.log(chi * (1 - level)) - 1


def extremal_coefficients(levels: _Array, pairs: NDArray[np.intp]) -> _Array:
    r"""Compute the extremal coefficient of pairs of columns by their F-madogram.

    .. math:: \nu = \tfrac12 E |U - V|, \qquad \theta = (1 + 2 \nu) / (1 - 2 \nu):

    1 for columns that are functions of each other, 2 for independent ones, above where one is
    high as the other is low. For extreme value copulas it is :math:`2 - \chi`.

    Args:
        levels: Levels of the values in their columns, shape ``(n, d)``.
        pairs: Pairs of columns, shape ``(k, 2)``.

    Returns:
        Shape ``(k,)``.

    References:
        Cooley, Naveau and Poncet, Variograms for spatial max-stable random fields, 2006.
    """
    columns = np.ascontiguousarray(levels.T)
    twice = np.array([np.abs(columns[i] - columns[j]).mean() for i, j in pairs])
    return (1 + twice) / (1 - twice)
