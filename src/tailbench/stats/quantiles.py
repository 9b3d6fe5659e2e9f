"""Exact quantiles by inversion of tail probabilities, for many levels at once.

Every level is reflected into the upper tail first, so that a small probability is never
the difference of two large ones: levels keep their relative accuracy up to the spacing of
floats near one.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["invert", "mixture_quantiles", "read_levels"]

Array = NDArray[np.float64]
Tail = Callable[[Array], tuple[Array, Array]]


def read_levels(p: ArrayLike) -> Array:
    """Return probability levels as an array.

    Args:
        p: Levels in [0, 1]: a number, or an array of shape ``(m,)``.

    Returns:
        The levels, shape ``(m,)``.

    Raises:
        ValueError: If a level is not in [0, 1] or the array has more than one axis.
    """
    levels = np.atleast_1d(np.asarray(p, dtype=np.float64))
    if levels.ndim > 1:
        raise ValueError(f"levels must have one axis, not the shape {levels.shape}")
    if not np.all((levels >= 0.0) & (levels <= 1.0)):
        raise ValueError("levels must be in [0, 1]")
    return levels


def invert(tail: Tail, q: Array, lower: Array, upper: Array, steps: int = 200) -> Array:
    r"""Compute the solution of :math:`P(Z > z) = q`, by Newton's method inside a bracket.

    The unknown is :math:`y = \operatorname{arsinh} z`, in which the logarithm of a power-law
    tail is nearly a straight line; a step that leaves the bracket, or does not halve, is
    replaced by a bisection.

    Args:
        tail: Function of ``z``, shape ``(m,)``, that returns :math:`\log P(Z > z)` and
            :math:`\log` of the density, element by element.
        q: Tail probabilities in (0, 1), shape ``(m,)``.
        lower: Values with a tail probability of at least ``q``, shape ``(m,)``.
        upper: Values with a tail probability of at most ``q``, shape ``(m,)``.
        steps: Largest number of steps.

    Returns:
        The solutions, shape ``(m,)``, to about 1e-14.
    """
    low, high = np.arcsinh(lower), np.arcsinh(upper)
    log_q = np.log(q)
    y = 0.5 * (low + high)
    move = high - low
    for _ in range(steps):
        log_tail, log_pdf = tail(np.sinh(y))
        excess = log_tail - log_q
        low, high = np.where(excess >= 0.0, y, low), np.where(excess <= 0.0, y, high)
        with np.errstate(all="ignore"):  # the density may be 0 between two modes
            step = excess * np.exp(log_tail - log_pdf) / np.cosh(y)
        close = 1e-14 * np.maximum(1.0, np.abs(y))
        good = np.abs(step) <= np.maximum(0.5 * np.abs(move), close)
        good &= (y + step >= low - close) & (y + step <= high + close)
        move = np.where(good, step, 0.5 * (low + high) - y)
        y = y + move
        if np.all(np.abs(move) <= close):
            break
    return np.sinh(y)


def mixture_quantiles(
    p: ArrayLike,
    weights: Array,
    loc: Array,
    scale: Array,
    log_tail: Callable[[Array], Array],
    log_pdf: Callable[[Array], Array],
    isf: Callable[[Array], Array],
) -> Array:
    r"""Compute the quantiles of a mixture of shifted and scaled copies of one symmetric law.

    The distribution function is :math:`F(x) = \sum_i w_i F_0((x - \mu_i) / \sigma_i)`.

    A quantile of the mixture lies between the least and the greatest of the same quantile
    of its components, which is the bracket.

    Args:
        p: Levels in [0, 1], shape ``(m,)``.
        weights: Probabilities of the components, shape ``(k,)``.
        loc: Their centres, shape ``(k,)``.
        scale: Their scales, shape ``(k,)``.
        log_tail: Logarithm of the upper tail probability of the standard law.
        log_pdf: Logarithm of its density.
        isf: Inverse of its upper tail probability.

    Returns:
        Quantiles, shape ``(m,)``; infinite at the levels 0 and 1. Where the distribution function
        is flat to rounding, between components far apart, any point of the flat part.

    Raises:
        ValueError: If a level is not in [0, 1] or ``p`` has more than one axis.
    """
    from scipy.special import logsumexp

    levels = read_levels(p)
    loc, scale, weights = (a[weights > 0] for a in (loc, scale, weights))
    side = np.where(levels > 0.5, 1.0, -1.0)
    q = np.minimum(levels, 1.0 - levels)
    out = side * np.inf
    inside = q > 0
    side, q = side[inside], q[inside]
    centres = side[:, None] * loc  # (m, k)
    log_w = np.log(weights)

    def tail(z: Array) -> tuple[Array, Array]:
        u = (z[:, None] - centres) / scale
        return (
            logsumexp(log_w + log_tail(u), axis=1),
            logsumexp(log_w + log_pdf(u) - np.log(scale), axis=1),
        )

    ends = centres + scale * isf(q)[:, None]
    out[inside] = side * invert(tail, q, ends.min(axis=1), ends.max(axis=1))
    return out
