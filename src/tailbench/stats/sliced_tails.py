"""A distance between samples that exists for every tail index and does not lose the tails."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tailbench.stats.order_statistics import column_quantiles
from tailbench.stats.shared_work import once

__all__ = [
    "SlicedReference",
    "both_in_quartile_units",
    "projections",
    "quartile_units",
    "tail_weighted_distance",
]

FARTHEST = 10

_Array = NDArray[np.float64]


def quartile_units(x: _Array, reference: _Array) -> _Array:
    """Compute points in quartile ranges from the median of a reference, column by column.

    Args:
        x: Points, shape ``(n, d)``.
        reference: Points that give median and quartile range, shape ``(m, d)``; a column whose
            quartiles agree is not divided.
    """
    return both_in_quartile_units((x,), reference)[0]


def both_in_quartile_units(tables: Sequence[_Array], reference: _Array) -> list[_Array]:
    """Compute ``quartile_units`` of several tables, whose units are computed once.

    Args:
        tables: Points, each of shape ``(n, d)``.
        reference: Points that give the units, shape ``(m, d)``.
    """
    return [_in_units(x, reference) for x in tables]


@once
def _in_units(x: _Array, reference: _Array) -> _Array:
    low, median, high = _quartiles(reference)
    width = np.where(high > low, high - low, 1.0)
    units = x - median
    units /= width
    return units


@once
def _quartiles(reference: _Array) -> _Array:
    return column_quantiles(reference, [0.25, 0.5, 0.75])


def projections(x: _Array, theta: _Array, reference: _Array) -> _Array:
    r"""Compute the values of points along directions, and their norm, in units of a reference.

    Columns are in ``quartile_units``, so that none outweighs the others.

    Args:
        x: Points, shape ``(n, d)``.
        theta: Directions, shape ``(k, d)``.
        reference: Points that give the units, shape ``(m, d)``.

    Returns:
        Shape ``(n, k + 1)``; the last is the Euclidean norm.
    """
    z = quartile_units(x, reference)
    return np.concatenate([z @ theta.T, np.linalg.norm(z, axis=1, keepdims=True)], axis=1)


def tail_weighted_distance(x: _Array, reference: _Array) -> float:
    r"""Compute a distance between distribution functions on a line in which tails weigh.

    .. math:: D = \frac1m \sum_{i=t+1}^{m-t} \Bigl(\frac{F(y_{(i)}) - p_i}{p_i (1 - p_i)}\Bigr)^2
        \approx \int \frac{(F - G)^2}{G (1 - G)} \, d \log \frac{G}{1 - G},
        \qquad p_i = \frac{i - 1/2}{m},

    with the ordered reference :math:`y_{(i)}` of the law :math:`G` and the distribution function
    :math:`F` of the sample. Anderson and Darling weigh every level by the inverse of its
    variance, but integrate over the levels, of which one in a hundred lies in the top hundredth;
    here the top hundredth counts as much as the next nine. The ``t = 10`` farthest points of the
    reference on each side (a quarter, of fewer than 40) are left out, as their own levels are not
    known better than to a factor; so what the sample has beyond them counts by its share alone. It
    depends on ranks: it exists whatever the moments.

    Args:
        x: Sample, shape ``(n,)``.
        reference: Reference, shape ``(m,)``.

    References:
        Anderson and Darling, Asymptotic theory of certain goodness of fit criteria, 1952; Sinclair,
        Spurr and Ahmad, Modified Anderson Darling test, 1990 (the second weight, on one tail).
    """
    return float(SlicedReference(reference[:, None]).distances(x[:, None])[0])


class SlicedReference:
    """Data on many lines, to which samples are compared by the mean of ``tail_weighted_distance``.

    What depends on the data alone is computed once, whatever the number of samples.

    Args:
        lines: Values of the data on every line, shape ``(m, k)``: see ``projections``.
        parts: Numbers of the rows that are compared by themselves, besides all of them.
    """

    def __init__(self, lines: _Array, parts: Sequence[NDArray[np.int64]] = ()) -> None:
        columns = np.ascontiguousarray(lines.T)
        order = np.argsort(columns, axis=1, kind="stable")
        self._points = np.take_along_axis(columns, order, axis=1)
        self._parts = [self._part(order, rows) for rows in (np.arange(len(lines)), *parts)]

    def _part(
        self, order: NDArray[np.int64], rows: NDArray[np.int64]
    ) -> tuple[int, NDArray[np.int64], _Array]:
        """Return the number of rows, the places of their inner points in rising order, and levels.

        Both are of shape ``(k, inner points)``.
        """
        chosen = np.zeros(order.shape[1], dtype=bool)
        chosen[rows] = True
        places = np.stack([np.flatnonzero(line) for line in chosen[order]])
        own = np.take_along_axis(self._points, places, axis=1)
        trimmed = min(FARTHEST, len(rows) // 4)
        inner = slice(trimmed, len(rows) - trimmed)
        return len(rows), places[:, inner], _mid_ranks(own, own[:, inner])

    def distances(self, x: _Array) -> _Array:
        """Compute the mean distance of a sample from all data, and from each part of them.

        Args:
            x: Sample on every line, shape ``(n, k)``.

        Returns:
            Shape ``(1 + parts,)``.
        """
        ordered = np.sort(np.ascontiguousarray(x.T), axis=1)
        reached = _mid_ranks(ordered, self._points)
        found = []
        for rows, places, levels in self._parts:
            own = np.take_along_axis(reached, places, axis=1)
            terms = ((own - levels) / (levels * (1.0 - levels))) ** 2
            found.append(float(terms.sum(axis=1).mean()) / rows)
        return np.array(found)


def _mid_ranks(ordered: _Array, points: _Array) -> _Array:
    """Compute samples' distribution functions, halfway up their jumps: data may have atoms.

    Args:
        ordered: A sample in rising order on every line, shape ``(k, n)``.
        points: Where, in rising order, shape ``(k, m)``.
    """
    found = np.empty(points.shape)
    for own, line, out in zip(ordered, points, found, strict=True):
        below = np.searchsorted(own, line, side="left")
        met = own[np.minimum(below, len(own) - 1)] == line
        out[:] = below
        if met.any():
            out[met] += 0.5 * (np.searchsorted(own, line[met], side="right") - below[met])
    return found / ordered.shape[1]
