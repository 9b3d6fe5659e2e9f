"""One-dimensional optimal transport along many directions, and the search for the worst one."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["coupling", "maximise_direction", "random_directions", "transport_costs"]

_Array = NDArray[np.float64]
_Coupling = tuple[NDArray[np.intp], NDArray[np.intp], _Array]
_BLOCK = 1_000_000  # projected values held at once


def random_directions(dim: int, count: int, rng: np.random.Generator) -> _Array:
    """Draw independent directions, uniform on the unit sphere, shape ``(count, dim)``.

    In one dimension every direction is the same line, and a single one is given.
    """
    if dim == 1:
        return np.ones((1, 1))
    draws = rng.standard_normal((count, dim))
    return draws / np.linalg.norm(draws, axis=1, keepdims=True)


def coupling(n: int, m: int) -> _Coupling:
    """Match the sorted points of two uniform samples of sizes ``n`` and ``m``.

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


def transport_costs(x: _Array, y: _Array, theta: _Array, orders: Sequence[float]) -> _Array:
    r"""Give ``W_p^p`` between the projections of two samples, for each order and direction.

    Args:
        x: First sample, shape ``(n, d)``.
        y: Second sample, shape ``(m, d)``.
        theta: Directions, shape ``(k, d)``.
        orders: Orders ``p >= 1``.

    Returns:
        Costs, shape ``(len(orders), k)``.
    """
    pairs = None if len(x) == len(y) else coupling(len(x), len(y))
    costs = np.empty((len(orders), len(theta)))
    for part in _blocks(len(theta), max(len(x), len(y))):
        sorted_x = np.sort(theta[part] @ x.T, axis=1)  # (b, n)
        sorted_y = np.sort(theta[part] @ y.T, axis=1)  # (b, m)
        if pairs is None:
            gaps = np.abs(sorted_x - sorted_y)  # (b, n)
            for row, p in enumerate(orders):
                costs[row, part] = _power(gaps, p).mean(axis=1)
        else:
            gaps = np.abs(sorted_x[:, pairs[0]] - sorted_y[:, pairs[1]])  # (b, pairs)
            for row, p in enumerate(orders):
                costs[row, part] = _power(gaps, p) @ pairs[2]
    return costs


def maximise_direction(
    x: _Array, y: _Array, theta: _Array, p: float, steps: int
) -> tuple[_Array, _Array]:
    r"""Raise ``W_p^p`` along each direction by projected gradient ascent on the unit sphere.

    With the sorting permutations held fixed, the gradient of the cost is
    ``mean p |delta|^(p-1) sign(delta) (x_sigma(i) - y_tau(i))``, where ``delta`` is the gap of
    the projections. A step that does not raise the cost is taken back and the next one is
    shorter, so that the cost never falls. Directions do not influence one another.

    Args:
        x: First sample, shape ``(n, d)``.
        y: Second sample, shape ``(m, d)``.
        theta: Where to start, shape ``(k, d)``.
        p: Order of the distance, at least 1.
        steps: Steps per direction.

    Returns:
        Costs ``W_p^p``, shape ``(k,)``, and the directions that have them, shape ``(k, d)``.
    """
    pairs = coupling(len(x), len(y))
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
    x: _Array, y: _Array, theta: _Array, p: float, pairs: _Coupling
) -> tuple[_Array, _Array]:
    """Give ``W_p^p`` along each direction, ``(k,)``, and its gradient, ``(k, d)``."""
    rank_x, rank_y, mass = pairs
    cost = np.empty(len(theta))
    gradient = np.empty_like(theta)
    for part in _blocks(len(theta), max(len(x), len(y))):
        order_x, sorted_x = _sorted_along(x, theta[part])
        order_y, sorted_y = _sorted_along(y, theta[part])
        delta = sorted_x[:, rank_x] - sorted_y[:, rank_y]  # (b, pairs)
        gaps = np.abs(delta)
        cost[part] = _power(gaps, p) @ mass
        pull = p * np.sign(delta) * _power(gaps, p - 1) * mass
        gradient[part] = _gather(pull, rank_x, order_x) @ x - _gather(pull, rank_y, order_y) @ y
    return cost, gradient


def _sorted_along(points: _Array, theta: _Array) -> tuple[NDArray[np.intp], _Array]:
    """Give the sorting permutations of the projections, and the sorted projections, ``(b, n)``."""
    along = theta @ points.T
    order = np.argsort(along, axis=1)
    return order, np.take_along_axis(along, order, axis=1)


def _gather(pull: _Array, rank: NDArray[np.intp], order: NDArray[np.intp]) -> _Array:
    """Sum what pulls at each point over its pairs, ``(b, pairs)`` to ``(b, n)``."""
    per_rank = np.add.reduceat(pull, np.searchsorted(rank, np.arange(order.shape[1])), axis=1)
    per_point = np.empty_like(per_rank)
    np.put_along_axis(per_point, order, per_rank, axis=1)
    return per_point


def _power(values: _Array, p: float) -> _Array:
    """Raise to a power, without the cost of ``pow`` for the orders in use."""
    if p == 1:
        return values
    return np.square(values) if p == 2 else values**p


def _blocks(count: int, points: int) -> Iterator[slice]:
    """Cut the directions into runs whose projections fit into memory together."""
    step = max(1, _BLOCK // points)
    return (slice(start, start + step) for start in range(0, count, step))
