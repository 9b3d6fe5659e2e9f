"""What targets share whose margins are joined by a copula in which all pairs depend alike."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tailbench.stats.exchangeable_copula import ExchangeableCopula, Side
from tailbench.stats.quantiles import read_levels
from tailbench.targets.base import BaseTarget

__all__ = ["CopulaTarget"]

Array = NDArray[np.float64]


class CopulaTarget(BaseTarget):
    """A copula and quantile functions; subclasses set ``copula`` and write ``column``.

    The law is sampled exactly, and its marginal quantiles, tail indices and coefficients of joint
    extremes are known. No density and no score is given, with or without noise: they stay ``None``.
    """

    copula: ExchangeableCopula

    @abstractmethod
    def column(self, j: int, p: Array, q: Array) -> Array:
        """Return quantiles of column ``j`` at levels ``p``, whose distances from 1 are ``q``."""

    def sample(self, n: int, rng: np.random.Generator) -> Array:
        """Draw ``n`` independent samples, shape ``(n, d)``."""
        p, q = self.copula.draw(n, self.dim, rng)
        return np.stack([self.column(j, p[:, j], q[:, j]) for j in range(self.dim)], axis=1)

    def quantile(self, p: ArrayLike) -> Array:
        """Exact marginal quantiles at levels of shape ``(m,)``, shape ``(d, m)``."""
        levels = read_levels(p)
        with np.errstate(divide="ignore"):  # at the levels 0 and 1
            return np.stack([self.column(j, levels, 1.0 - levels) for j in range(self.dim)])

    def chi(self, level: float | None = None, side: Side = "upper") -> float:
        """Exact coefficient of joint extremes of any pair; see ``ExchangeableCopula.chi``."""
        return self.copula.chi(level, side)
