"""The least noise with which data have a single mode on every line."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tailbench.stats.dip import dip_score
from tailbench.stats.sliced_transport import random_directions

__all__ = ["LARGEST_SCORE", "Onset", "unimodal_onset"]

DIRECTIONS = 64  # of a batch
BATCHES = 8
LARGEST_SCORE = 3.0
"""Score of the dip up to which a line counts as unimodal."""
PRECISION = 1.02  # ratio of two levels that are told apart


@dataclass(frozen=True)
class Onset:
    """A noise level, and what was seen on the way to it.

    Attributes:
        level: The level.
        scores: The largest score of a line at every level that was tried; see
            :func:`tailbench.stats.dip.dip_score`.
    """

    level: float
    scores: dict[float, float]

    @property
    def is_unimodal(self) -> bool:
        """Whether all lines were unimodal at the level, which else is the end of the range."""
        return self.scores[self.level] <= LARGEST_SCORE


def unimodal_onset(
    rows: NDArray[np.float64], lowest: float, highest: float, rng: np.random.Generator
) -> Onset:
    r"""Find the noise level from which on random projections of noised data are unimodal.

    .. math:: \sigma^* = \max_\theta \min\{\sigma : \langle \theta, x \rangle + \sigma G
        \ has\ one\ mode\},

    where a sample has one mode if its dip is at most ``LARGEST_SCORE`` standard deviations above
    that of a uniform sample of its size. Every row is used once on a line, with noise of its own
    that is the same at every level. A line that has several modes at the level reached so far
    raises it, by bisection of its logarithm to 2 %. After 64 lines come 64 fresh ones, until a
    whole batch has raised nothing, at most 8 times.

    Modes that rows are too few to show are not seen: between two Gaussians the onset comes out
    below the exact one, the more so the fewer the rows. In many dimensions random lines
    show little, as projections of most laws are nearly Gaussian there.

    Args:
        rows: Data in units in which the noise is the same in every coordinate, shape ``(n, d)``,
            at least four rows.
        lowest: The least level, which is returned where all lines are unimodal at it.
        highest: The largest level, which is returned where a line is not unimodal at it.
        rng: Source of directions and noise.

    Raises:
        InputError: If there are fewer than four rows, or their range is not finite.

    References:
        Fassina, Cardoso, Le Corff and Romary, Generalizing score-based generative models for
        heavy-tailed distributions, 2026, with other numbers; Hartigan and Hartigan, The dip test of
        unimodality, 1985.
    """
    level, scores = lowest, {lowest: -math.inf}
    for _ in range(BATCHES):
        begin = level
        for theta in random_directions(rows.shape[1], DIRECTIONS, rng):
            noise = rng.standard_normal(len(rows))
            level = _raised(rows @ theta, noise, level, highest, scores)
        if level in (begin, highest):
            break
    return Onset(level, dict(sorted(scores.items())))


def _raised(
    line: NDArray[np.float64],
    noise: NDArray[np.float64],
    level: float,
    highest: float,
    scores: dict[float, float],
) -> float:
    """Return the level, or the higher one at which a line is unimodal; note the scores."""

    def has_one_mode(sigma: float) -> bool:
        score = dip_score(line + sigma * noise)
        scores[sigma] = max(score, scores.get(sigma, -math.inf))
        return score <= LARGEST_SCORE

    if has_one_mode(level):
        return level
    if level == highest or not has_one_mode(highest):
        return highest
    below, above = level, highest
    while above > PRECISION * below:
        middle = math.sqrt(below * above)
        below, above = (below, middle) if has_one_mode(middle) else (middle, above)
    return above
