"""Margins with generalised Pareto tails, joined by a Gaussian or Student-t copula."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tailbench.data import DataShape, NetworkCost
from tailbench.models.settings import ModelSettings, Parts, SamplingSettings
from tailbench.models.simple import FittedState, SimpleModel, SimpleSettings
from tailbench.registry import register
from tailbench.stats.correlation import root
from tailbench.stats.semiparametric import KNOTS, fit_laws, stack_laws, stacked_quantiles
from tailbench.stats.student_copula import (
    copula_levels,
    draw_elliptical,
    fit_gaussian_copula,
    fit_student_copula,
)

__all__ = ["CopulaGPD", "CopulaGPDSampling", "CopulaGPDSettings", "MarginsSettings"]


class MarginsSettings(SimpleSettings):
    """Settings of models whose margins have generalised Pareto tails."""

    threshold: float = Field(
        0.05,
        gt=0,
        le=0.25,
        description="Share of the values of a column beyond each of its two thresholds, where the "
        "generalised Pareto tails begin; at least 30 values, at most a quarter of all.",
    )

    def cost(self, data: DataShape) -> NetworkCost:
        """Estimate the size of the margins and of a correlation matrix."""
        size = float(data.dim * (2 * KNOTS + 12) + data.dim**2)
        return NetworkCost(size, 200.0 * data.dim + 2.0 * data.dim**2, 20.0 * data.dim)


class CopulaGPDSettings(MarginsSettings):
    """Settings of the copula with generalised Pareto tails."""

    copula: Literal["t", "gaussian"] = Field(
        "t", description="Dependence: 't' has joint extremes, 'gaussian' has none in the limit."
    )


class CopulaGPDSampling(SamplingSettings):
    """The copula with generalised Pareto tails alone."""

    parts: ClassVar[Parts] = {"model": ("copula_gpd",)}

    model: str = Field("copula_gpd", description="The fitted copula, by its name under models.")


@register
class CopulaGPD(SimpleModel[CopulaGPDSettings, CopulaGPDSampling]):
    r"""Empirical margins with generalised Pareto tails, and a Gaussian or Student-t copula.

    .. math:: X_j = F_j^{-1}(T_\nu(Z_j)), \qquad Z \sim t_\nu(0, R),

    with one :math:`\nu` for all pairs, or a Gaussian :math:`Z`. The margins :math:`F_j` are those
    of :class:`tailbench.stats.semiparametric.SemiparametricLaw`: each side of each column has its
    own index and scale, bounded sides and atoms stay. ``fit`` takes seconds, and no settings have
    to be tried.

    References:
        McNeil, Frey and Embrechts, Quantitative risk management, 2005; Demarta and McNeil, The t
        copula and related copulas, 2005.
    """

    Settings: ClassVar[type[ModelSettings]] = CopulaGPDSettings
    methods: ClassVar[Mapping[str, type[SamplingSettings]]] = {"copula_gpd": CopulaGPDSampling}

    def fit_one(self, x: NDArray[np.float64], rng: np.random.Generator) -> FittedState:
        """Fit margins column by column, and the copula to ranks."""
        if self.settings.copula == "t":
            matrix, nu = fit_student_copula(x, rng)
        else:
            matrix, nu = fit_gaussian_copula(x), math.inf
        margins = stack_laws(fit_laws(x, self.settings.threshold))
        return {**margins, "correlation": matrix, "nu": nu}

    def sample_one(
        self,
        state: FittedState,
        n: int,
        settings: CopulaGPDSampling,
        rng: np.random.Generator,
    ) -> NDArray[np.float64]:
        """Draw from the copula, and map each column by its quantile function."""
        nu = float(state["nu"])
        z = draw_elliptical(root(np.asarray(state["correlation"])), nu, n, rng)
        return stacked_quantiles(state, *copula_levels(z, nu))
