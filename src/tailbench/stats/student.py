"""The standard Student-t law: in logarithms, its scale, and its mixture of Gaussians."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

__all__ = ["log_pdf", "log_tail", "mixing_scale", "quartile_ratio"]

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


def quartile_ratio(nu: float) -> float:
    """Return the quartile with ``nu`` degrees of freedom over that of a Gaussian; 1 at infinity."""
    from scipy.special import ndtri, stdtrit

    return 1.0 if math.isinf(nu) else float(stdtrit(nu, 0.75) / ndtri(0.75))


def mixing_scale(u: Array, nu: Array | float) -> Array:
    r"""Compute the random scale that makes a Student-t vector of a Gaussian one.

    .. math:: T = G / \sqrt\kappa, \qquad \kappa \sim \chi^2_\nu / \nu,

    with one :math:`\kappa` for all coordinates; the scale is :math:`1/\sqrt\kappa`, and one
    where ``nu`` is infinite.

    Args:
        u: Levels of :math:`\kappa`, in (0, 1): uniform numbers, for draws.
        nu: Degrees of freedom, positive, broadcast against ``u``.

    Returns:
        The scales, of the shape that both have together.
    """
    from scipy.special import gammaincinv

    half = 0.5 * np.where(np.isinf(nu), 1.0, nu)
    return np.where(np.isinf(nu), 1.0, np.sqrt(half / gammaincinv(half, u)))
