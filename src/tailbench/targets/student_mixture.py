"""A mixture of multivariate Student-t laws."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tailbench.registry import register
from tailbench.rng.seeds import generator_for
from tailbench.targets.base import TargetSettings
from tailbench.targets.elliptical_mixture import EllipticalMixture

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
class StudentMixture(EllipticalMixture):
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
        self.roots = np.tile(np.sqrt(values / values.mean()), (k, 1))
        q, r = np.linalg.qr(rng.standard_normal((k, d, d)))
        self.axes = q * np.sign(np.einsum("kii->ki", r))[:, None, :]  # uniform
        self.weights = np.full(k, 1.0 / k)
        self.nu = self.settings.nu
