"""Tests of forecast risks on what came true."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["acerbi_szekely_z2", "kupiec_rejects"]

_Array = NDArray[np.float64]


def kupiec_rejects(
    exceptions: ArrayLike, n: int, probability: float, size: float = 0.05
) -> NDArray[np.bool_]:
    r"""Compute whether Kupiec's test refuses a value at risk, by the number of its exceptions.

    .. math:: LR = 2 \log \frac{(x/n)^x (1 - x/n)^{n - x}}{p^x (1 - p)^{n - x}}
        \sim \chi^2_1

    Args:
        exceptions: How many of the ``n`` losses are greater than the value at risk, any shape.
        n: Number of losses.
        probability: Probability of an exception, if the value at risk is right.
        size: Probability of refusing a value at risk that is right, for large ``n p``.

    Returns:
        Whether it is refused, of the shape of ``exceptions``.

    References:
        Kupiec, Techniques for verifying the accuracy of risk measurement models, 1995.
    """
    from scipy.special import chdtri, xlogy

    x = np.asarray(exceptions, dtype=np.float64)
    own = xlogy(x, x / n) + xlogy(n - x, 1 - x / n)
    expected = xlogy(x, probability) + xlogy(n - x, 1 - probability)
    refused: NDArray[np.bool_] = 2 * (own - expected) > chdtri(1, size)
    return refused


def acerbi_szekely_z2(
    losses: _Array,
    value_at_risk: _Array,
    shortfall: _Array,
    probability: float,
    n: int | None = None,
) -> _Array:
    r"""Compute the second statistic of Acerbi and Székely of each column.

    .. math:: Z_2 = 1 - \sum_t \frac{L_t 1(L_t > \mathrm{VaR})}{n\, p\, \mathrm{ES}}

    Its mean is 0 where both risks are right, and it is below where they are too low.

    Args:
        losses: Losses that came true, shape ``(n, k)``.
        value_at_risk: Forecast values at risk, shape ``(k,)``.
        shortfall: Forecast expected shortfalls, shape ``(k,)``.
        probability: Probability of a loss beyond the value at risk.
        n: Number of losses, where only the largest are given: all beyond the value at risk.

    Returns:
        Shape ``(k,)``, without unit.

    References:
        Acerbi and Székely, Backtesting expected shortfall, 2014.
    """
    beyond = np.where(losses > value_at_risk, losses, 0.0).sum(axis=0)
    return 1 - beyond / ((len(losses) if n is None else n) * probability * shortfall)
