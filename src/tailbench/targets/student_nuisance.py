"""Independent Student-t coordinates and one that follows another."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field

from tailbench.registry import register
from tailbench.stats.mixing_laws import StudentVariance
from tailbench.stats.quantiles import invert, read_levels
from tailbench.stats.scale_mixtures import NoisedAxes, noise_levels_of, noised_density
from tailbench.stats.student import log_pdf
from tailbench.targets.base import BaseTarget, TargetSettings

__all__ = ["StudentNuisance", "StudentNuisanceSettings"]

Array = NDArray[np.float64]


class StudentNuisanceSettings(TargetSettings):
    """Settings of the Student-t target with nuisance coordinates."""

    dim: int = Field(5, ge=2, description="Dimension of the points; the last one is dependent.")
    nu: float = Field(2.0, gt=0, description="Degrees of freedom, which is the tail index.")


@register
class StudentNuisance(BaseTarget):
    r"""Independent Student-t coordinates, the last but one of which is the mean of the last.

    .. math:: x_1, \dots, x_{d-1} \sim t_\nu, \qquad x_d \mid x_{d-1} \sim N(x_{d-1}, 1).

    A model has to find one dependence along heavy tails among coordinates that carry none.

    References:
        Hickling and Prangle, Flexible tails for normalizing flows, 2025.
    """

    Settings = StudentNuisanceSettings
    settings: StudentNuisanceSettings

    def __init__(self, settings: StudentNuisanceSettings | None = None, **options: Any) -> None:
        super().__init__(settings, **options)
        self.dim = self.settings.dim

    def sample(self, n: int, rng: np.random.Generator) -> Array:
        """Draw ``n`` independent samples, shape ``(n, d)``."""
        t = rng.standard_t(self.settings.nu, (n, self.dim - 1))
        last = t[:, -1:] + rng.standard_normal((n, 1))
        return np.concatenate([t, last], axis=1)

    def tail_index(self) -> Array:
        """``nu`` for every coordinate."""
        return np.full(self.dim, self.settings.nu)

    def norm_tail_index(self) -> float:
        """``nu``."""
        return self.settings.nu

    def quantile(self, p: ArrayLike) -> Array:
        """Exact marginal quantiles at levels of shape ``(m,)``, shape ``(d, m)``."""
        from scipy.special import stdtrit

        levels = read_levels(p)
        side = np.where(levels > 0.5, 1.0, -1.0)
        q, inverse = np.unique(np.minimum(levels, 1.0 - levels), return_inverse=True)
        first, last = np.full((2, len(q)), np.inf)
        inner = q > 0.0
        first[inner] = -stdtrit(self.settings.nu, q[inner])
        last[inner] = self._solve_last(q[inner])
        return (
            side * np.stack([first] * (self.dim - 1) + [last])[:, inverse] + 0.0
        )  # no negative zero

    def _solve_last(self, q: Array) -> Array:
        """Return the points of tail probability ``q`` in (0, 0.5] of the last coordinate.

        The probability is that of ``t + z`` with ``z`` Gaussian: the integral over ``z`` by the
        trapezoidal rule, whose error is below 1e-14 for a step that is small beside the
        distance ``sqrt(nu)`` of the singularities of the Student-t density from the real axis.
        """
        from scipy.special import ndtri, stdtr, stdtrit

        nu = self.settings.nu
        step = min(0.2, math.sqrt(nu) / 6.0)
        z = np.arange(-math.ceil(10.0 / step), math.ceil(10.0 / step) + 1) * step
        weight = step * np.exp(-0.5 * z**2) / math.sqrt(2.0 * math.pi)

        def tail(x: Array) -> tuple[Array, Array]:
            u = x[:, None] - z
            return np.log(stdtr(nu, -u) @ weight), np.log(np.exp(log_pdf(u, nu)) @ weight)

        # P(t + z > a + b) <= P(t > a) + P(z > b).
        upper = -stdtrit(nu, 0.5 * q) - ndtri(0.5 * q)
        return np.where(q < 0.5, invert(tail, q, np.zeros_like(q), upper), 0.0)

    def log_prob(self, x: Array) -> Array:
        """Log-density at ``x`` of shape ``(n, d)``, shape ``(n,)``."""
        x = np.asarray(x, dtype=np.float64)
        t, rest = x[:, :-1], x[:, -1] - x[:, -2]
        gauss = -0.5 * rest**2 - 0.5 * math.log(2.0 * math.pi)
        return np.sum(log_pdf(t, self.settings.nu), axis=1) + gauss

    def score(self, x: Array) -> Array:
        """Gradient of the log-density at ``x``, shape ``(n, d)``."""
        x = np.asarray(x, dtype=np.float64)
        nu, t, rest = self.settings.nu, x[:, :-1], x[:, -1] - x[:, -2]
        out = np.concatenate([-(nu + 1.0) * t / (nu + t**2), -rest[:, None]], axis=1)
        out[:, -2] += rest
        return out

    def noised_score(self, x: Array, sigma: ArrayLike) -> Array:
        r"""Gradient of the log-density with noise of deviation ``sigma``, shape ``(n, d)``.

        Each Student-t coordinate but the last is a Gaussian of random variance ``V``, and so is
        the pair that it makes with the last: its covariance is that of the noise, of
        :math:`\operatorname{diag}(0, 1)`, and ``V`` times the matrix of ones.
        """
        x = np.asarray(x, dtype=np.float64)
        noise, law = noise_levels_of(sigma, self.dim), StudentVariance(self.settings.nu)
        parts = [
            noised_density(x[:, [j]], NoisedAxes.of_scales(np.ones(1), noise[[j]]), law)[1]
            for j in range(self.dim - 2)
        ]
        pair = np.array([noise[-2], math.hypot(noise[-1], 1.0)])
        axes = NoisedAxes.of_factor(np.ones((2, 1)), pair)
        return np.concatenate([*parts, noised_density(x[:, -2:], axes, law)[1]], axis=1)
