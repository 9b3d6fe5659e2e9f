r"""The tail of the symmetric stable law at many points of both signs, from a table.

``tailbench.stats.stable.log_tail`` takes an integral at each point, which a mixture in many
dimensions asks for by the million. Here the logarithm of the tail is a cubic spline of known slopes
in :math:`y = \operatorname{arsinh} x`, in which a power law is nearly a straight line; beyond the
table it is one.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tailbench.stats.stable import log_tail

if TYPE_CHECKING:
    from scipy.interpolate import CubicHermiteSpline

__all__ = ["stable_log_pdf", "stable_log_tail"]

Array = NDArray[np.float64]

STEP = 0.01  # of arsinh(x), between nodes
END = 45.0  # of arsinh(x): x of 2e19


def stable_log_tail(x: Array, alpha: float) -> Array:
    r"""Compute :math:`\log P(X > x)` of the law :math:`E e^{iuX} = e^{-|u|^\alpha}`.

    The relative error of the probability is below 1e-7.

    Args:
        x: Values of any sign.
        alpha: Stability in [0.5, 2]; exact at 1 and 2. Below, the law is too narrow for the table.

    Returns:
        Logarithms, of the shape of ``x``.
    """
    if alpha == 2.0:
        from scipy.special import log_ndtr

        value: Array = log_ndtr(-np.asarray(x) / math.sqrt(2.0))
        return value
    far = _upper(np.abs(x), alpha)
    return np.where(x >= 0.0, far, np.log1p(-np.exp(far)))


def stable_log_pdf(x: Array, alpha: float) -> Array:
    """Compute the log-density, which is the slope of the table; arguments as above."""
    x = np.abs(x)
    if alpha == 2.0:
        return -0.25 * x**2 - 0.5 * math.log(4.0 * math.pi)
    if alpha == 1.0:
        return -np.log1p(x**2) - math.log(math.pi)
    y = np.arcsinh(x)
    slope = np.minimum(_table(alpha)(np.minimum(y, END), 1), -np.finfo(float).tiny)
    return _upper(x, alpha) + np.log(-slope) - np.log(np.hypot(1.0, x))


def _upper(x: Array, alpha: float) -> Array:
    """Return the logarithm of the tail at values of at least 0."""
    if alpha == 1.0:
        with np.errstate(divide="ignore"):
            return np.log(np.arctan2(1.0, x) / math.pi)
    table = _table(alpha)
    y = np.arcsinh(x)
    inner = np.minimum(y, END)
    value: Array = table(inner) - alpha * (y - inner)
    return value


@lru_cache(maxsize=16)
def _table(alpha: float) -> CubicHermiteSpline:
    """Compute the logarithm of the upper tail as a function of arsinh(x), with its slope."""
    from scipy.interpolate import CubicHermiteSpline

    y = np.arange(0.0, END + STEP, STEP)
    x = np.sinh(y[1:])
    tail, pdf = log_tail(x, alpha)
    at_zero = math.lgamma(1.0 + 1.0 / alpha) - math.log(math.pi)  # log-density
    values = np.append(math.log(0.5), tail)
    slopes = np.append(-2.0 * math.exp(at_zero), -np.exp(pdf - tail) * np.cosh(y[1:]))
    return CubicHermiteSpline(y, values, slopes)
