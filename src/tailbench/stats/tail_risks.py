"""Value at risk and expected shortfall of columns, with bootstrap draws of both."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["tail_risks"]

Array = NDArray[np.float64]


def tail_risks(
    x: ArrayLike, levels: Sequence[float], resamples: int, rng: np.random.Generator
) -> tuple[Array, Array]:
    r"""Compute value at risk and expected shortfall of each column, and draws of both.

    At level :math:`q` these are the quantile :math:`F^{-1}(q)` (linear between order statistics)
    and the mean of what is beyond it,

    .. math:: ES_q = \frac{1}{1 - q} \int_q^1 F^{-1}(p)\,dp,

    in units of the data, in which the last value counts in part. The draws are those of the
    bootstrap of rows. The largest values of a resample are the values whose ranks are
    :math:`\lceil n U_{(i)} \rceil`, with the least of :math:`n` sorted uniforms, and these are
    partial sums of exponentials over their total: no more is drawn than the tail needs.

    Args:
        x: Rows, shape ``(n, d)``, the tail upwards.
        levels: Levels ``q``, at least one half.
        resamples: Number of draws ``B``.
        rng: Source of randomness.

    Returns:
        The estimates, shape ``(2, L, d)``, value at risk first, and the draws, ``(B, 2, L, d)``.

    Raises:
        ValueError: If the array is not of shape ``(n, d)`` with a row, or a level is not in
            ``[0.5, 1)``.

    References:
        Efron, Bootstrap methods: another look at the jackknife (1979); Acerbi & Tasche, On the
        coherence of expected shortfall (2002).
    """
    rows = np.asarray(x, dtype=np.float64)
    if rows.ndim != 2 or not len(rows):
        raise ValueError(f"tail_risks: the shape is {rows.shape}, not (n, d) with a row")
    if not all(0.5 <= level < 1 for level in levels):
        raise ValueError(f"tail_risks: the levels {tuple(levels)} are not all in [0.5, 1)")
    n = len(rows)
    needed = min(n, max(math.ceil((1 - min(levels)) * n) + 2, 2))
    falling = np.sort(rows, axis=0)[::-1]
    found = _risks(falling[None, :needed], n, levels)[0]
    sums = np.cumsum(rng.standard_exponential((resamples, needed)), axis=1)
    total = sums[:, -1:] + rng.gamma(n + 1 - needed, size=(resamples, 1))
    ranks = np.minimum(np.ceil(n * sums / total).astype(np.intp), n) - 1
    return found, _risks(falling[ranks], n, levels)


def _risks(top: Array, n: int, levels: Sequence[float]) -> Array:
    """Compute both from the largest values in falling order, ``(B, m, d)`` of ``n`` rows."""
    found = np.empty((len(top), 2, len(levels), top.shape[2]))
    for i, level in enumerate(levels):
        place = (n - 1) * (1 - level)
        low = min(math.floor(place + 1e-9), n - 1)
        part = max(place - low, 0.0)
        after = top[:, min(low + 1, top.shape[1] - 1)]
        found[:, 0, i] = top[:, low] + part * (after - top[:, low])
        share = max((1 - level) * n, 1.0)
        whole = min(math.ceil(round(share, 9)), n)
        weights = np.append(np.ones(whole - 1), share - (whole - 1)) / share
        found[:, 1, i] = np.einsum("m,bmd->bd", weights, top[:, :whole])
    return found
