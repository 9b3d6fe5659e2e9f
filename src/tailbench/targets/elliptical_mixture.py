"""Mixtures of multivariate Student-t laws that share their degrees of freedom."""

from __future__ import annotations

import math
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tailbench.stats.mixing_laws import StudentVariance
from tailbench.stats.quantiles import mixture_quantiles
from tailbench.stats.scale_mixtures import NoisedAxes, noise_levels_of, noised_mixture_score
from tailbench.stats.student import log_pdf, log_tail
from tailbench.targets.base import BaseTarget

__all__ = ["EllipticalMixture"]

Array = NDArray[np.float64]

DIGITS = 12  # of the logarithm of a ratio of deviations, by which axes are kept


class EllipticalMixture(BaseTarget):
    r"""The law :math:`\sum_j w_j t_\nu(m_j, S_j)`, :math:`S_j = Q_j \Lambda_j Q_j^\top`.

    Subclasses set the five attributes.

    Attributes:
        weights: Probabilities of the components, shape ``(k,)``.
        loc: Centres :math:`m_j`, shape ``(k, d)``.
        axes: Principal axes :math:`Q_j`, orthogonal, shape ``(k, d, d)``.
        roots: Square roots of the eigenvalues of the scale matrices, shape ``(k, d)``.
        nu: Degrees of freedom.
    """

    weights: Array
    loc: Array
    axes: Array
    roots: Array
    nu: float

    def sample(self, n: int, rng: np.random.Generator) -> Array:
        """Draw ``n`` independent samples, shape ``(n, d)``."""
        count = len(self.weights)
        equal = bool(np.all(self.weights == self.weights[0]))
        k = rng.integers(count, size=n) if equal else rng.choice(count, size=n, p=self.weights)
        z = rng.standard_normal((n, self.dim)) * self.roots[k]
        z /= np.sqrt(rng.chisquare(self.nu, (n, 1)) / self.nu)
        x = np.empty_like(z)
        for j, axes in enumerate(self.axes):
            x[k == j] = z[k == j] @ axes.T + self.loc[j]
        return x

    def tail_index(self) -> Array:
        """``nu`` for every coordinate."""
        return np.full(self.dim, self.nu)

    def norm_tail_index(self) -> float:
        """``nu``."""
        return self.nu

    @property
    def scale(self) -> Array:
        """Scale of each coordinate of each component, shape ``(k, d)``."""
        return np.sqrt(np.sum((self.axes * self.roots[:, None]) ** 2, axis=2))

    def quantile(self, p: ArrayLike) -> Array:
        """Exact marginal quantiles at levels of shape ``(m,)``, shape ``(d, m)``."""
        from scipy.special import stdtrit

        nu = self.nu
        rows = [
            mixture_quantiles(
                p,
                self.weights,
                loc,
                scale,
                log_tail=lambda z: log_tail(z, nu),
                log_pdf=lambda z: log_pdf(z, nu),
                isf=lambda q: -stdtrit(nu, q),
            )
            for loc, scale in zip(self.loc.T, self.scale.T, strict=True)
        ]
        return np.stack(rows)

    def _whitened(self, x: Array, j: int) -> Array:
        """Return ``x`` in the axes of a component, in units of its scales, shape ``(n, d)``."""
        return (x - self.loc[j]) @ self.axes[j] / self.roots[j]

    def _log_joint(self, x: Array) -> Array:
        """Return the logarithm of weight times density of each component, shape ``(n, k)``."""
        nu, d = self.nu, self.dim
        constant = math.lgamma(0.5 * (nu + d)) - math.lgamma(0.5 * nu)
        constant -= 0.5 * d * math.log(math.pi * nu)
        own = np.log(self.weights) - np.sum(np.log(self.roots), axis=1)
        squares = [np.sum(self._whitened(x, j) ** 2, axis=1) for j in range(len(self.loc))]
        return constant + own - 0.5 * (nu + d) * np.log1p(np.stack(squares, axis=1) / nu)

    def log_prob(self, x: Array) -> Array:
        """Log-density at ``x`` of shape ``(n, d)``, shape ``(n,)``."""
        from scipy.special import logsumexp

        return logsumexp(self._log_joint(x), axis=1)

    def score(self, x: Array) -> Array:
        """Gradient of the log-density at ``x``, shape ``(n, d)``."""
        from scipy.special import softmax

        nu, d = self.nu, self.dim
        share = softmax(self._log_joint(x), axis=1)
        total = np.zeros(x.shape)
        for j, axes in enumerate(self.axes):
            z = self._whitened(x, j)
            pull = (nu + d) / (nu + np.sum(z**2, axis=1)) * share[:, j]
            total -= pull[:, None] * ((z / self.roots[j]) @ axes.T)
        return total

    def noised_score(self, x: Array, sigma: ArrayLike) -> Array:
        r"""Gradient of the log-density with noise of deviation ``sigma``, shape ``(n, d)``.

        Given the variance ``V`` of its Student-t law, a component is Gaussian with the covariance
        :math:`V S_j + \operatorname{diag}(\sigma^2)`: an integral over ``V`` for each.
        """
        x = np.asarray(x, dtype=np.float64)
        noise = noise_levels_of(sigma, self.dim)
        largest = float(noise.max())
        ratios = np.exp(np.round(np.log(noise / largest), DIGITS))
        axes = [own.rescaled(largest) for own in self._noised_axes(tuple(ratios.tolist()))]
        law = StudentVariance(self.nu)
        return noised_mixture_score(x, self.loc, axes, law, np.log(self.weights))

    @cached_property
    def _axes_of_noise(self) -> dict[tuple[float, ...], list[NoisedAxes]]:
        return {}

    def _noised_axes(self, ratios: tuple[float, ...]) -> list[NoisedAxes]:
        """Return the axes of the components with noise of some deviations, each found once.

        Deviations of all levels have the same ratios, which are those of the units of columns.
        """
        if ratios not in self._axes_of_noise:
            noise = np.array(ratios)
            self._axes_of_noise[ratios] = [
                NoisedAxes.of_factor(axes * roots, noise)
                for axes, roots in zip(self.axes, self.roots, strict=True)
            ]
        return self._axes_of_noise[ratios]
