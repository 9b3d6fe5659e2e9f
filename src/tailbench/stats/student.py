"""The standard univariate Student-t law, in logarithms."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

__all__ = ["log_pdf", "log_tail"]

Array = NDArray[np.float64]


def log_pdf(x: Array, nu: float) -> Array:
    """Give the log-density with ``nu`` degrees of freedom, element by element."""
    constant = math.lgamma(0.5 * (nu + 1.0)) - math.lgamma(0.5 * nu)
    return constant - 0.5 * math.log(math.pi * nu) - 0.5 * (nu + 1.0) * np.log1p(x**2 / nu)


def log_tail(x: Array, nu: float) -> Array:
    """Give the logarithm of the probability above ``x``, element by element."""
    from scipy.special import stdtr

    with np.errstate(divide="ignore"):  # a light tail may vanish
        return np.log(stdtr(nu, -x))
