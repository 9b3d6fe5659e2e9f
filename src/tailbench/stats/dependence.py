r"""Dependence of pairs of columns in the tails: estimates by ranks, and exact values of copulas.

With uniform margins ``U, V`` and a level ``u``, of the upper right corner,

.. math:: \chi(u) = P(U > u, V > u) / (1 - u), \qquad
    \bar\chi(u) = 2 \log(1 - u) / \log P(U > u, V > u) - 1.

The limit of :math:`\chi` is positive where extremes come together; where it is zero, the limit
of :math:`\bar\chi` says how slowly they part. Nothing here depends on the margins.

References:
    Coles, Heffernan and Tawn, Dependence measures for extreme value analyses, 1999.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "chi_of_corners",
    "chibar",
    "clayton_chi",
    "column_pairs",
    "extremal_coefficients",
    "extreme_value_chi",
    "gaussian_chi",
    "gumbel_coefficient",
    "husler_reiss_coefficient",
    "rank_levels",
    "student_chi",
]

_Array = NDArray[np.float64]


def rank_levels(x: _Array) -> _Array:
    """Compute the level of each value in its own column, by its rank.

    Args:
        x: Points, shape ``(n, d)``.

    Returns:
        ``(rank - 1/2) / n`` in (0, 1), shape ``(n, d)``; equal values share their mean rank.
    """
    from scipy.stats import rankdata

    ranks: _Array = rankdata(x, axis=0)
    return (ranks - 0.5) / len(x)


def column_pairs(dim: int, most: int) -> NDArray[np.intp]:
    """Return pairs of columns: all of them, or a fixed random choice where there are too many.

    Args:
        dim: Number of columns.
        most: Largest number of pairs.

    Returns:
        Pairs ``i < j``, shape ``(k, 2)``; equal arguments give equal pairs.
    """
    every = np.stack(np.triu_indices(dim, 1), axis=1)
    if len(every) <= most:
        return every
    return every[np.sort(np.random.default_rng(0).choice(len(every), most, replace=False))]


def chi_of_corners(levels: _Array, pairs: NDArray[np.intp], level: float) -> _Array:
    r"""Compute :math:`\chi(u)` of pairs of columns in all four corners of the unit square.

    The probability is estimated as ``(count + 1/2) / (n + 1)``, which is never zero.

    Args:
        levels: Levels of the values in their columns, shape ``(n, d)``.
        pairs: Pairs of columns, shape ``(k, 2)``.
        level: The level ``u`` in (1/2, 1).

    Returns:
        Shape ``(4, k)``: both high, both low, the first high and the second low, and reversed.
    """
    n = len(levels)
    high = np.ascontiguousarray((levels > level).T)
    low = np.ascontiguousarray((levels < 1 - level).T)
    corners = ((high, high), (low, low), (high, low), (low, high))
    counts = np.array(
        [[np.count_nonzero(a[i] & b[j]) for i, j in pairs] for a, b in corners], dtype=np.float64
    )
    return (counts + 0.5) / (n + 1) / (1 - level)


def chibar(chi: _Array, level: float) -> _Array:
    r"""Compute :math:`\bar\chi(u)`, in (-1, 1], from a positive :math:`\chi(u)`."""
    return 2 * math.log(1 - level) / np.log(chi * (1 - level)) - 1


def extremal_coefficients(levels: _Array, pairs: NDArray[np.intp]) -> _Array:
    r"""Compute the extremal coefficient of pairs of columns by their F-madogram.

    .. math:: \nu = \tfrac12 E |U - V|, \qquad \theta = (1 + 2 \nu) / (1 - 2 \nu):

    1 for columns that are functions of each other, 2 for independent ones, above where one is
    high as the other is low. For extreme value copulas it is :math:`2 - \chi`.

    Args:
        levels: Levels of the values in their columns, shape ``(n, d)``.
        pairs: Pairs of columns, shape ``(k, 2)``.

    Returns:
        Shape ``(k,)``.

    References:
        Cooley, Naveau and Poncet, Variograms for spatial max-stable random fields, 2006.
    """
    columns = np.ascontiguousarray(levels.T)
    twice = np.array([np.abs(columns[i] - columns[j]).mean() for i, j in pairs])
    return (1 + twice) / (1 - twice)


def student_chi(nu: float, rho: float, level: float | None = None) -> float:
    r"""Compute :math:`\chi(u)` of a bivariate Student-t law.

    In the limit it is :math:`2 T_{\nu+1}\bigl(-\sqrt{(\nu+1)(1-\rho)/(1+\rho)}\bigr)`. At a
    level it is the mean over the tail of one coordinate of what the other, whose conditional law
    is a Student-t with ``nu + 1`` degrees of freedom, has beyond the same quantile.

    Args:
        nu: Degrees of freedom.
        rho: Correlation, or that of the scale matrix, in (-1, 1).
        level: The level ``u``; ``None`` for the limit at one.

    References:
        Demarta and McNeil, The t copula and related copulas, 2005.
    """
    from scipy.special import stdtr, stdtrit

    if level is None:
        ratio = (1 - rho) / (1 + rho)
        return float(2 * stdtr(nu + 1, -math.sqrt((nu + 1) * ratio)))
    threshold = -stdtrit(nu, 1 - level)

    def beyond(p: float) -> float:
        first = -stdtrit(nu, p)
        scale = math.sqrt((1 - rho**2) * (nu + first**2) / (nu + 1))
        return float(stdtr(nu + 1, -(threshold - rho * first) / scale))

    return _mean_of_tail(beyond, level)


def gaussian_chi(rho: float, level: float) -> float:
    r"""Compute :math:`\chi(u)` of a bivariate Gaussian law; it tends to 0, and chibar to ``rho``.

    Args:
        rho: Correlation in (-1, 1).
        level: The level ``u``.

    References:
        Sibuya, Bivariate extreme statistics, 1960.
    """
    from scipy.special import ndtr, ndtri

    threshold = -ndtri(1 - level)

    def beyond(p: float) -> float:
        return float(ndtr((-rho * ndtri(p) - threshold) / math.sqrt(1 - rho**2)))

    return _mean_of_tail(beyond, level)


def extreme_value_chi(coefficient: float, level: float | None = None) -> float:
    r"""Compute :math:`\chi(u) = (1 - 2u + u^\theta) / (1 - u)` of an extreme value copula.

    Args:
        coefficient: The extremal coefficient :math:`\theta` in [1, 2].
        level: The level ``u``; ``None`` for the limit :math:`2 - \theta`.
    """
    if level is None:
        return 2 - coefficient
    return (1 - 2 * level + level**coefficient) / (1 - level)


def gumbel_coefficient(theta: float) -> float:
    r"""Return :math:`2^{1/\theta}`, the extremal coefficient of Gumbel's copula (1960)."""
    return 2 ** (1 / theta)


def husler_reiss_coefficient(lam: float) -> float:
    r"""Return :math:`2 \Phi(\lambda)`, the extremal coefficient of Hüsler and Reiss (1989)."""
    from scipy.special import ndtr

    return float(2 * ndtr(lam))


def clayton_chi(theta: float, level: float | None = None) -> float:
    r"""Compute :math:`\chi(u)` of Clayton's copula (1978) where both are low.

    .. math:: P(U < p, V < p) / p = \bigl(2 - p^\theta\bigr)^{-1/\theta}, \qquad p = 1 - u.

    Args:
        theta: Parameter, positive.
        level: The level ``u``; ``None`` for the limit :math:`2^{-1/\theta}`.
    """
    p = 0.0 if level is None else 1 - level
    return float((2 - p**theta) ** (-1 / theta))


def _mean_of_tail(beyond: Callable[[float], float], level: float) -> float:
    """Compute the mean of a function of the tail probability over ``(0, 1 - level)``."""
    from scipy.integrate import quad

    # In the logarithm, as the function changes by orders of magnitude of the probability.
    mean, _ = quad(lambda t: beyond((1 - level) * math.exp(-t)) * math.exp(-t), 0, 40, limit=200)
    return float(mean)
