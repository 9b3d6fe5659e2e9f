r"""The generalised Pareto law of what lies beyond a threshold, on the upper side of a column.

The lower side is the upper side of the column with its sign changed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tailbench.stats.tail_index import estimate_side

__all__ = ["ParetoTail", "fit_pareto_tail", "fit_scale"]

Array = NDArray[np.float64]

MIN_TAIL = 30  # values beyond a threshold, of which an index is estimated
NEAR = 20.0  # a bound farther away, in mean excesses, leaves the side its own tail
EDGE = 1e-12  # how near to a bound, as a share of its distance, a value is taken to be


@dataclass(frozen=True)
class ParetoTail:
    r"""The upper tail of one column.

    With :math:`y = x - u` the excess over the threshold,

    .. math:: P(X > x) = \zeta \left(1 + \xi \frac{y}{s}\right)^{-1/\xi},

    at :math:`\xi = 0` the exponential law. A tail that ``ends`` at a bound ``b`` near by is the
    same with :math:`\xi < 0` and :math:`s = |\xi| (b - u)`, and computed by the distance to the
    bound, so that positive data stay positive to the last digit.

    Attributes:
        mass: Probability :math:`\zeta` beyond the threshold; 0 if the column has no such tail.
        threshold: The threshold :math:`u`, in units of the data.
        scale: The scale :math:`s`, in units of the data.
        xi: Extreme value index :math:`\xi`.
        bound: Value that nothing exceeds; infinite if there is none. Where the tail does not end
            there, what would lie beyond is put on it.
        ends: Whether the tail ends at the bound by its own formula.
    """

    mass: float
    threshold: float
    scale: float
    xi: float
    bound: float = math.inf
    ends: bool = False

    def survival(self, x: Array) -> Array:
        """Return :math:`P(X > x)` at values of at least the threshold, of the shape of ``x``."""
        with np.errstate(divide="ignore"):  # the logarithm of nothing
            if self.ends:
                room = np.maximum(self.bound - x, 0.0) / (self.bound - self.threshold)
                return self.mass * np.exp(-np.log(room) / self.xi)
            y = (x - self.threshold) / self.scale
            if self.xi == 0.0:
                beyond = np.exp(-y)
            else:
                beyond = np.exp(-np.log1p(np.maximum(self.xi * y, -1.0)) / self.xi)
        return np.where(x < self.bound, self.mass * beyond, 0.0)

    def inverse(self, q: Array) -> Array:
        """Return the values with :math:`P(X > x) = q`, for ``q`` of at most the mass."""
        with np.errstate(divide="ignore"):
            depth = -np.log(q / self.mass)
        if self.ends:
            return self.bound - (self.bound - self.threshold) * np.exp(self.xi * depth)
        y = depth if self.xi == 0.0 else np.expm1(self.xi * depth) / self.xi
        return np.minimum(self.threshold + self.scale * y, self.bound)


def fit_pareto_tail(x: Array, threshold: float, mass: float) -> ParetoTail:
    r"""Train the upper tail of a column beyond a threshold.

    The index :math:`\xi`, not below -1, is the moment estimate that the whole project uses
    (:func:`tailbench.stats.tail_index.estimate_side`), on as many distances to the median as there
    are values beyond the threshold, and 0 of fewer than 30; the scale is that of maximal
    likelihood given :math:`\xi`. A column without positive values is bounded by zero. If zero is
    at most 20 mean excesses beyond the threshold, the tail ends there, and the likelihood gives
    :math:`|\xi|`, the mean of :math:`-\log(1 - y/b)` for a bound at the distance :math:`b`.

    Args:
        x: Values, shape ``(n,)``.
        threshold: The threshold, in units of the data.
        mass: Probability of what lies beyond.

    Returns:
        The tail; one without mass if no value is beyond the threshold.

    References:
        Pickands, Statistical inference using extreme order statistics, 1975; Dekkers, Einmahl and
        de Haan, A moment estimator for the index of an extreme-value distribution, 1989.
    """
    y = x[x > threshold] - threshold
    bound = 0.0 if x.max() <= 0 else math.inf
    if len(y) == 0 or mass <= 0:
        return ParetoTail(0.0, threshold, 0.0, 0.0, bound)
    room = bound - threshold
    if room <= NEAR * y.mean():
        xi = float(np.log1p(-np.minimum(y / room, 1.0 - EDGE)).mean())
        return ParetoTail(mass, threshold, -xi * room, xi, bound, ends=True)
    xi = max(_index(x, len(y)), -1.0)
    return ParetoTail(mass, threshold, fit_scale(y, xi), xi, bound)


def _index(x: Array, k: int) -> float:
    """Return the moment estimate of the index by the ``k`` largest values of a column."""
    median = float(np.median(x))
    distances = x[x > median] - median
    if k < MIN_TAIL:
        return 0.0
    tail = estimate_side(distances, fraction=k / len(distances))
    return 0.0 if tail is None else tail.xi


def fit_scale(y: Array, xi: float) -> float:
    r"""Compute the scale of maximal likelihood of a generalised Pareto law of known index.

    It solves :math:`\frac1k \sum_i \frac{(1 + \xi) y_i}{s + \xi y_i} = 1`, which has one solution
    between the least and the greatest excess.

    Args:
        y: Excesses, positive, shape ``(k,)``.
        xi: The index :math:`\xi`, at least -1.

    Returns:
        The scale, in units of the excesses: their mean at 0, their maximum at -1.
    """
    from scipy.optimize import brentq

    if xi == 0.0:
        return float(y.mean())
    unit = float(y.max())
    z = y / unit
    low = max(float(z.min()), -xi * (1.0 + 1e-12))
    if low >= 1.0:
        return unit

    def excess(log_s: float) -> float:
        return float(np.mean((1.0 + xi) * z / (math.exp(log_s) + xi * z))) - 1.0

    ends = math.log(low), 0.0
    if excess(ends[0]) <= 0.0:
        return unit * low
    return unit * math.exp(brentq(excess, *ends, xtol=1e-13))
