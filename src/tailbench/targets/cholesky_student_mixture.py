"""The mixture of Student-t laws of the headline's source, by its public code."""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import Field

from tailbench.registry import register
from tailbench.rng.seeds import generator_for
from tailbench.targets.base import TargetSettings
from tailbench.targets.elliptical_mixture import EllipticalMixture

__all__ = ["CholeskyStudentMixture", "CholeskyStudentMixtureSettings"]

NORMALISED_BY = 100_000


class CholeskyStudentMixtureSettings(TargetSettings):
    """Settings of the mixture with random Cholesky factors."""

    dim: int = Field(10, ge=1, description="Dimension of the points.")
    nu: float = Field(3.0, gt=2, description="Degrees of freedom, which is the tail index.")
    components: int = Field(20, ge=1, description="Number of components; the source has 4 in 2-D.")


@register
class CholeskyStudentMixture(EllipticalMixture):
    r"""Multivariate Student-t laws with random Cholesky factors, in units of one deviation.

    .. math:: p = \sum_{j=1}^{k} w_j \, t_\nu(m_j, L_j L_j^\top), \qquad
        L_j = 0.4 \, A_j \operatorname{diag}(u_j)

    with :math:`m_j` uniform in :math:`[-1, 1]^d`, :math:`A_j` lower triangular with ones on the
    diagonal and standard Gaussian entries below, :math:`u_j` uniform in :math:`[0.1, 1]^d` and
    weights from a flat Dirichlet law; then centred, and divided by the one standard deviation of
    all coordinates, of 100,000 draws. The recipe is that of the public code of the source; its
    random numbers are not, so each of its targets is another draw of the same kind. Those here
    come from a fixed seed for each pair of dimension and number of components.

    References:
        Fassina, Cardoso, Le Corff and Romary, Generalizing score-based generative models for
        heavy-tailed distributions, 2026.
    """

    Settings = CholeskyStudentMixtureSettings
    settings: CholeskyStudentMixtureSettings

    def __init__(
        self, settings: CholeskyStudentMixtureSettings | None = None, **options: Any
    ) -> None:
        super().__init__(settings, **options)
        self.dim = d = self.settings.dim
        k, self.nu = self.settings.components, self.settings.nu
        rng = generator_for("target", "cholesky_student_mixture", d, k)
        self.loc = rng.uniform(-1.0, 1.0, (k, d))
        lower = np.tril(rng.standard_normal((k, d, d)), -1) + np.eye(d)
        factors = 0.4 * lower * rng.uniform(0.1, 1.0, (k, 1, d))
        self.weights = rng.dirichlet(np.ones(k))
        self.axes, self.roots, _ = np.linalg.svd(factors)
        drawn = self.sample(NORMALISED_BY, rng)
        centre, deviation = drawn.mean(axis=0), float(drawn.std())
        self.loc = (self.loc - centre) / deviation
        self.roots = self.roots / deviation
