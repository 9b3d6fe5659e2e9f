"""An unbalanced mixture of stable laws in many dimensions, after a study of heavy-tailed noise."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field

from tailbench.registry import register
from tailbench.rng.seeds import generator_for
from tailbench.stats.positive_stable import kanter
from tailbench.stats.quantiles import mixture_quantiles
from tailbench.stats.stable import stable_quantiles
from tailbench.stats.stable_table import stable_log_pdf, stable_log_tail
from tailbench.targets.base import BaseTarget, TargetSettings

__all__ = ["StableMixture", "StableMixtureSettings"]

Array = NDArray[np.float64]


class StableMixtureSettings(TargetSettings):
    """Settings of the mixture of stable laws."""

    alpha: float = Field(
        1.7, ge=0.5, le=2, description="Stability, which is the tail index; 2 is Gaussian."
    )
    dim: int = Field(100, ge=1, description="Dimension of the points.")
    components: int = Field(16, ge=1, description="Number of components.")
    rank: int = Field(
        6, ge=1, description="Dimension of the subspace that the centres lie in, at most dim."
    )
    imbalance: float = Field(
        1.2, ge=0, description="Component j has a weight in proportion to 1/j to this power."
    )
    spread: float = Field(7.5, gt=0, description="Distance of every centre from the origin.")
    scale: float = Field(0.55, gt=0, description="Scale s of the noise about the centres.")
    anisotropy: float = Field(
        1.0, ge=0, description="Scale of the noise along a component's own axis, in units of s."
    )


@register
class StableMixture(BaseTarget):
    r"""Clusters of unequal weights about a few directions, each with stable noise.

    .. math:: X = c_K + s \left(\sqrt{A} \, G + \kappa \sqrt{B} \, g \, u_K\right), \qquad
        P(K = j) \propto j^{-\tau}, \qquad u_j = c_j / \|c_j\|,

    with positive stable ``A``, ``B``, Gaussian ``G`` in all dimensions and ``g`` in one, all
    independent, so that both noises are symmetric stable, ``exp(-|u|^alpha)``. The centres
    :math:`c_j` have the length ``spread`` and uniform directions in a random subspace of dimension
    ``rank``. The defaults are those of the public code of the source, its random numbers are not:
    each of its targets is another draw of the same kind. Those here come from a fixed seed for each
    dimension, rank and number of components.

    A coordinate of a component is symmetric stable of the scale
    :math:`s (1 + \kappa^\alpha |u_{jk}|^\alpha)^{1/\alpha}`, so quantiles are exact. The density,
    an integral over two variances, is not given.

    References:
        Cherkaoui, Halconruy and Ocello, Do heavy tails help diffusion?, 2026.
    """

    Settings = StableMixtureSettings
    settings: StableMixtureSettings

    def __init__(self, settings: StableMixtureSettings | None = None, **options: Any) -> None:
        super().__init__(settings, **options)
        own = self.settings
        self.dim, count, rank = own.dim, own.components, min(own.rank, own.dim)
        rng = generator_for("target", "stable_mixture", own.dim, rank, count)
        subspace, _ = np.linalg.qr(rng.standard_normal((own.dim, rank)))
        codes = rng.standard_normal((count, rank))
        self.directions = (codes / np.linalg.norm(codes, axis=1, keepdims=True)) @ subspace.T
        self.centres = own.spread * self.directions
        weights = np.arange(1.0, count + 1.0) ** -own.imbalance
        self.weights = weights / weights.sum()

    def sample(self, n: int, rng: np.random.Generator) -> Array:
        """Draw ``n`` independent samples, shape ``(n, d)``."""
        own = self.settings
        k = rng.choice(len(self.weights), size=n, p=self.weights)
        u = np.pi * rng.uniform(2.0**-53, 1.0 - 2.0**-53, (n, 2))
        w = np.maximum(rng.standard_exponential((n, 2)), 2.0**-60)
        with np.errstate(over="ignore"):  # at an alpha near 0; ``splits`` refuses such data
            roots = np.sqrt(kanter(u, w, own.alpha, np))
        noise = roots[:, :1] * rng.standard_normal((n, self.dim))
        along = own.anisotropy * roots[:, 1:] * rng.standard_normal((n, 1))
        return self.centres[k] + own.scale * (noise + along * self.directions[k])

    def tail_index(self) -> Array:
        """``alpha`` for every coordinate; ``inf`` at 2."""
        return np.full(self.dim, self.norm_tail_index())

    def norm_tail_index(self) -> float:
        """``alpha``; ``inf`` at 2."""
        return math.inf if self.settings.alpha == 2.0 else self.settings.alpha

    @property
    def _along(self) -> Array:
        """Share of each component's axis in the tail of each coordinate, shape ``(k, d)``."""
        return np.abs(self.settings.anisotropy * self.directions) ** self.settings.alpha

    def quantile(self, p: ArrayLike) -> Array:
        """Exact marginal quantiles at levels of shape ``(m,)``, shape ``(d, m)``."""
        alpha = self.settings.alpha
        scales = self.settings.scale * (1.0 + self._along) ** (1.0 / alpha)
        rows = [
            mixture_quantiles(
                p,
                self.weights,
                centres,
                scale,
                log_tail=lambda z: stable_log_tail(z, alpha),
                log_pdf=lambda z: stable_log_pdf(z, alpha),
                isf=lambda q: -stable_quantiles(q, alpha),
            )
            for centres, scale in zip(self.centres.T, scales.T, strict=True)
        ]
        return np.stack(rows)

    def chi(self, i: int, j: int) -> float:
        r"""Compute :math:`\lim P(X_j > F_j^{-1}(u) \mid X_i > F_i^{-1}(u))` as ``u`` goes to 1.

        One large variance makes both large. With :math:`a_i^\alpha = \sum_k w_k (1 + \kappa^\alpha
        |u_{ki}|^\alpha)` the tails of :math:`X_i / a_i` are equal, and

        .. math:: \chi = \frac{E \min(G_1/a_i, G_2/a_j)_+^\alpha}{E (G_1)_+^\alpha}
            + \sum_k w_k \kappa^\alpha \min\left(\frac{|u_{ki}|}{a_i},
            \frac{|u_{kj}|}{a_j}\right)^\alpha 1\{u_{ki} u_{kj} > 0\}.

        It is the same of both large and of both small values.

        Args:
            i: A column.
            j: Another one.
        """
        alpha = self.settings.alpha
        if alpha == 2.0:
            return 0.0
        along = self._along[:, [i, j]]
        powers = self.weights @ (1.0 + along)  # a^alpha
        same = self.directions[:, i] * self.directions[:, j] > 0.0
        axes = float(self.weights @ (same * np.min(along / powers, axis=1)))
        first, second = (float(power) ** (1.0 / alpha) for power in powers)
        return axes + _isotropic_share(first, second, alpha)


def _isotropic_share(a: float, b: float, alpha: float) -> float:
    r"""Compute :math:`E \min(G_1/a, G_2/b)_+^\alpha / E (G_1)_+^\alpha` in polar coordinates."""
    from scipy.special import betainc

    turn = math.atan2(b, a)  # below this angle the second is the less

    def integral(angle: float) -> float:
        """Return the integral of the sine's power to an angle over that to a right angle."""
        return float(betainc(0.5 * (alpha + 1.0), 0.5, math.sin(angle) ** 2))

    # a coordinate is positive along two quarters, both are along one
    return 0.5 * (integral(turn) / b**alpha + integral(0.5 * math.pi - turn) / a**alpha)
