"""Returns of prices."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["log_returns"]


def log_returns(prices: NDArray[np.float64]) -> NDArray[np.float64]:
    r"""Compute daily log-returns in percent, :math:`r_t = 100 (\log P_t - \log P_{t-1})`.

    Args:
        prices: Positive prices, shape ``(n + 1, d)``, the oldest first.

    Returns:
        The returns, shape ``(n, d)``.
    """
    return 100.0 * np.diff(np.log(prices), axis=0)
