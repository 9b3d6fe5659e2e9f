"""Optimal transport between projections on lines, and the search for the worst line.

Costs along given directions are POT's. The gradient ascent over directions is our own, because
POT has none: its maximum is the best of the directions that it is given.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from tailbench.stats.pot import import_pot

__all__ = [
    "coupling",
    "from_the_middle",
    "maximise_direction",
    "random_directions",
    "single_order",
    "transport_costs",
]

_Array = NDArray[np.float64]
_Coupling = tuple[NDArray[np.intp], NDArray[np.intp], _Array]
_BLOCK = 1_000_000  # projected values that an ascent holds at once
_SINGLE = 20_000  # rows above which an ascent orders projections in single precision


def random_directions(dim: int, count: int, rng: np.random.Generator) -> _Array:
    """Draw independent directions, uniform on the unit sphere.

    In one dimension every direction is the same line, and a single one is returned.

    Args:
        dim: Dimension ``d`` of the space.
        count: Number ``k`` of directions.
        rng: Source of the directions.

    Returns:
        Unit vectors, shape ``(k, d)``, or ``(1, 1)`` in one dimension.
    """
    if dim == 1:
        return np.ones((1, 1))
    draws = rng.standard_normal((count, dim))
    return draws / np.linalg.norm(draws, axis=1, keepdims=True)


def coupling(n: int, m: int) -> _Coupling:
    """Compute the optimal plan between the sorted points of samples of ``n`` and ``m`` points.

    On the line the optimal plan sends the ``i``-th point to the ``j``-th wherever the intervals
    ``[i/n, (i+1)/n)`` and ``[j/m, (j+1)/m)`` overlap. The ends are compared as integers, hence
    the plan is exact.

    Returns:
        Ranks ``i``, ranks ``j`` and masses of the at most ``n + m - 1`` pairs, in rising order.
    """
    common = math.gcd(n, m)
    width_x, width_y = m // common, n // common
    ends = np.union1d(np.arange(1, n + 1) * width_x, np.arange(1, m + 1) * width_y)
    mass = np.diff(ends, prepend=0) / (n * width_x)
    return (ends - 1) // width_x, (ends - 1) // width_y, mass


def transport_costs(x: _Array, y: _Array, theta: _Array, p: float) -> _Array:
    r"""Compute ``W_p^p`` between the projections of two samples on each direction, by POT.

    .. math:: W_p^p = \int_0^1 |F_x^{-1}(u) - F_y^{-1}(u)|^p \, du

    with the empirical quantile functions of ``x @ theta[i]`` and ``y @ theta[i]``, by
    ``ot.emd2_1d``, which goes through both sorted samples once. The mean of the costs, to the power
    ``1/p``, is ``ot.sliced_wasserstein_distance``, which searches the levels of the quantile
    functions and takes longer.

    Args:
        x: First sample, finite, shape ``(n, d)``.
        y: Second sample, finite, shape ``(m, d)``.
        theta: Directions, shape ``(k, d)``.
        p: Order, at least 1.

    Returns:
        Costs, shape ``(k,)``, in units of the data to the power ``p``; infinite where a power
        overflows.

    Raises:
        ValueError: If a sample is not finite.

    References:
        Bonneel et al., Sliced and Radon Wasserstein barycenters of measures, 2015; Flamary et
        al., POT: Python Optimal Transport, 2021.
    """
    ot = import_pot()
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ValueError("the samples are not finite")
    metric = "cityblock" if p == 1 else "sqeuclidean" if p == 2 else "minkowski"
    costs = np.empty(len(theta))
    with np.errstate(over="ignore"):
        for i, direction in enumerate(theta):
            costs[i] = ot.emd2_1d(x @ direction, y @ direction, metric=metric, p=p, dense=False)
    costs[np.isnan(costs)] = np.inf  # POT multiplies a gap that overflowed by a mass of zero
    return costs


def from_the_middle(x: _Array, y: _Array) -> tuple[_Array, _Array]:
    """Return two samples from a middle of the second, which leaves transport between them as it is.

    Single precision has its digits about zero: where columns lie far from it, all values would be
    one number.

    Args:
        x: First sample, shape ``(n, d)``.
        y: Second sample, shape ``(m, d)``, of a thousand rows or so of which the medians are taken.
    """
    middle = np.median(y[:: max(1, len(y) // 1000)], axis=0)
    return x - middle, y - middle


def maximise_direction(
    x: _Array, y: _Array, theta: _Array, p: float, steps: int
) -> tuple[_Array, _Array]:
    r"""Compute directions of larger ``W_p^p`` by projected gradient ascent on the unit sphere.

    With the sorting permutations held fixed, the gradient of the cost is
    ``mean p |delta|^(p-1) sign(delta) (x_sigma(i) - y_tau(i))``, where ``delta`` is the gap of
    the projections. A step that does not raise the cost is taken back and the next one is
    shorter, so that the cost never falls. Directions do not influence one another. Samples of one
    size, of more than 20,000 rows, are ordered by ``single_order``, which moves a cost by about
    1e-7 of it.

    Args:
        x: First sample, shape ``(n, d)``.
        y: Second sample, shape ``(m, d)``.
        theta: Where to start, shape ``(k, d)``.
        p: Order of the distance, at least 1.
        steps: Steps per direction.

    Returns:
        Costs ``W_p^p``, shape ``(k,)``, and the directions that have them, shape ``(k, d)``.

    References:
        Deshpande et al., Max-sliced Wasserstein distance and its use for GANs, 2019.
    """
    by_rank = len(x) == len(y) > _SINGLE
    pairs = None if by_rank else coupling(len(x), len(y))
    if by_rank:
        x, y = from_the_middle(x, y)
    theta = theta.copy()
    cost, gradient = _slope(x, y, theta, p, pairs)
    length = np.full((len(theta), 1), 0.5)
    for _ in range(steps):
        if length.max() < 1e-6:
            break
        tangent = gradient - np.sum(gradient * theta, axis=1, keepdims=True) * theta
        size = np.linalg.norm(tangent, axis=1, keepdims=True)
        trial = theta + length * tangent / np.where(size > 0, size, 1.0)
        trial /= np.linalg.norm(trial, axis=1, keepdims=True)
        trial_cost, trial_gradient = _slope(x, y, trial, p, pairs)
        up = trial_cost > cost
        cost[up], theta[up], gradient[up] = trial_cost[up], trial[up], trial_gradient[up]
        length *= np.where(up, 1.2, 0.4)[:, None]
    return cost, theta


def _slope(
    x: _Array, y: _Array, theta: _Array, p: float, pairs: _Coupling | None
) -> tuple[_Array, _Array]:
    """Compute ``W_p^p`` along each direction, ``(k,)``, and its gradient, ``(k, d)``."""
    if pairs is None:
        return _slope_by_rank(x, y, theta, p)
    rank_x, rank_y, mass = pairs
    cost = np.empty(len(theta))
    gradient = np.empty_like(theta)
    for part in _blocks(len(theta), max(len(x), len(y)), _BLOCK):
        order_x, sorted_x = _sorted_along(x, theta[part])
        order_y, sorted_y = _sorted_along(y, theta[part])
        delta = sorted_x[:, rank_x] - sorted_y[:, rank_y]  # (b, pairs)
        gaps = np.abs(delta)
        cost[part] = _power(gaps, p) @ mass
        pull = p * np.sign(delta) * _power(gaps, p - 1) * mass
        gradient[part] = _gather(pull, rank_x, order_x) @ x - _gather(pull, rank_y, order_y) @ y
    return cost, gradient


def _slope_by_rank(x: _Array, y: _Array, theta: _Array, p: float) -> tuple[_Array, _Array]:
    """Compute what ``_slope`` does of samples of one size, line by line to stay in the cache."""
    cost = np.empty(len(theta))
    pulls = theta @ x.T, theta @ y.T  # the projections first, overwritten one by one
    for k, (first, second) in enumerate(zip(*pulls, strict=True)):
        order, other = single_order(first), single_order(second)
        delta = first[order] - second[other]
        gaps = np.abs(delta)
        cost[k] = _power(gaps, p).mean()
        pull = delta if p == 2 else np.sign(delta) * _power(gaps, p - 1)
        pull *= p / len(x)
        first[order], second[other] = pull, pull
    return cost, pulls[0] @ x - pulls[1] @ y


def single_order(values: _Array) -> NDArray[np.int64]:
    """Return an order in which values rise in single precision, by one sort of whole numbers.

    It takes a third of the time of ``np.argsort``, and where two values change places their gap is
    1e-7 of them. Each number that is sorted has the bits of a value above, in an order that is that
    of the values, and its place below.

    Args:
        values: Finite values, shape ``(n,)``.
    """
    with np.errstate(over="ignore"):
        keys = values.astype(np.float32).view(np.int32).astype(np.int64)
    keys ^= (keys >> 31) & 0x7FFFFFFF  # of negative values the larger bits are those farther out
    keys <<= 32
    keys |= np.arange(len(values))
    keys.sort()
    keys &= 0xFFFFFFFF
    return keys


def _sorted_along(points: _Array, theta: _Array) -> tuple[NDArray[np.intp], _Array]:
    """Compute the sorting permutations and the sorted projections, each ``(b, n)``."""
    along = theta @ points.T
    order = np.argsort(along, axis=1)
    return order, np.take_along_axis(along, order, axis=1)


def _gather(pull: _Array, rank: NDArray[np.intp], order: NDArray[np.intp]) -> _Array:
    """Compute the sum over the pairs of each point, ``(b, pairs)`` to ``(b, n)``."""
    per_rank = np.add.reduceat(pull, np.searchsorted(rank, np.arange(order.shape[1])), axis=1)
    per_point = np.empty_like(per_rank)
    np.put_along_axis(per_point, order, per_rank, axis=1)
    return per_point


def _power(values: _Array, p: float) -> _Array:
    """Compute a power, without the cost of ``pow`` for the orders in use."""
    if p == 1:
        return values
    return np.square(values) if p == 2 else values**p


def _blocks(count: int, points: int, values: int) -> Iterator[slice]:
    """Build runs of the directions that have at most so many projected values together."""
    step = max(1, values // points)
    return (slice(start, start + step) for start in range(0, count, step))
