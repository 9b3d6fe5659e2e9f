"""Mixtures of Gaussians that share one isotropic variance."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tailbench.data import MixtureModes
from tailbench.stats.quantiles import mixture_quantiles
from tailbench.stats.scale_mixtures import noise_levels_of
from tailbench.targets.base import BaseTarget

__all__ = ["GaussianMixture"]

Array = NDArray[np.float64]


class GaussianMixture(BaseTarget):
    r"""The law :math:`\sum_k w_k N(m_k, s^2 I_d)`; subclasses set the three attributes.

    Attributes:
        means: Centres of the components, shape ``(k, d)``.
        std: Standard deviation of every component.
        weights: Probabilities of the components, shape ``(k,)``.
    """

    means: Array
    std: float
    weights: Array

    def sample(self, n: int, rng: np.random.Generator) -> Array:
        """Draw ``n`` independent samples, shape ``(n, d)``."""
        k = rng.choice(len(self.weights), size=n, p=self.weights)
        return self.means[k] + self.std * rng.standard_normal((n, self.dim))

    def tail_index(self) -> Array:
        """``inf`` for every coordinate: the tails are light."""
        return np.full(self.dim, np.inf)

    def norm_tail_index(self) -> float:
        """``inf``: the tails are light."""
        return math.inf

    def quantile(self, p: ArrayLike) -> Array:
        """Exact marginal quantiles at levels of shape ``(m,)``, shape ``(d, m)``."""
        from scipy.special import log_ndtr, ndtri

        marginals, where = np.unique(self.means.T, axis=0, return_inverse=True)
        rows = []
        for centres in marginals:
            loc, merged = np.unique(centres, return_inverse=True)
            weights = np.bincount(merged, weights=self.weights).astype(np.float64)
            rows.append(
                mixture_quantiles(
                    p,
                    weights,
                    loc,
                    np.full(len(loc), self.std),
                    log_tail=lambda z: log_ndtr(-z),
                    log_pdf=lambda z: -0.5 * z**2 - 0.5 * math.log(2.0 * math.pi),
                    isf=lambda q: -ndtri(q),
                )
            )
        return np.stack(rows)[where]

    def _log_joint(self, x: Array) -> Array:
        """Return the logarithm of weight times density of each component, shape ``(n, k)``."""
        squares = np.stack([np.sum((x - m) ** 2, axis=1) for m in self.means], axis=1)
        constant = self.dim * (math.log(self.std) + 0.5 * math.log(2.0 * math.pi))
        with np.errstate(divide="ignore"):  # a weight may be 0
            return np.log(self.weights) - 0.5 * squares / self.std**2 - constant

    def log_prob(self, x: Array) -> Array:
        """Log-density at ``x`` of shape ``(n, d)``, shape ``(n,)``."""
        from scipy.special import logsumexp

        return logsumexp(self._log_joint(x), axis=1)

    def noised_score(self, x: Array, sigma: ArrayLike) -> Array:
        r"""Gradient of the log-density with noise of deviation ``sigma``, shape ``(n, d)``.

        The noised law is a mixture of Gaussians with the variances :math:`s^2 + \sigma_j^2`.
        """
        from scipy.special import softmax

        x = np.asarray(x, dtype=np.float64)
        variance = self.std**2 + noise_levels_of(sigma, self.dim) ** 2  # (d,)
        # The square of x is common to all components; without it nothing cancels far out.
        with np.errstate(divide="ignore"):  # a weight may be 0
            logits = np.log(self.weights) - 0.5 * np.sum(self.means**2 / variance, axis=1)
        share = softmax(logits + (x / variance) @ self.means.T, axis=1)
        return (share @ self.means - x) / variance

    def score(self, x: Array) -> Array:
        """Gradient of the log-density at ``x``, shape ``(n, d)``."""
        from scipy.special import softmax

        return (softmax(self._log_joint(x), axis=1) @ self.means - x) / self.std**2

    def modes(self) -> MixtureModes:
        """The components."""
        return MixtureModes(means=self.means, std=self.std, weights=self.weights)
