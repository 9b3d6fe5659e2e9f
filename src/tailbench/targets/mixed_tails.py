"""Heavy and light columns in one, joined by a copula."""

from __future__ import annotations

import math
from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from tailbench.registry import register
from tailbench.stats.exchangeable_copula import ExchangeableCopula
from tailbench.targets.base import TargetSettings
from tailbench.targets.copula_target import CopulaTarget

__all__ = ["MixedTails", "MixedTailsSettings"]

Array = NDArray[np.float64]
Index = Annotated[float, Field(gt=0)]


class MixedTailsSettings(TargetSettings):
    """Settings of the target of heavy and light columns."""

    copula: Literal["t", "gaussian"] = Field(
        "t", description="Dependence: 't' has joint extremes, 'gaussian' has none in the limit."
    )
    correlation: float = Field(0.5, description="Correlation of all pairs, of the copula.")
    nu: float = Field(4.0, ge=0.1, description="Degrees of freedom of the copula 't'.")
    index: tuple[Index, ...] = Field(
        (1.5, 4.0),
        description="Tail indices of the first columns, Student-t with as many degrees of freedom; "
        "the other columns are Gaussian.",
    )
    dim: int = Field(4, ge=1, description="Dimension of the points.")

    @model_validator(mode="after")
    def _fits_the_dimension(self) -> Self:
        if not 1 <= len(self.index) <= self.dim:
            raise ValueError(
                f"index: from 1 to {self.dim} values are required, for the first of the columns, "
                f"not {len(self.index)}"
            )
        ExchangeableCopula(self.copula, self.correlation).check(self.dim, "correlation")
        return self


@register
class MixedTails(CopulaTarget):
    r"""Student-t columns of several indices and Gaussian columns, joined by a copula.

    .. math:: X_j = T_{a_j}^{-1}(U_j) \text{ for the first columns}, \qquad
        X_j = \Phi^{-1}(U_j) \text{ for the others},

    where :math:`U` has a Student-t or Gaussian copula. One index for all columns is wrong here,
    and so is the index of the norm for any column but the heaviest.

    References:
        Demarta and McNeil, The t copula and related copulas, 2005 (meta-t laws).
    """

    Settings = MixedTailsSettings
    settings: MixedTailsSettings

    def __init__(self, settings: MixedTailsSettings | None = None, **options: object) -> None:
        super().__init__(settings, **options)
        chosen = self.settings
        self.dim = chosen.dim
        self.copula = ExchangeableCopula(chosen.copula, chosen.correlation, chosen.nu)

    def column(self, j: int, p: Array, q: Array) -> Array:
        """Return quantiles of column ``j`` at levels ``p``, whose distances from 1 are ``q``."""
        from scipy.special import ndtri, stdtrit

        small = np.minimum(p, q)
        if j < len(self.settings.index):
            size = np.where(small > 0, -stdtrit(self.settings.index[j], small), np.inf)
        else:
            size = -ndtri(small)
        return np.where(p < q, -size, size) + 0.0  # no negative zero

    def tail_index(self) -> Array:
        """The index of each heavy column, and ``inf`` of the light ones, shape ``(d,)``."""
        heavy = self.settings.index
        return np.array([*heavy, *[math.inf] * (self.dim - len(heavy))])

    def norm_tail_index(self) -> float:
        """The least index of the columns."""
        return float(self.tail_index().min())
