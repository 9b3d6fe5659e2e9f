"""The standard univariate Student-t law, in logarithms."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

__all__ = ["log_pdf", "log_tail"]

Array = NDArray[np.float64]


def log_pdf(x: Array, nu: float) -> Array:
    r"""Compute :math:`\log f(x)` with ``nu`` degrees of freedom, element by element.

    .. math:: f(x) = \frac{\Gamma((\nu+1)/2)}{\Gamma(\nu/2) \sqrt{\pi\nu}}
        \left(1 + \frac{x^2}{\nu}\right)^{-(\nu+1)/2}

    Args:
        x: Values, any shape.
        nu: Degrees of freedom, positive.

    Returns:
        The log-density, of the shape of ``x``.
    """
    constant = math.lgamma(0.5 * (nu + 1.0)) - math.lgamma(0.5 * nu)
    return constant - 0.5 * math.log(math.pi * nu) - 0.5 * (nu + 1.0) * np.log1p(x**2 / nu)


def log_tail(x: Array, nu: float) -> Array:
    r"""Compute :math:`\log P(X > x)`, element by element.

    Args:
        x: Values, any shape.
        nu: Degrees of freedom, positive.

    Returns:
        The logarithm of the tail probability, of the shape of ``x``; minus infinity where the
        probability is less than the smallest float.
    """
    from scipy.special import stdtr

    with np.errstate(divide="ignore"):  # a light tail may vanish
        return np.log(stdtr(nu, -x))
