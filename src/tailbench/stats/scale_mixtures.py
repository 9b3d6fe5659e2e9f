r"""Densities and scores of Gaussian scale mixtures with Gaussian noise.

The law is that of

.. math:: Y = m + \sqrt V F G + \operatorname{diag}(\sigma) G', \qquad
    G, G' \sim N(0, I) \text{ independent},

with a random variance :math:`V`. In units of the noise, along the left singular vectors of
:math:`\operatorname{diag}(1/\sigma) F`, given the variance, the coordinates are independent with
variances :math:`1 + \lambda_k V`. So what is left is one integral over :math:`\log V`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tailbench.stats.mixing_laws import MixingLaw

__all__ = ["NoisedAxes", "noise_levels_of", "noised_density", "noised_mixture_score"]

Array = NDArray[np.float64]
CHUNK = 1_000_000  # numbers of an array over rows and nodes: 8 MB


def noise_levels_of(sigma: ArrayLike, dim: int) -> Array:
    """Return the standard deviation of the noise of each coordinate, shape ``(d,)``.

    Args:
        sigma: One number, or one for each coordinate.
        dim: Dimension ``d``.

    Raises:
        ValueError: If the shape does not fit, or a deviation is not positive and finite.
    """
    levels = np.asarray(sigma, dtype=np.float64)
    if levels.shape not in ((), (1,), (dim,)):
        raise ValueError(f"sigma is one number or {dim} of them, not of shape {levels.shape}")
    if not (np.isfinite(levels).all() and (levels > 0.0).all()):
        raise ValueError("sigma must be positive and finite")
    return np.broadcast_to(levels, (dim,))


@dataclass(frozen=True)
class NoisedAxes:
    r"""Axes in which noise is white and the rest is uncorrelated.

    Attributes:
        to: The map from data to coordinates: :math:`U^\top \operatorname{diag}(1/\sigma)`, shape
            ``(d, d)``; of shape ``(d,)`` if it is diagonal.
        spread: :math:`\lambda_k`, variances of :math:`F G` along the axes, shape ``(d,)``.
    """

    to: Array
    spread: Array

    @classmethod
    def of_factor(cls, factor: Array, sigma: Array) -> NoisedAxes:
        """Compute the axes of a factor ``F`` of shape ``(d, r)`` by singular values."""
        u, singular, _ = np.linalg.svd(factor / sigma[:, None])
        spread = np.zeros(len(sigma))
        spread[: len(singular)] = singular**2
        return cls(u.T / sigma, spread)

    @classmethod
    def of_scales(cls, scales: Array, sigma: Array) -> NoisedAxes:
        """Return the axes of a diagonal factor of entries ``scales``, shape ``(d,)``."""
        return cls(1.0 / sigma, (scales / sigma) ** 2)

    def rescaled(self, factor: float) -> NoisedAxes:
        """Return the axes with ``factor`` times the noise in every coordinate."""
        return NoisedAxes(self.to / factor, self.spread / factor**2)

    def coordinates(self, x: Array) -> Array:
        """Return centred points in these axes, shape ``(n, d)``."""
        return x * self.to if self.to.ndim == 1 else x @ self.to.T

    def gradient(self, slopes: Array) -> Array:
        """Return gradients by the data, of gradients by the coordinates, shape ``(n, d)``."""
        return slopes * self.to if self.to.ndim == 1 else slopes @ self.to


def noised_density(x: Array, axes: NoisedAxes, law: MixingLaw) -> tuple[Array, Array]:
    r"""Compute the log-density and the score of a noised scale mixture about 0.

    With coordinates :math:`y` and the posterior of the variance given the point,

    .. math:: p(y) = \int \prod_k N(y_k; 0, 1 + \lambda_k v) \, \pi(dv), \qquad
        \partial_k \log p = -y_k \, E\Bigl[\frac{1}{1 + \lambda_k V} \Bigm| y\Bigr].

    Args:
        x: Centred points, shape ``(n, d)``.
        axes: Axes of the noise and of the Gaussian.
        law: Law of the variance.

    Returns:
        The log-density in the axes' coordinates, shape ``(n,)``, and the gradient of the
        log-density by ``x``, shape ``(n, d)``.
    """
    y = axes.coordinates(np.asarray(x, dtype=np.float64))
    squares = np.square(y)
    log_v, log_w = law.nodes(y.shape[1], _farthest(squares, axes.spread))
    with np.errstate(divide="ignore"):  # no spread along an axis
        log_total = np.logaddexp(0.0, np.log(axes.spread)[:, None] + log_v)  # (d, j)
    # The precision that a coordinate has at any variance says nothing about the variance: it is
    # set apart, and without it two large numbers that differ by the posterior need not cancel.
    precision = np.exp(-log_total)
    least = precision[:, -1]
    offset = log_w - 0.5 * log_total.sum(axis=0)
    informative = precision - least[:, None]
    log_p, pull = np.empty(len(y)), np.empty(y.shape)
    rows = max(1, CHUNK // len(log_v))
    for i in range(0, len(y), rows):
        part = slice(i, i + rows)
        logits = squares[part] @ informative
        logits *= -0.5
        logits += offset
        top = logits.max(axis=1)
        logits -= top[:, None]
        weights = np.exp(logits, out=logits)
        mass = weights.sum(axis=1)
        pull[part] = weights @ precision.T / mass[:, None]
        log_p[part] = top + np.log(mass)
    log_p -= 0.5 * (squares @ least) + 0.5 * y.shape[1] * math.log(2.0 * math.pi)
    return log_p, -axes.gradient(y * pull)


def _farthest(squares: Array, spread: Array) -> float:
    """Return the logarithm of the largest variance that some point or the noise asks for."""
    used = spread > 0.0
    if not used.any() or not len(squares):
        return 0.0
    with np.errstate(divide="ignore"):
        reached = np.log(squares.max(axis=0)[used]) - np.log(spread[used])
    return float(max(reached.max(), -math.log(spread[used].min())))


def noised_mixture_score(
    x: Array,
    centres: Array,
    axes: Sequence[NoisedAxes],
    law: MixingLaw,
    log_weights: Array | float = 0.0,
) -> Array:
    """Compute the score of a mixture of noised scale mixtures, shape ``(n, d)``.

    Args:
        x: Points, shape ``(n, d)``.
        centres: Centres of the components, shape ``(k, d)``.
        axes: Axes of the components, with the same noise.
        law: Law of the variance of every component.
        log_weights: Logarithms of the components' weights, shape ``(k,)``; equal if left out.
    """
    from scipy.special import softmax

    parts = [
        noised_density(x - centre, own, law) for centre, own in zip(centres, axes, strict=True)
    ]
    share = softmax(np.stack([log_p for log_p, _ in parts], axis=1) + log_weights, axis=1)
    return np.einsum("nk,knd->nd", share, np.stack([score for _, score in parts]))
