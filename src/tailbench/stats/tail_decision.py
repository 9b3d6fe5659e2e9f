r"""Whether a tail is heavier than an exponential one, by the excesses over a threshold.

The generalised Pareto law of excesses :math:`y` with :math:`\xi > 0` is compared with the
exponential law, :math:`\xi = 0`, by the ratio of their likelihoods. Its maximum is sought over
:math:`\theta = \xi / s` alone (Grimshaw, 1993): given it,

.. math:: \xi = \frac1k \sum_i \log(1 + \theta y_i), \qquad
    \ell = -k \left(\log \frac{\xi}{\theta} + \xi + 1\right).

The test decides, and the moment estimator of :mod:`tailbench.stats.tail_index` does not: that one
has to use few values for little bias, and two of its standard errors are then more than most
indices.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["ExcessFit", "fit_excesses", "heavy_index"]

Array = NDArray[np.float64]

MIN_TAIL = 30  # excesses of which a law is fitted
SHARE, ENOUGH = 0.3, 150  # most that are used where the caller asks for fewer
KS_LIMIT = 1.1  # of sqrt(k) D, 1 % of generalised Pareto laws of 0 to 1 by simulation
COARSE, FINE = 24, 16
ENDS = 1e-3, 1e4  # of theta times the median excess, which is 2^xi - 1: xi from 0.001 to 13


class ExcessFit(NamedTuple):
    r"""The generalised Pareto law of maximal likelihood with :math:`\xi > 0`.

    Attributes:
        xi: The index :math:`\xi`.
        root: Square root of twice the gain of the log-likelihood over the exponential law, 0
            where there is none.
        distance: Kolmogorov and Smirnov's distance of the excesses to the law, times
            :math:`\sqrt k`.
    """

    xi: float
    root: float
    distance: float


def heavy_index(y: Array, k: int, threshold: float = 0.05) -> float | None:
    r"""Compute the index of a tail for which an exponential law is refused.

    The ``k`` largest values, or 30 % and at most 150 where those are more, count by their excess
    over the next one. The exponential law is refused at 5 % where the root of the likelihood
    ratio is above :math:`1.645 - 2.5 / \sqrt k` (the limit of its law, and what is missing at
    finite ``k``, by simulation). Where the Pareto law does not fit either, half as many values
    are tried, as of a small mode far out: so on, down to 30.

    Args:
        y: Distances from a centre, positive, shape ``(n,)``.
        k: Number of largest values.
        threshold: Least index that counts as heavy.

    Returns:
        The index, or ``None`` where the exponential law is not refused or nothing fits.

    References:
        Grimshaw, Computing maximum likelihood estimates for the generalized Pareto distribution,
        1993; Choulakian and Stephens, Goodness-of-fit tests for the generalized Pareto
        distribution, 2001; Bader, Yan and Zhang, Automated threshold selection for extreme value
        analysis via ordered goodness-of-fit tests, 2018.
    """
    count = min(max(k, min(int(SHARE * len(y)), ENOUGH)), len(y) - 1)
    top = np.sort(np.partition(y, -count - 1)[-count - 1 :])
    while count >= MIN_TAIL:
        largest = top[-count - 1 :]
        excesses = largest[largest > largest[0]] - largest[0]
        if len(excesses) < MIN_TAIL:
            return None
        fit = fit_excesses(excesses)
        if fit.root <= 1.645 - 2.5 / math.sqrt(len(excesses)) or fit.xi <= threshold:
            return None
        if fit.distance <= KS_LIMIT:
            return fit.xi
        count //= 2
    return None


def fit_excesses(y: Array) -> ExcessFit:
    r"""Compute the generalised Pareto law of maximal likelihood, :math:`\xi > 0`.

    Args:
        y: Excesses, positive, in rising order, shape ``(k,)``.

    Returns:
        The index, and how much better than an exponential law, and how well, the law fits. The
        index is exact to some hundredths of itself, by a search on a grid.
    """
    z = y / np.median(y)
    grid = np.geomspace(*ENDS, COARSE)
    best = int(np.argmax(_profile(z, grid)[1]))
    grid = np.geomspace(grid[max(best - 1, 0)], grid[min(best + 1, COARSE - 1)], FINE)
    indices, likelihoods = _profile(z, grid)
    best = int(np.argmax(likelihoods))
    theta, xi = float(grid[best]), float(indices[best])
    exponential = -math.log(float(z.mean())) - 1.0
    gain = 2.0 * len(z) * (float(likelihoods[best]) - exponential)
    levels = -np.expm1(-np.log1p(theta * z) / xi)
    ranks = np.arange(1, len(z) + 1) / len(z)
    distance = float(np.maximum(ranks - levels, levels - ranks + 1.0 / len(z)).max())
    return ExcessFit(xi, math.sqrt(max(gain, 0.0)), math.sqrt(len(z)) * distance)


def _profile(z: Array, thetas: Array) -> tuple[Array, Array]:
    """Compute the index, and the log-likelihood of one excess, given each ``theta``."""
    xi = np.array([np.log1p(theta * z).mean() for theta in thetas])
    return xi, -np.log(xi / thetas) - xi - 1.0
