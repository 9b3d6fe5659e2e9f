r"""Spline flows of a given capacity on the line, and their distance from a symmetric law.

The flow maps a standard normal ``z`` to ``x = T(z)``. ``T`` passes through quantiles of the law at
``k`` levels on each side, with the derivative that makes the densities equal there: a monotone
rational-quadratic spline. Beyond the last knot the tail is that of a generalised Pareto law with
extreme value index ``xi`` (the tail transform), or Gaussian if ``xi`` is ``None`` (``T`` linear).
No flow is trained: this is the member of the family that theory interpolates with.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tailbench.theory.heavy_tails.scale_mixtures import FARTHEST, ScaleMixture

__all__ = ["SplineFlow"]

Array = NDArray[np.float64]
NODES, WEIGHTS = np.polynomial.legendre.leggauss(40)


@dataclass(frozen=True)
class SplineFlow:
    """The flow of ``k`` bins on each side that interpolates a symmetric law.

    Attributes:
        law: The law, on the line.
        bins: Bins on each side of 0; the probability beyond the last knots is ``1 / (bins + 1)``.
        xi: Extreme value index of the tails; ``None`` for Gaussian tails.
    """

    law: ScaleMixture
    bins: int
    xi: float | None

    @cached_property
    def _knots(self) -> tuple[Array, Array, Array]:
        """Base points, points and derivatives ``dx/dz`` at the knots from 0 on."""
        from scipy.special import ndtri

        above = 0.5 * (1.0 - np.arange(self.bins + 1) / (self.bins + 1))
        z = -ndtri(above)
        x = np.concatenate([[0.0], self.law.quantile(above[1:])])
        slope = np.exp(-0.5 * z * z - 0.5 * math.log(2 * math.pi) - self.law.log_density(x))
        return z, x, slope

    def log_density(self, x: Array) -> Array:
        """Log-density at ``x``, of its shape."""
        from scipy.special import log_ndtr

        z, knots, slope = self._knots
        r = np.abs(x)
        out = np.empty_like(r)
        inside = r < knots[-1]
        j = np.searchsorted(knots, r[inside], side="right") - 1
        dz, dx = np.diff(z)[j], np.diff(knots)[j]
        rise, d0, d1 = dx / dz, slope[j], slope[j + 1]
        y = r[inside] - knots[j]
        bend = d0 + d1 - 2 * rise
        a = dx * (rise - d0) + y * bend
        b = dx * d0 - y * bend
        c = -rise * y
        t = 2 * c / (-b - np.sqrt(b * b - 4 * a * c))
        below = rise + bend * t * (1 - t)
        derivative = rise**2 * (d1 * t * t + 2 * rise * t * (1 - t) + d0 * (1 - t) ** 2) / below**2
        base = z[j] + t * dz
        out[inside] = -0.5 * base**2 - 0.5 * math.log(2 * math.pi) - np.log(derivative)
        far = r[~inside] - knots[-1]
        if self.xi is None:
            base = z[-1] + far / slope[-1]
            out[~inside] = -0.5 * base**2 - 0.5 * math.log(2 * math.pi) - math.log(slope[-1])
        else:
            log_mass = float(log_ndtr(-z[-1]))
            scale = math.exp(log_mass - float(self.law.log_density(knots[-1:])[0]))
            far = self.xi * far / scale
            out[~inside] = log_mass - math.log(scale) - (1 + 1 / self.xi) * np.log1p(far)
        return out

    def distances(self) -> tuple[float, float]:
        """Kullback-Leibler divergence of the law from the flow, and their total variation.

        The divergence is infinite if the tails of the flow are Gaussian and the law has no
        variance.
        """
        edges = self._knots[1]
        far = np.sinh(np.linspace(math.asinh(edges[-1]), math.asinh(FARTHEST), 120))
        edges = np.concatenate([edges, far[1:]])
        half = 0.5 * np.diff(edges)
        x = (0.5 * (edges[1:] + edges[:-1]))[:, None] + half[:, None] * NODES
        log_p = self.law.log_density(x.ravel()).reshape(x.shape)
        log_q = self.log_density(x.ravel()).reshape(x.shape)
        p, q = np.exp(log_p), np.exp(log_q)
        # p log(p/q) - p + q is nowhere negative: no cancellation, whatever the precision of masses
        terms = p * (log_p - log_q) - p + q
        divergence = 2 * float(half @ (terms @ WEIGHTS))
        if self.xi is None and not math.isfinite(self.law.variance()):
            divergence = math.inf
        return divergence, float(half @ (np.abs(p - q) @ WEIGHTS))
