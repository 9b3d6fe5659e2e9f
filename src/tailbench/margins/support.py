"""Columns that have bounds, and a map of the whole line onto them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["SupportMap", "bounds_of"]

Array = NDArray[np.float64]


@dataclass(frozen=True)
class SupportMap:
    r"""An increasing map between the values of a column within bounds and the whole line.

    With the scale :math:`s` of the column, :math:`t = (x - a) / s` from a lower bound ``a`` and
    :math:`u = (b - x) / s` to an upper bound ``b``,

    .. math:: y = \log(e^t - 1), \qquad x = a + s \log(1 + e^y)

    where there is a lower bound alone, the same mirrored for an upper bound alone, and, for both,

    .. math:: y = t + \log(1 - e^{-t}) - \log(1 - e^{-u}).

    Near a bound it is the logarithm of the distance, and some scales away the identity: a side
    without a bound keeps the index of its tail and, up to the unit, its scale, whatever model
    learns ``y``, and a bound that is far away changes nothing. No ``y`` leaves the bounds; one far
    out may be rounded to a bound.

    Attributes:
        low: Lower bound, minus infinity without one.
        high: Upper bound, infinity without one.
        scale: Robust scale of the column, positive, in its units.

    References:
        Dugas et al., Incorporating second-order functional knowledge for better option pricing,
        2001 (softplus); Klimek and Perelstein, Neural network-based approach to phase space
        integration, 2018 (with both bounds).
    """

    low: float
    high: float
    scale: float

    def to_line(self, x: Array) -> Array:
        """Map values strictly within the bounds to the line, in scales of the column."""
        if math.isinf(self.low):
            return -SupportMap(-self.high, math.inf, self.scale).to_line(-x)
        t = (x - self.low) / self.scale
        y = t + np.log(-np.expm1(-t))
        return y if math.isinf(self.high) else y - np.log(-np.expm1((x - self.high) / self.scale))

    def to_data(self, y: Array) -> Array:
        """Map the line to values that are never beyond the bounds."""
        if math.isinf(self.low):
            return 0.0 - SupportMap(-self.high, math.inf, self.scale).to_data(-y)
        if math.isinf(self.high):
            return self.low + self.scale * np.logaddexp(0.0, y)
        length = (self.high - self.low) / self.scale
        # The distance from the nearer bound: that from the other one is rounded near it.
        near = np.logaddexp(0.0, y) - np.logaddexp(0.0, y - length)
        far = np.logaddexp(0.0, length - y) - np.logaddexp(0.0, -y)
        x = np.where(y < 0.5 * length, self.low + self.scale * near, self.high - self.scale * far)
        return np.clip(x, self.low, self.high)  # of rounding alone


def bounds_of(x: Array) -> tuple[float, float]:
    """Return the values that a column does not pass, infinite where there are none.

    That is zero where no value is beyond it, and an extreme value that one in two hundred, and at
    least three, are equal to. Copula and margins of the models take the same bounds.

    Args:
        x: Values of a column, shape ``(n,)``.
    """
    sides = []
    for y in (-x, x):
        top = float(y.max())
        tied = int((y == top).sum()) >= max(3.0, 0.005 * len(y))
        sides.append(0.0 if top <= 0 else top if tied else math.inf)
    return 0.0 - sides[0], sides[1]
