r"""Laws of the random variance of Gaussian scale mixtures, as nodes and weights of a quadrature.

A Student-t or symmetric stable vector is :math:`\sqrt{V} G` with a Gaussian :math:`G` and a random
variance :math:`V > 0`. An integral over :math:`\log V` by the trapezoidal rule converges faster
than any power of its spacing, so a few hundred nodes give it to near the precision of floats, as
far out as the nodes reach.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tailbench.stats.stable import double_exponential_rule

__all__ = ["MixingLaw", "StableVariance", "StudentVariance", "log_density_of_log_stable"]

Array = NDArray[np.float64]
SPACING = 0.25
CUT = 40.0  # e-folds: what is left out is e^-40 of the whole
CORE = 6.0
ROUNDING = 8.0  # nodes reach to a multiple of it, so that a few sets of them serve all points


class MixingLaw(Protocol):
    """The law of a random variance, in logarithms."""

    def nodes(self, dim: int, far: float) -> tuple[Array, Array]:
        r"""Return logarithms of variances and of their weights, each of shape ``(j,)``.

        Args:
            dim: Dimension of the Gaussian; the posterior of the variance, given a point, narrows
                as :math:`1/\sqrt d`, and the spacing with it.
            far: Logarithm of the largest variance that a point may ask for; the nodes go as far
                beyond it as the integrand of the density does.
        """


@dataclass(frozen=True)
class StudentVariance:
    r"""The variance of Student's t: :math:`1/V \sim \Gamma(\nu/2)` with the rate :math:`\nu/2`.

    Attributes:
        nu: Degrees of freedom, which are the tail index.
    """

    nu: float

    def nodes(self, dim: int, far: float) -> tuple[Array, Array]:
        """Return logarithms of variances and of their weights; see ``MixingLaw``."""
        return _student_nodes(self.nu, dim, _reach(far, self.nu, dim))


@dataclass(frozen=True)
class StableVariance:
    r"""The positive stable variance: :math:`E e^{-u V} = e^{-(2u)^{\alpha/2}}`.

    Then :math:`E e^{i \langle u, \sqrt V G \rangle} = e^{-\|u\|^\alpha}`.

    Attributes:
        alpha: Stability in (0, 2), which is the tail index.
    """

    alpha: float

    def nodes(self, dim: int, far: float) -> tuple[Array, Array]:
        """Return logarithms of variances and of their weights; see ``MixingLaw``."""
        return _stable_nodes(self.alpha, dim, _reach(far, self.alpha, dim))


def _reach(far: float, index: float, dim: int) -> float:
    """Return where nodes end: beyond ``far`` the integrand falls by ``(index + dim)/2`` an e-fold.

    The law of the variance alone falls by half the index.
    """
    end = max(far, 0.0) + 2.0 * CUT / (index + dim)
    return ROUNDING * math.ceil(end / ROUNDING)


def _spacing(index: float, dim: int) -> float:
    """Return a spacing that resolves the posterior of log V, a log-gamma of shape (index + d)/2."""
    return min(SPACING, 0.7 * math.sqrt(2.0 / (index + dim)))


@lru_cache(maxsize=64)
def _student_nodes(nu: float, dim: int, end: float) -> tuple[Array, Array]:
    step, half = _spacing(nu, dim), 0.5 * nu
    low = math.log(half / (2.0 * (nu + dim) + 60.0))
    log_v = np.arange(low, end + step, step)
    log_w = half * math.log(half) - math.lgamma(half) - half * log_v - half * np.exp(-log_v)
    return log_v, log_w + math.log(step)


@lru_cache(maxsize=64)
def _stable_nodes(alpha: float, dim: int, end: float) -> tuple[Array, Array]:
    r"""Compute nodes that are dense about the mode and spread out beyond it.

    The law has a width of :math:`w = (1-a)/a`, :math:`a = \alpha/2`, about its mode, which
    vanishes as alpha goes to 2, and a power tail: nodes are equally spaced in ``t``, with
    :math:`\log v = c + w t + (1 - w) \log(1 + e^{t - t_0})`.
    """
    a, step = 0.5 * alpha, _spacing(alpha, dim)
    width = min(1.0, (1.0 - a) / a)
    turn = CORE - math.log(width)
    centre = _log_least(a)
    low = -math.log(60.0 + 2.0 * dim) * (1.0 if width < 1.0 else (1.0 - a) / a)
    high = (end - centre + (1.0 - width) * turn) if width < 1.0 else end - centre
    t = np.arange(low, high + step, step)
    log_v = centre + width * t + (1.0 - width) * np.logaddexp(0.0, t - turn)
    slope = width + (1.0 - width) / (1.0 + np.exp(turn - t))
    return log_v, log_density_of_log_stable(log_v, alpha) + np.log(step * slope)


def _log_least(a: float) -> float:
    """Return the logarithm of the factor K of ``log_density_of_log_stable`` at the angle 0."""
    return math.log(2.0 * a) + (1.0 - a) / a * math.log1p(-a)


def _log_factor(z: Array, a: float) -> Array:
    r"""Compute :math:`\log K(\theta)` at :math:`\theta = \pi (1 - e^{-z})`, both ends exact."""
    angle, rest = -math.pi * np.expm1(-z), math.pi * np.exp(-z)
    small = np.minimum(angle, rest)
    with np.errstate(divide="ignore", invalid="ignore"):  # at the angle 0, where the limit is known
        value = (
            math.log(2.0)
            + np.log(np.sin(a * angle))
            - np.log(np.sin(small)) / a
            + (1.0 - a) / a * np.log(np.sin((1.0 - a) * angle))
        )
    return np.where(angle < 1e-9, _log_least(a), value)


def log_density_of_log_stable(log_v: Array, alpha: float) -> Array:
    r"""Compute the log-density of :math:`\log V` of the positive stable law.

    With :math:`a = \alpha/2`, :math:`b = a/(1-a)` and :math:`E e^{-u V} = e^{-(2u)^a}`,

    .. math:: f(\log v) = \frac{b}{\pi} \int_0^\pi h e^{-h} \, d\theta, \qquad
        h = \left(\frac{K(\theta)}{v}\right)^{b}, \qquad
        K = \frac{2 \sin a\theta}{(\sin\theta)^{1/a}} (\sin (1-a)\theta)^{(1-a)/a}.

    ``K`` rises from its least value to infinity. The integral is split where ``h`` is one, or at
    0 if it is nowhere so small, and taken in :math:`-\log(1 - \theta/\pi)` by the
    double-exponential rule on both sides. Relative error about 1e-12.

    Args:
        log_v: Logarithms of values, shape ``(m,)``.
        alpha: Stability in (0, 2).

    Returns:
        Log-densities, shape ``(m,)``.

    References:
        Kanter, Stable densities under change of scale and total variation inequalities, 1975;
        Zolotarev, One-dimensional stable distributions, 1986.
    """
    a = 0.5 * alpha
    b = a / (1.0 - a)

    def log_h(z: Array) -> Array:
        return b * (_log_factor(z, a) - (log_v if z.ndim == 1 else log_v[:, None]))

    top = np.maximum(log_h(np.zeros_like(log_v)), 0.0)
    limit = a * np.maximum(log_v, 0.0) + 100.0
    split = np.where(top > 0.0, 0.0, _rising_root(log_h, top, limit))
    end = _rising_root(log_h, np.log(np.exp(np.minimum(top, 600.0)) + CUT), limit)
    node, weight = double_exponential_rule()
    parts = []
    for begin, length in ((np.zeros_like(split), split), (split, end - split)):
        z = begin[:, None] + length[:, None] * node
        exponent = log_h(z)
        with np.errstate(divide="ignore", over="ignore"):
            measure = np.log(weight * length[:, None]) - z
            # relative to e^{-h} at the split, which may be less than any float
            parts.append(exponent - (np.exp(exponent) - np.exp(top)[:, None]) + measure)
    terms = np.concatenate(parts, axis=1)
    most = terms.max(axis=1)
    return math.log(b) - np.exp(top) + most + np.log(np.exp(terms - most[:, None]).sum(axis=1))


def _rising_root(function: Callable[[Array], Array], level: Array, limit: Array) -> Array:
    """Return where a rising function reaches a level between 0 and a limit, by bisection."""
    low, high = np.zeros_like(limit), limit.copy()
    for _ in range(64):
        middle = 0.5 * (low + high)
        short = function(middle) < level
        low, high = np.where(short, middle, low), np.where(short, high, middle)
    return 0.5 * (low + high)
