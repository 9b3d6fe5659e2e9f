"""The search for the worst line by Adam over a stereographic parameter of its direction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tailbench.stats.sliced_transport import coupling, single_order

__all__ = ["stereographic_ascent"]

_Array = NDArray[np.float64]
_Coupling = tuple[NDArray[np.intp], NDArray[np.intp], _Array]
_Order = Callable[[_Array], NDArray[np.int64]]
_DECAY, _DECAY_SQUARES, _SMALL = 0.9, 0.999, 1e-8  # Adam's own defaults


def stereographic_ascent(
    x: _Array,
    y: _Array,
    theta: _Array,
    *,
    rate: float,
    tolerance: float,
    steps: int,
    single: bool = False,
) -> _Array:
    r"""Compute a direction of large ``W_2`` by Adam's ascent from one start.

    A direction is written as

    .. math:: \theta = \frac{(2u, \|u\|^2 - 1)}{\|u\|^2 + 1}, \qquad u \in R^{d - 1},

    and Adam climbs ``log W_2`` in ``u``. With the sorting permutations held fixed, its gradient in
    ``theta`` is ``mean(delta (x_sigma(i) - y_tau(i))) / W_2^2``, where ``delta`` is the gap of the
    projections. The ascent ends where a step changes ``W_2`` by less than ``tolerance`` of it, or
    after so many steps; the last direction is returned, which need not be the best one.

    Args:
        x: First sample, shape ``(n, d)``.
        y: Second sample, shape ``(m, d)``.
        theta: Where to start, a unit vector ``(d,)`` other than the last axis.
        rate: Adam's step.
        tolerance: Relative change at which the ascent ends.
        steps: Most steps.
        single: Whether projections are ordered by their values in single precision, which takes a
            third of the time. Where two points change places their gap is 1e-7 of their value.

    Returns:
        A unit vector, shape ``(d,)``.

    References:
        Kingma and Ba, Adam: a method for stochastic optimization, 2015; Fassina, Cardoso, Le Corff
        and Romary, Generalizing score-based generative models for heavy-tailed distributions,
        2026, who search for directions so.
    """
    if len(theta) == 1:
        return theta
    pairs = None if len(x) == len(y) else coupling(len(x), len(y))
    order = single_order if single else np.argsort
    if single:  # products with long rows are faster; of the others the last digits would change
        x, y = np.asfortranarray(x), np.asfortranarray(y)
    u = theta[:-1] / (1 - theta[-1])
    mean, squares, before = np.zeros_like(u), np.zeros_like(u), np.inf
    for step in range(1, steps + 1):
        distance, slope = _distance_and_slope(x, y, _direction(u), pairs, order)
        if abs(distance - before) <= tolerance * distance:
            break
        before = distance
        size = u @ u + 1
        climb = 2 / size * slope[:-1] + 4 / size**2 * (slope[-1] - u @ slope[:-1]) * u
        mean = _DECAY * mean + (1 - _DECAY) * climb
        squares = _DECAY_SQUARES * squares + (1 - _DECAY_SQUARES) * climb**2
        spread = np.sqrt(squares / (1 - _DECAY_SQUARES**step))
        u = u + rate * mean / (1 - _DECAY**step) / (spread + _SMALL)
    return _direction(u)


def _direction(u: _Array) -> _Array:
    size = u @ u + 1
    return np.append(2 * u, size - 2) / size


def _distance_and_slope(
    x: _Array, y: _Array, theta: _Array, pairs: _Coupling | None, order: _Order
) -> tuple[float, _Array]:
    """Compute ``W_2`` along a direction, and the gradient ``(d,)`` of its logarithm.

    Without the logarithm Adam's steps would depend on the unit of the data, by its least divisor.
    """
    along_x, along_y = x @ theta, y @ theta
    order_x, order_y = order(along_x), order(along_y)
    if pairs is None:
        pull = (along_x[order_x] - along_y[order_y]) * (1 / len(x))
        weights_x: NDArray[Any] = np.empty_like(pull)
        weights_y: NDArray[Any] = np.empty_like(pull)
        weights_x[order_x], weights_y[order_y] = pull, pull
    else:
        rank_x, rank_y, mass = pairs
        pull = mass * (along_x[order_x][rank_x] - along_y[order_y][rank_y])
        weights_x = np.bincount(order_x[rank_x], pull, len(x))
        weights_y = np.bincount(order_y[rank_y], pull, len(y))
    slope = weights_x @ x - weights_y @ y
    square = float(slope @ theta)  # W_2^2: the slope is linear in the direction
    return float(np.sqrt(max(square, 0.0))), slope / square if square > 0 else 0 * slope
