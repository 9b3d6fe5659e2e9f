"""Symmetric alpha-stable vectors."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field

from tailbench.registry import register
from tailbench.stats.mixing_laws import StableVariance
from tailbench.stats.positive_stable import kanter
from tailbench.stats.scale_mixtures import NoisedAxes, noise_levels_of, noised_density
from tailbench.stats.stable import stable_quantiles
from tailbench.targets.base import BaseTarget, TargetSettings

__all__ = ["AlphaStable", "AlphaStableSettings"]


class AlphaStableSettings(TargetSettings):
    """Settings of the alpha-stable target."""

    alpha: float = Field(
        1.7, gt=0, le=2, description="Stability: 2 is Gaussian, 1 Cauchy; lower is heavier."
    )
    scale: float = Field(
        0.05, gt=0, description="Scale s: each coordinate has E exp(iuX) = exp(-|s u|^alpha)."
    )
    dim: int = Field(2, ge=1, description="Dimension of the vectors.")
    isotropic: bool = Field(
        True,
        description="One random variance for all coordinates (the law is then invariant under "
        "rotations), or an independent one for each.",
    )


@register
class AlphaStable(BaseTarget):
    r"""Symmetric alpha-stable vectors, isotropic or with independent coordinates.

    .. math:: X = s \sqrt{A} \, G, \qquad G \sim N(0, I_d), \qquad
        E e^{i \langle u, X \rangle} = e^{-\|s u\|^\alpha},

    with one positive stable :math:`A` for all coordinates, or one for each. Quantiles are exact
    for every ``alpha``; the density and the score are known at ``alpha`` 1 (Cauchy, a
    multivariate Student-t with one degree of freedom) and 2 (the Gaussian ``N(0, 2 s^2 I)``). With
    Gaussian noise added the score is known at every ``alpha``.

    References:
        Shariatian, Simsekli and Durmus, Denoising Lévy probabilistic models, 2025.
    """

    Settings = AlphaStableSettings
    settings: AlphaStableSettings

    def __init__(self, settings: AlphaStableSettings | None = None, **options: Any) -> None:
        super().__init__(settings, **options)
        self.dim = self.settings.dim

    def sample(self, n: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """Draw ``n`` independent samples, shape ``(n, d)``."""
        shape = (n, 1 if self.settings.isotropic else self.dim)
        u = np.pi * rng.uniform(2.0**-53, 1.0 - 2.0**-53, shape)
        w = np.maximum(rng.standard_exponential(shape), 2.0**-60)
        with np.errstate(over="ignore"):  # at an alpha near 0; ``splits`` refuses such data
            a = kanter(u, w, self.settings.alpha, np)
        return self.settings.scale * np.sqrt(a) * rng.standard_normal((n, self.dim))

    def tail_index(self) -> NDArray[np.float64]:
        """``alpha`` for every coordinate; ``inf`` at 2."""
        return np.full(self.dim, self.norm_tail_index())

    def norm_tail_index(self) -> float:
        """``alpha``; ``inf`` at 2."""
        return math.inf if self.settings.alpha == 2.0 else self.settings.alpha

    def quantile(self, p: ArrayLike) -> NDArray[np.float64]:
        """Exact marginal quantiles at levels of shape ``(m,)``, shape ``(d, m)``."""
        q = self.settings.scale * stable_quantiles(p, self.settings.alpha)
        return np.tile(q, (self.dim, 1))

    def log_prob(self, x: NDArray[np.float64]) -> NDArray[np.float64] | None:
        """Log-density at ``x`` of shape ``(n, d)``, shape ``(n,)``; only for alpha 1 and 2."""
        x = np.asarray(x, dtype=np.float64)
        s, d = self.settings.scale, self.dim
        if self.settings.alpha == 2.0:
            return -np.sum((x / (2.0 * s)) ** 2, axis=1) - 0.5 * d * math.log(4.0 * math.pi * s**2)
        if self.settings.alpha != 1.0:
            return None
        if not self.settings.isotropic:
            return -np.sum(np.log1p((x / s) ** 2), axis=1) - d * math.log(math.pi * s)
        constant = math.lgamma(0.5 * (d + 1)) - 0.5 * (d + 1) * math.log(math.pi) - d * math.log(s)
        return constant - 0.5 * (d + 1) * np.log1p(np.sum((x / s) ** 2, axis=1))

    def score(self, x: NDArray[np.float64]) -> NDArray[np.float64] | None:
        """Gradient of the log-density, shape ``(n, d)``; ``None`` unless alpha is 1 or 2."""
        x = np.asarray(x, dtype=np.float64)
        s, d = self.settings.scale, self.dim
        if self.settings.alpha == 2.0:
            return -x / (2.0 * s**2)
        if self.settings.alpha != 1.0:
            return None
        if not self.settings.isotropic:
            return -2.0 * x / (s**2 + x**2)
        return -(d + 1) * x / (s**2 + np.sum(x**2, axis=1, keepdims=True))

    def noised_score(self, x: NDArray[np.float64], sigma: ArrayLike) -> NDArray[np.float64]:
        r"""Gradient of the log-density with noise of deviation ``sigma``, shape ``(n, d)``.

        Given :math:`A` the noised vector is Gaussian, with the variances
        :math:`s^2 A + \sigma_j^2`: an integral over :math:`A`, known at alpha 2.
        """
        x, s = np.asarray(x, dtype=np.float64), self.settings.scale
        noise = noise_levels_of(sigma, self.dim)
        if self.settings.alpha == 2.0:
            return -x / (2.0 * s**2 + noise**2)
        law, scales = StableVariance(self.settings.alpha), np.full(self.dim, s)
        if self.settings.isotropic:
            return noised_density(x, NoisedAxes.of_scales(scales, noise), law)[1]
        columns = [slice(j, j + 1) for j in range(self.dim)]
        return np.concatenate(
            [
                noised_density(x[:, j], NoisedAxes.of_scales(scales[j], noise[j]), law)[1]
                for j in columns
            ],
            axis=1,
        )
