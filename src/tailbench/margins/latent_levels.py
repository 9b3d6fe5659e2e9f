"""Where rows that lie on atoms are on the line: at random, but as their other columns say."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

__all__ = ["latent_levels"]

Array = NDArray[np.float64]

SWEEPS = 20
RIDGE = 1e-6


def latent_levels(
    x: Array, spans: Mapping[int, tuple[Array, Array]], rng: np.random.Generator
) -> dict[int, Array]:
    r"""Draw the levels of rows on atoms, within the interval of the atom.

    With independent levels two columns that are dry together would be independent there, and
    every dependence that a model learns too weak. So levels are drawn as a Gaussian copula would
    have them, by Gibbs sampling: column by column, each from its conditional law given the others,

    .. math:: w_j \mid w_{-j} \sim N\Big(-\sum_{k \ne j} \frac{P_{jk}}{P_{jj}} w_k,
        \frac{1}{P_{jj}}\Big)

    within the interval of the atom, with :math:`P` the inverse of the correlation of the normal
    scores :math:`w`, which is computed anew in each of 20 sweeps. Last, the rows of an atom are
    spread evenly over its interval in the order of what was drawn: margins are so those of the
    data exactly. No model sees more of this copula than the order of equal values.

    Args:
        x: Data, shape ``(n, d)``, in any units: only the ranks of columns without atoms count.
        spans: For each column with atoms the lower and upper level of each row, equal where it is
            on no atom; each of shape ``(n,)``.
        rng: The only source of randomness.

    Returns:
        Levels in (0, 1) of each column with atoms, shape ``(n,)``.

    References:
        Hoff, Extending the rank likelihood for semiparametric copula estimation, 2007.
    """
    from scipy.special import ndtr, ndtri
    from scipy.stats import rankdata

    n = len(x)
    levels = (rankdata(x, axis=0) - 0.5) / n
    groups = {j: _groups(*span) for j, span in spans.items()}
    for j, (low, _) in spans.items():
        levels[:, j] = np.where(low == spans[j][1], low, 0.5)
        _spread(levels[:, j], groups[j], rng.random(n), rng)
    w = ndtri(np.clip(levels, 1e-12, 1.0 - 1e-12))
    for _ in range(SWEEPS if x.shape[1] > 1 else 0):
        precision = np.linalg.inv(np.corrcoef(w.T) + RIDGE * np.eye(x.shape[1]))
        for j, own in groups.items():
            mean = w[:, j] - w @ precision[j] / precision[j, j]
            spread = precision[j, j] ** -0.5
            low, high = (ndtr((ndtri(level) - mean) / spread) for level in spans[j])
            drawn = mean + spread * ndtri(low + (high - low) * rng.random(n))
            _spread(levels[:, j], own, drawn, rng)
            w[:, j] = ndtri(np.clip(levels[:, j], 1e-12, 1.0 - 1e-12))
    return {j: levels[:, j].copy() for j in spans}


def _groups(low: Array, high: Array) -> list[tuple[NDArray[np.int64], float, float]]:
    """Return the rows of each atom, with the ends of its interval."""
    on = np.flatnonzero(high > low)
    starts, which = np.unique(low[on], return_inverse=True)
    rows = [on[which == k] for k in range(len(starts))]
    return [(own, float(low[own[0]]), float(high[own[0]])) for own in rows]


def _spread(
    levels: Array,
    groups: list[tuple[NDArray[np.int64], float, float]],
    drawn: Array,
    rng: np.random.Generator,
) -> None:
    """Set the levels of the rows of atoms evenly, in the order of what was drawn."""
    for rows, low, high in groups:
        order = np.lexsort((rng.random(len(rows)), drawn[rows]))
        even = (np.arange(len(rows)) + 0.5) / len(rows)
        levels[rows[order]] = low + (high - low) * even
