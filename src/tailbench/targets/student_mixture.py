"""A mixture of multivariate Student-t laws."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field

from tailbench.registry import register
from tailbench.rng.seeds import generator_for
from tailbench.stats.mixing_laws import StudentVariance
from tailbench.stats.quantiles import mixture_quantiles
from tailbench.stats.scale_mixtures import NoisedAxes, noise_levels_of, noised_mixture_score
from tailbench.stats.student import log_pdf, log_tail
from tailbench.targets.base import BaseTarget, TargetSettings

__all__ = ["StudentMixture", "StudentMixtureSettings"]

Array = NDArray[np.float64]
DIGITS = 12  # of the logarithms of ratios of noise, by which equal ones are told


class StudentMixtureSettings(TargetSettings):
    """Settings of the mixture of Student-t laws."""

    dim: int = Field(20, ge=1, description="Dimension of the points.")
    nu: float = Field(2.5, gt=0, description="Degrees of freedom, which is the tail index.")
    components: int = Field(4, ge=1, description="Number of components, equally probable.")
    separation: float = Field(
        8.0,
        ge=0,
        description="Root-mean-square distance of the centres of two components, where the "
        "mean squared scale of a component along an axis is one.",
    )
    condition: float = Field(
        20.0, ge=1, description="Ratio of the largest and smallest eigenvalue of a scale matrix."
    )


@register
class StudentMixture(BaseTarget):
    r"""Multivariate Student-t laws with full scale matrices and the same tail index.

    .. math:: p = \frac1k \sum_{j=1}^{k} t_\nu(m_j, S_j), \qquad
        m_j \sim N\Bigl(0, \frac{r^2}{2d} I_d\Bigr), \qquad S_j = Q_j \Lambda Q_j^\top.

    The source names four components with random full scale matrices and nu = 2.5, and gives no
    more. The choice made here: equal weights; centres at a root-mean-square distance ``r``
    (``separation``) in any dimension, some scales apart, so that the modes are distinct along
    the lines that join them, but overlap in the marginals and in the tails; ``Q`` uniform among
    the rotations; the eigenvalues ``Lambda`` a geometric sequence with the ratio ``condition``
    between last and first, and mean one. The draws come from a fixed seed for each pair of
    dimension and number of components.
    """

    Settings = StudentMixtureSettings
    settings: StudentMixtureSettings

    def __init__(self, settings: StudentMixtureSettings | None = None, **options: Any) -> None:
        super().__init__(settings, **options)
        self.dim = d = self.settings.dim
        k = self.settings.components
        rng = generator_for("target", "student_mixture", d, k)
        self.loc = self.settings.separation / math.sqrt(2.0 * d) * rng.standard_normal((k, d))
        values = np.geomspace(1.0, self.settings.condition, d) if d > 1 else np.ones(1)
        self.roots = np.sqrt(values / values.mean())  # (d,)
        q, r = np.linalg.qr(rng.standard_normal((k, d, d)))
        self.axes = q * np.sign(np.einsum("kii->ki", r))[:, None, :]  # (k, d, d), uniform
        self.scale = np.sqrt(np.sum((self.axes * self.roots) ** 2, axis=2))  # (k, d), marginal
        self._axes_of_noise: dict[tuple[float, ...], list[NoisedAxes]] = {}

    def sample(self, n: int, rng: np.random.Generator) -> Array:
        """Draw ``n`` independent samples, shape ``(n, d)``."""
        nu = self.settings.nu
        k = rng.integers(len(self.loc), size=n)
        z = rng.standard_normal((n, self.dim)) * self.roots
        z /= np.sqrt(rng.chisquare(nu, (n, 1)) / nu)
        x = np.empty_like(z)
        for j, axes in enumerate(self.axes):
            x[k == j] = z[k == j] @ axes.T + self.loc[j]
        return x

    def tail_index(self) -> Array:
        """``nu`` for every coordinate."""
        return np.full(self.dim, self.settings.nu)

    def norm_tail_index(self) -> float:
        """``nu``."""
        return self.settings.nu

    def quantile(self, p: ArrayLike) -> Array:
        """Exact marginal quantiles at levels of shape ``(m,)``, shape ``(d, m)``."""
        from scipy.special import stdtrit

        nu, k = self.settings.nu, len(self.loc)
        rows = [
            mixture_quantiles(
                p,
                np.full(k, 1.0 / k),
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
        return (x - self.loc[j]) @ self.axes[j] / self.roots

    def _log_joint(self, x: Array) -> Array:
        """Return the logarithm of weight times density of each component, shape ``(n, k)``."""
        nu, d, k = self.settings.nu, self.dim, len(self.loc)
        constant = math.lgamma(0.5 * (nu + d)) - math.lgamma(0.5 * nu)
        constant -= 0.5 * d * math.log(math.pi * nu) + float(np.sum(np.log(self.roots)))
        squares = [np.sum(self._whitened(x, j) ** 2, axis=1) for j in range(k)]
        return constant - math.log(k) - 0.5 * (nu + d) * np.log1p(np.stack(squares, axis=1) / nu)

    def log_prob(self, x: Array) -> Array:
        """Log-density at ``x`` of shape ``(n, d)``, shape ``(n,)``."""
        from scipy.special import logsumexp

        return logsumexp(self._log_joint(x), axis=1)

    def score(self, x: Array) -> Array:
        """Gradient of the log-density at ``x``, shape ``(n, d)``."""
        from scipy.special import softmax

        nu, d = self.settings.nu, self.dim
        share = softmax(self._log_joint(x), axis=1)
        total = np.zeros(x.shape)
        for j, axes in enumerate(self.axes):
            z = self._whitened(x, j)
            pull = (nu + d) / (nu + np.sum(z**2, axis=1)) * share[:, j]
            total -= pull[:, None] * ((z / self.roots) @ axes.T)
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
        return noised_mixture_score(x, self.loc, axes, StudentVariance(self.settings.nu))

    def _noised_axes(self, ratios: tuple[float, ...]) -> list[NoisedAxes]:
        """Return the axes of the components with noise of some deviations, each found once.

        Deviations of all levels have the same ratios, which are those of the units of columns.
        """
        if ratios not in self._axes_of_noise:
            noise = np.array(ratios)
            self._axes_of_noise[ratios] = [
                NoisedAxes.of_factor(axes * self.roots, noise) for axes in self.axes
            ]
        return self._axes_of_noise[ratios]
