r"""Heavy-tailed laws as mixtures of centred Gaussians, whose diffusion is exact.

A Student-t or symmetric stable vector is :math:`\sqrt{W} Z` with a random variance ``W``. An
integral over ``log W`` by the trapezoidal rule converges faster than any power of its spacing, so
a few hundred variances give densities to near the precision of floats, far into the tails. With
exploding variance ``W`` becomes ``W + sigma^2``, and nothing else changes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["ScaleMixture", "wide_grid"]

Array = NDArray[np.float64]
SPACING = 0.25
FARTHEST = 1e6  # where laws end: the mass beyond is of no account to any distance here
CHUNK = 3_000_000


def wide_grid(n: int, far: float = FARTHEST) -> tuple[Array, Array]:
    """Return points from ``-far`` to ``far``, dense near 0, and their weights in an integral.

    They are equally spaced in ``asinh``; an odd number of points has 0 among them.
    """
    w = np.linspace(-math.asinh(far), math.asinh(far), n)
    return np.sinh(w), np.cosh(w) * (w[1] - w[0])


@dataclass(frozen=True)
class ScaleMixture:
    """The mixture of ``N(0, variance_j I)`` in ``dim`` dimensions.

    Attributes:
        weights: Probabilities, shape ``(j,)``.
        variances: Variances, shape ``(j,)``.
        tail_index: Exponent of the tail.
        dim: Dimension of the vectors, on the norms of which densities depend.
    """

    weights: Array
    variances: Array
    tail_index: float
    dim: int = 1

    @classmethod
    def student(cls, nu: float, dim: int = 1) -> ScaleMixture:
        """Make Student's t with ``nu`` degrees of freedom and unit scale."""
        low = math.log(nu / 2) - math.log(745.0)
        u = np.arange(low, 2 * math.log(FARTHEST) + 12.0, SPACING)
        variance = np.exp(u)
        log_w = -0.5 * nu * u - 0.5 * nu / variance
        log_w += 0.5 * nu * math.log(0.5 * nu) - math.lgamma(0.5 * nu) + math.log(SPACING)
        return cls(np.exp(log_w), variance, nu, dim)

    @classmethod
    def stable(cls, alpha: float, dim: int = 1) -> ScaleMixture:
        """Make the isotropic stable law of unit scale, ``E exp(i u X) = exp(-|u|^alpha)``.

        The density of the variance is the mean over an angle of Kanter's representation.
        """
        a = 0.5 * alpha
        # the angle by a logistic map, equally spaced: dense at both ends, of which the upper one
        # holds the far tail
        s = np.arange(-45.0, 45.0, 0.02)
        angle, rest = math.pi / (1 + np.exp(-s)), math.pi / (1 + np.exp(s))
        weight = 0.02 * angle * rest / math.pi**2
        log_k = (
            math.log(2.0)
            + np.log(np.sin(a * angle))
            - np.log(np.sin(np.minimum(angle, rest))) / a
            + (1 - a) / a * np.log(np.sin((1 - a) * angle))
        )
        spacing = min(SPACING, 0.6 * (1 - a))
        u = np.arange(-8.0, 2 * math.log(FARTHEST) + 12.0, spacing)
        log_x = np.minimum(a / (1 - a) * (log_k - u[:, None]), 700.0)
        w = a / (1 - a) * (np.exp(log_x - np.exp(log_x)) @ weight) * spacing
        keep = w > 0
        return cls(w[keep], np.exp(u[keep]), alpha, dim)

    def noised(self, sigma: float) -> ScaleMixture:
        """Return the law of ``X + sigma Z``."""
        return ScaleMixture(self.weights, self.variances + sigma**2, self.tail_index, self.dim)

    def log_density(self, r: Array) -> Array:
        """Log-density at points of norm ``|r|``, shape ``(n,)``."""
        return self._posterior(r, ())[0]

    def score(self, y: Array) -> tuple[Array, Array]:
        """Score on the line and its derivative at ``y``, each of shape ``(n,)``."""
        _, (first, second) = self._posterior(y, (1, 2))
        return -y * first, y * y * (second - first**2) - first

    def variance(self) -> float:
        """Variance of a coordinate; infinite if the tail index is at most 2."""
        if self.tail_index <= 2:
            return math.inf
        return float(self.weights @ self.variances)

    def cdf(self, y: Array) -> tuple[Array, Array]:
        """Probability below and above ``y`` of shape ``(n,)``, on the line."""
        from scipy.special import ndtr

        z = y[:, None] / np.sqrt(self.variances)
        return ndtr(z) @ self.weights, ndtr(-z) @ self.weights

    def quantile(self, above: Array) -> Array:
        """Return the points with probabilities ``above`` them, each below 1/2, by bisection."""
        low, high = np.zeros_like(above), np.full_like(above, math.asinh(FARTHEST))
        for _ in range(60):
            middle = 0.5 * (low + high)
            short = self.cdf(np.sinh(middle))[1] > above
            low, high = np.where(short, middle, low), np.where(short, high, middle)
        return np.sinh(0.5 * (low + high))

    def sample(self, n: int, rng: np.random.Generator) -> Array:
        """Draw norms of ``n`` vectors, shape ``(n,)``."""
        p = self.weights / self.weights.sum()
        variance = rng.choice(self.variances, size=n, p=p)
        return np.sqrt(variance * rng.chisquare(self.dim, size=n))

    def _posterior(self, r: Array, powers: tuple[int, ...]) -> tuple[Array, tuple[Array, ...]]:
        """Return the log-density and means of powers of 1 / variance given the point."""
        with np.errstate(divide="ignore"):
            offset = np.log(self.weights) - 0.5 * self.dim * np.log(2 * math.pi * self.variances)
        precision = 1.0 / self.variances
        columns = np.stack([np.ones_like(precision), *(precision**k for k in powers)], axis=1)
        rows = max(1, CHUNK // len(precision))
        log_p, means = np.empty(len(r)), np.empty((len(r), columns.shape[1]))
        for i in range(0, len(r), rows):
            logits = offset - 0.5 * np.square(r[i : i + rows, None]) * precision
            top = logits.max(axis=1, keepdims=True)
            means[i : i + rows] = np.exp(logits - top) @ columns
            log_p[i : i + rows] = top[:, 0]
        return log_p + np.log(means[:, 0]), tuple((means[:, 1:] / means[:, :1]).T)
