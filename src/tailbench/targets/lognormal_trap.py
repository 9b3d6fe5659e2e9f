"""Log-normal vectors, which look heavy and are not."""

from __future__ import annotations

import math
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from tailbench.registry import register
from tailbench.stats.exchangeable_copula import ExchangeableCopula
from tailbench.targets.base import TargetSettings
from tailbench.targets.copula_target import CopulaTarget

__all__ = ["LognormalTrap", "LognormalTrapSettings"]

Array = NDArray[np.float64]


class LognormalTrapSettings(TargetSettings):
    """Settings of the log-normal target."""

    sigma: float = Field(1.5, gt=0, description="Standard deviation of the logarithms.")
    correlation: float = Field(0.5, description="Correlation of all pairs of logarithms.")
    dim: int = Field(2, ge=1, description="Dimension of the points.")

    @model_validator(mode="after")
    def _fits_the_dimension(self) -> Self:
        ExchangeableCopula("gaussian", self.correlation).check(self.dim, "correlation")
        return self


@register
class LognormalTrap(CopulaTarget):
    r"""Exponentials of Gaussian vectors: all moments exist, and no tail is a power law.

    .. math:: X_j = e^{\sigma Z_j}, \qquad Z \sim N(0, R), \qquad R_{jk} = \rho.

    A sample of any size looks heavy: at the level :math:`1 - q` the tail falls like a power law of
    the index :math:`z_q / \sigma`, 1.4 at 5 % with the default, and no column is extreme with
    another in the limit. Who reads a power law off these data draws far too large values.

    References:
        Heyde and Kou, On the controversy over tailweight of distributions, 2004.
    """

    Settings = LognormalTrapSettings
    settings: LognormalTrapSettings

    def __init__(self, settings: LognormalTrapSettings | None = None, **options: object) -> None:
        super().__init__(settings, **options)
        self.dim = self.settings.dim
        self.copula = ExchangeableCopula("gaussian", self.settings.correlation)

    def column(self, j: int, p: Array, q: Array) -> Array:
        """Return quantiles of column ``j`` at levels ``p``, whose distances from 1 are ``q``."""
        from scipy.special import ndtri

        z = np.where(p < q, ndtri(p), -ndtri(q))
        return np.exp(self.settings.sigma * z)

    def tail_index(self) -> Array:
        """``inf`` for every coordinate: the tails are lighter than any power."""
        return np.full(self.dim, math.inf)

    def norm_tail_index(self) -> float:
        """``inf``."""
        return math.inf
