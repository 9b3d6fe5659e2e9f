r"""Laws on the line whose diffusion has an exact density and score.

The forward process keeps a law of the form :math:`Y = a X + \sqrt{v} Z` with a standard normal
``Z``: ``a = exp(-t)``, ``v = 1 - exp(-2t)`` for the Ornstein-Uhlenbeck process, ``a = 1``,
``v = sigma^2`` for exploding variance. By Tweedie's formula the score of ``Y`` is
:math:`(a E[X | Y] - Y) / v`.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Atoms", "Law", "PiecewiseGaussian", "Smooth", "log_interval"]

Array = NDArray[np.float64]
LOG_TWO_PI = math.log(2.0 * math.pi)
PANELS = 300
NODES, WEIGHTS = np.polynomial.legendre.leggauss(10)


def log_interval(low: ArrayLike, high: ArrayLike) -> Array:
    """Return the logarithm of the standard normal probability of ``[low, high]``."""
    from scipy.special import log_ndtr

    low, high = np.broadcast_arrays(np.asarray(low, float), np.asarray(high, float))
    with np.errstate(invalid="ignore"):
        flip = low + high > 0  # of the infinite line the sum is not a number, and either will do
    low, high = np.where(flip, -high, low), np.where(flip, -low, high)
    top = log_ndtr(high)
    return top + np.log1p(-np.exp(log_ndtr(low) - top))


class Law:
    """A law with a density on an interval, smooth between its kinks.

    Subclasses write ``log_kernel`` and ``diffused``.

    Args:
        low: Where the density begins, or is below the precision of floats.
        high: Where it ends.
        kinks: Points in between where it is not smooth.
    """

    def __init__(self, low: float, high: float, kinks: Sequence[float] = ()) -> None:
        self.low, self.high, self.kinks = low, high, tuple(kinks)

    def log_kernel(self, x: Array) -> Array:
        """Log-density up to a constant, element by element."""
        raise NotImplementedError

    def diffused(self, y: Array, a: float, v: float) -> tuple[Array, Array]:
        """Log-density and score of ``a X + sqrt(v) Z`` at ``y``, each of its shape."""
        raise NotImplementedError

    @cached_property
    def _edges(self) -> Array:
        width = (self.high - self.low) / PANELS
        ends = [self.low, *(k for k in sorted(self.kinks) if self.low < k < self.high), self.high]
        parts = [
            np.linspace(a, b, max(2, math.ceil((b - a) / width) + 1))
            for a, b in itertools.pairwise(ends)
        ]
        return np.unique(np.concatenate(parts))

    @cached_property
    def _table(self) -> tuple[float, Array, Array]:
        """Log of the total mass, and the mass below and above each edge."""
        masses = self._integrate(self._edges[:-1], self._edges[1:], 0.0)
        total = masses.sum()
        below = np.concatenate([[0.0], np.cumsum(masses)]) / total
        above = np.concatenate([np.cumsum(masses[::-1])[::-1], [0.0]]) / total
        return math.log(total), below, above

    def _integrate(self, low: Array, high: Array, log_total: float) -> Array:
        """Integrate the density by Gauss and Legendre, an interval inside a panel at a time."""
        half = 0.5 * (high - low)
        x = (0.5 * (high + low))[:, None] + half[:, None] * NODES
        return half * (np.exp(self.log_kernel(x) - log_total) @ WEIGHTS)

    def log_density(self, x: ArrayLike) -> Array:
        """Log-density at ``x``, of its shape."""
        return self.log_kernel(np.asarray(x, float)) - self._table[0]

    def rule(self) -> tuple[Array, Array]:
        """Points and weights that integrate smooth functions against the law."""
        low, high = self._edges[:-1], self._edges[1:]
        half = 0.5 * (high - low)
        x = (0.5 * (high + low))[:, None] + half[:, None] * NODES
        return x.ravel(), (half[:, None] * np.exp(self.log_density(x)) * WEIGHTS).ravel()

    def moments(self) -> tuple[float, float]:
        """Mean and variance."""
        x, w = self.rule()
        mean = float(w @ x)
        return mean, float(w @ (x - mean) ** 2)

    def cdf(self, x: ArrayLike) -> tuple[Array, Array]:
        """Probability below and above ``x`` of shape ``(n,)``, each of its shape."""
        log_total, below, above = self._table
        at = np.clip(np.asarray(x, float), self.low, self.high)
        j = np.clip(np.searchsorted(self._edges, at, side="right") - 1, 0, len(self._edges) - 2)
        part = self._integrate(self._edges[j], at, log_total)
        rest = self._integrate(at, self._edges[j + 1], log_total)
        return below[j] + part, above[j + 1] + rest

    def quantile(self, below: Array, above: Array) -> Array:
        """Return the points with a probability ``below`` and ``above`` them, each shape ``(n,)``.

        Both are given so that neither tail loses its relative precision. Newton's method inside
        a panel; the error is near the precision of floats wherever the density is positive.
        """
        log_total, left, right = self._table
        lower = below <= above
        j = np.where(
            lower,
            np.searchsorted(left, below, side="right") - 1,
            len(right) - 1 - np.searchsorted(right[::-1], above, side="left"),
        )
        j = np.clip(j, 0, len(left) - 2)
        a, b = self._edges[j], self._edges[j + 1]
        mass = self._integrate(a, b, log_total)
        wanted = np.clip(np.where(lower, below - left[j], mass - (above - right[j + 1])), 0, mass)
        with np.errstate(divide="ignore", invalid="ignore"):
            x = a + (b - a) * np.where(mass > 0, wanted / mass, 0.5)
            for _ in range(4):
                excess = self._integrate(a, x, log_total) - wanted
                step = excess / np.exp(self.log_density(x))
                x = np.clip(np.where(np.isfinite(step), x - step, x), a, b)
        return x


class PiecewiseGaussian(Law):
    r"""A density :math:`\sum_i 1[l_i < x < r_i] \exp(c_i + b_i x - k_i x^2 / 2)`, up to a factor.

    Elastic nets, mixtures of Gaussians and uniform laws are of this form; a Gaussian convolution
    of each piece is a Gaussian probability in closed form.

    Args:
        pieces: Tuples ``(c, b, k, l, r)``; ends may be infinite where the piece decays.
        low: Where the density begins, or is below the precision of floats.
        high: Where it ends.
    """

    def __init__(self, pieces: Sequence[Sequence[float]], low: float, high: float) -> None:
        self.pieces = np.asarray(pieces, float)
        ends = self.pieces[:, 3:].ravel()
        super().__init__(low, high, [float(x) for x in np.unique(ends[np.isfinite(ends)])])

    @classmethod
    def mixture(
        cls, weights: Sequence[float], means: Sequence[float], stds: Sequence[float]
    ) -> PiecewiseGaussian:
        """Make a mixture of Gaussians."""
        w, m, s = (np.asarray(a, float) for a in (weights, means, stds))
        constant = np.log(w) - np.log(s) - 0.5 * (m / s) ** 2
        infinite = np.full_like(w, math.inf)
        pieces = np.stack([constant, m / s**2, 1 / s**2, -infinite, infinite], axis=1)
        return cls(pieces.tolist(), float((m - 9 * s).min()), float((m + 9 * s).max()))

    @classmethod
    def uniform(cls, half_width: float) -> PiecewiseGaussian:
        """Make the uniform law on ``[-half_width, half_width]``."""
        return cls([(0.0, 0.0, 0.0, -half_width, half_width)], -half_width, half_width)

    @classmethod
    def laplace(cls, rate: float) -> PiecewiseGaussian:
        """Make the law of density ``exp(-rate |x|)``."""
        pieces = [(0.0, rate, 0.0, -math.inf, 0.0), (0.0, -rate, 0.0, 0.0, math.inf)]
        return cls(pieces, -36.0 / rate, 36.0 / rate)

    @classmethod
    def kinked(cls, b: float, c: float) -> PiecewiseGaussian:
        """Make the law of density ``exp(-b x^2 - c |x|)``, ``b > 0``; ``c`` may be negative."""
        top = (max(0.0, -c) + math.sqrt(c * c + 4 * b * 42)) / (2 * b)
        pieces = [(0.0, c, 2 * b, -math.inf, 0.0), (0.0, -c, 2 * b, 0.0, math.inf)]
        return cls(pieces, -top, top)

    def log_kernel(self, x: Array) -> Array:
        """Log-density up to a constant, element by element."""
        c, b, k, low, high = self.pieces.T[..., *(None,) * np.ndim(x)]
        inside = (x >= low) & (x <= high)
        with np.errstate(divide="ignore"):
            value = np.where(inside, np.exp(c + b * x - 0.5 * k * x * x), 0.0).sum(axis=0)
            return np.log(value)

    def diffused(self, y: Array, a: float, v: float) -> tuple[Array, Array]:
        """Log-density and score of ``a X + sqrt(v) Z`` at ``y``, each of its shape."""
        c, b, k, low, high = self.pieces.T[..., *(None,) * np.ndim(y)]
        precision = k + a * a / v
        root = np.sqrt(precision)
        shift = b + a * y / v
        mean = shift / precision
        lower, upper = root * (low - mean), root * (high - mean)
        log_mass = log_interval(lower, upper)
        # c - y^2 / 2v + shift^2 / 2 precision, with the large terms cancelled by hand
        log_piece = (
            c
            + (0.5 * b * b + b * a * y / v - 0.5 * k * y * y / v) / precision
            - 0.5 * np.log(v * precision)
            + log_mass
        )
        top = log_piece.max(axis=0)
        share = np.exp(log_piece - top)
        total = share.sum(axis=0)
        edge = np.exp(-0.5 * lower**2 - 0.5 * LOG_TWO_PI - log_mass)
        edge = edge - np.exp(-0.5 * upper**2 - 0.5 * LOG_TWO_PI - log_mass)
        # a E[X | y] - y, again without the difference of large terms
        excess = (a * b - k * y) / precision + a * edge / root
        score = (share * excess).sum(axis=0) / total / v
        return top + np.log(total) - self._table[0], score


class Smooth(Law):
    """A law given by a smooth log-density that decays fast, by the trapezoidal rule.

    The rule converges faster than any power of its spacing, which is kept below the width of
    what is integrated: the relative error is below 1e-12.

    Args:
        log_kernel: The log-density up to a constant.
        low: Where the density is below the precision of floats.
        high: The same on the other side.
        width: Length on which the density changes.
    """

    def __init__(self, log_kernel: object, low: float, high: float, width: float) -> None:
        super().__init__(low, high)
        self._log_kernel, self.width = log_kernel, width

    def log_kernel(self, x: Array) -> Array:
        """Log-density up to a constant, element by element."""
        return self._log_kernel(x)  # type: ignore[operator]

    def diffused(self, y: Array, a: float, v: float) -> tuple[Array, Array]:
        """Log-density and score of ``a X + sqrt(v) Z`` at ``y``, each of its shape."""
        spacing = min(self.width / 6, math.sqrt(v) / a / 1.3)
        x = np.linspace(self.low, self.high, math.ceil((self.high - self.low) / spacing) + 1)
        spacing = x[1] - x[0]
        y = np.asarray(y, float)
        logits = self.log_density(x) - 0.5 * (y[..., None] - a * x) ** 2 / v
        top = logits.max(axis=-1)
        share = np.exp(logits - top[..., None])
        total = share.sum(axis=-1)
        mean = (share @ x) / total
        log_p = top + np.log(total * spacing) - 0.5 * (LOG_TWO_PI + math.log(v))
        return log_p, (a * mean - y) / v


class Atoms(Law):
    """A finite set of points.

    Args:
        points: The points, rising, shape ``(k,)``.
        weights: Their probabilities, shape ``(k,)``.
    """

    def __init__(self, points: Sequence[float], weights: Sequence[float]) -> None:
        super().__init__(min(points), max(points))
        self.points, self.weights = np.asarray(points, float), np.asarray(weights, float)

    def diffused(self, y: Array, a: float, v: float) -> tuple[Array, Array]:
        """Log-density and score of ``a X + sqrt(v) Z`` at ``y``, each of its shape."""
        y = np.asarray(y, float)
        logits = np.log(self.weights) - 0.5 * (y[..., None] - a * self.points) ** 2 / v
        top = logits.max(axis=-1)
        share = np.exp(logits - top[..., None])
        total = share.sum(axis=-1)
        log_p = top + np.log(total) - 0.5 * (LOG_TWO_PI + math.log(v))
        return log_p, (a * (share @ self.points) / total - y) / v

    def rule(self) -> tuple[Array, Array]:
        """The points and their probabilities."""
        return self.points, self.weights

    def quantile(self, below: Array, above: Array) -> Array:
        """Return the point at which the probability passes ``below``, shape ``(n,)``."""
        j = np.searchsorted(np.cumsum(self.weights), below, side="left")
        return self.points[np.minimum(j, len(self.points) - 1)]
