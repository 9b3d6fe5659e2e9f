"""A distance between samples that exists for every tail index and does not lose the tails."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["projections", "quartile_units", "sliced_tail_distance", "tail_weighted_distance"]

FARTHEST = 10

_Array = NDArray[np.float64]


def quartile_units(x: _Array, reference: _Array) -> _Array:
    """Compute points in quartile ranges from the median of a reference, column by column.

    Args:
        x: Points, shape ``(n, d)``.
        reference: Points that give median and quartile range, shape ``(m, d)``; a column whose
            quartiles agree is not divided.
    """
    low, median, high = np.quantile(reference, [0.25, 0.5, 0.75], axis=0)
    return (x - median) / np.where(high > low, high - low, 1.0)


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
    return _distance(np.sort(x), np.sort(reference))


def _distance(ordered: _Array, points: _Array) -> float:
    """Compute the distance between samples in rising order."""
    trimmed = min(FARTHEST, len(points) // 4)
    inner = points[trimmed : len(points) - trimmed]
    own, levels = (_mid_ranks(values, inner) for values in (ordered, points))
    terms = ((own - levels) / (levels * (1.0 - levels))) ** 2
    return float(terms.sum()) / len(points)


def _mid_ranks(ordered: _Array, points: _Array) -> _Array:
    """Compute a sample's distribution function, halfway up its jumps: data may have atoms."""
    below = np.searchsorted(ordered, points, side="left")
    above = np.searchsorted(ordered, points, side="right")
    return 0.5 * (below + above) / len(ordered)


def sliced_tail_distance(x: _Array, references: Sequence[_Array]) -> _Array:
    """Compute the mean of ``tail_weighted_distance`` over lines, from each of some references.

    Args:
        x: Sample on every line, shape ``(n, k)``.
        references: References on the same lines, each of shape ``(m, k)``.

    Returns:
        One distance per reference.
    """
    ordered = np.sort(x, axis=0).T
    return np.array(
        [
            np.mean(
                [
                    _distance(own, line)
                    for own, line in zip(ordered, np.sort(reference, axis=0).T, strict=True)
                ]
            )
            for reference in references
        ]
    )
