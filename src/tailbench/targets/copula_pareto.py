"""Pareto margins joined by one of five copulas."""

from __future__ import annotations

from typing import Annotated, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from tailbench.registry import register
from tailbench.stats.exchangeable_copula import CopulaName, ExchangeableCopula
from tailbench.targets.base import TargetSettings
from tailbench.targets.copula_target import CopulaTarget

__all__ = ["CopulaPareto", "CopulaParetoSettings"]

Array = NDArray[np.float64]
Index = Annotated[float, Field(gt=0)]


class CopulaParetoSettings(TargetSettings):
    """Settings of the Pareto target with a copula."""

    copula: CopulaName = Field(
        "gumbel",
        description="Dependence: 'gumbel' and 'husler_reiss' have joint extremes above, 'clayton' "
        "below, 't' in all corners, 'gaussian' in none in the limit.",
    )
    dependence: float = Field(
        2.0,
        description="Parameter of the copula: theta, at least 1, of 'gumbel'; theta, above 0, of "
        "'clayton'; lambda, above 0, of 'husler_reiss', weaker the larger; the correlation of all "
        "pairs, below 1, of 'gaussian' and 't'.",
    )
    nu: float = Field(4.0, ge=0.1, description="Degrees of freedom of the copula 't'.")
    index: Index | tuple[Index, ...] = Field(
        2.0, description="Tail index of all columns, or a list of one for each."
    )
    two_sided: bool = Field(
        False, description="Whether the margins are symmetric at 0, instead of positive."
    )
    dim: int = Field(2, ge=1, description="Dimension of the points.")

    @model_validator(mode="after")
    def _fits_the_dimension(self) -> Self:
        if isinstance(self.index, tuple) and len(self.index) != self.dim:
            raise ValueError(
                f"index: {self.dim} values are required, one for each column, not {len(self.index)}"
            )
        ExchangeableCopula(self.copula, self.dependence).check(self.dim)
        return self


@register
class CopulaPareto(CopulaTarget):
    r"""Pareto margins joined by a Gumbel, Hüsler-Reiss, Clayton, Gaussian or Student-t copula.

    .. math:: P(X_j > x) = (1 + x)^{-a_j}, \qquad x \ge 0,

    with the copulas of :class:`tailbench.stats.exchangeable_copula.ExchangeableCopula`. Two-sided,
    :math:`X_j` has that law up to a sign: :math:`P(X_j > x) = P(X_j < -x) = \frac12 (1+x)^{-a_j}`.
    How heavy the columns are, and how often they are extreme together, are set apart.

    References:
        Nelsen, An introduction to copulas, 2006; Coles, Heffernan and Tawn, Dependence measures for
        extreme value analyses, 1999.
    """

    Settings = CopulaParetoSettings
    settings: CopulaParetoSettings

    def __init__(self, settings: CopulaParetoSettings | None = None, **options: object) -> None:
        super().__init__(settings, **options)
        chosen = self.settings
        self.dim = chosen.dim
        self.copula = ExchangeableCopula(chosen.copula, chosen.dependence, chosen.nu)

    def column(self, j: int, p: Array, q: Array) -> Array:
        """Return quantiles of column ``j`` at levels ``p``, whose distances from 1 are ``q``."""
        a = self.tail_index()[j]
        if not self.settings.two_sided:
            return np.expm1(-_log(q, p) / a)
        size = np.expm1(-_log(2.0 * np.minimum(p, q), np.abs(p - q)) / a)
        return np.where(p < q, -size, size)

    def tail_index(self) -> Array:
        """The index of each column, shape ``(d,)``."""
        return np.broadcast_to(np.array(self.settings.index, dtype=np.float64), self.dim).copy()

    def norm_tail_index(self) -> float:
        """The least index of the columns."""
        return float(self.tail_index().min())


def _log(x: Array, rest: Array) -> Array:
    """Return the logarithm of ``x = 1 - rest``, by the smaller of the two."""
    with np.errstate(divide="ignore"):  # the logarithm of zero
        return np.where(x < 0.5, np.log(x), np.log1p(-rest))
