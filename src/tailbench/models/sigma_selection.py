"""The choice of the noise level ``sigma_T`` at which a refinement of the flow starts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tailbench.data import as_values
from tailbench.models.base import TuneResult
from tailbench.models.preprocessing import Stored
from tailbench.rng.seeds import generator_for
from tailbench.stats.sliced_tails import SlicedReference, projections
from tailbench.stats.sliced_transport import random_directions

__all__ = ["Choice", "choose_level", "reference_rows", "select_sigma"]

DIRECTIONS = 256
FOLDS = 5
ROWS = 10_000
MIN_ROWS = 500
NUMBERS = 2**20
MIN_FOLD = 20


@dataclass(frozen=True)
class Choice:
    """A noise level, and what it was chosen by.

    Attributes:
        level: The level.
        distances: Distance to the reference of every candidate.
        errors: Standard error of its difference from the least distance.
    """

    level: float
    distances: dict[float, float]
    errors: dict[float, float]


def reference_rows(
    x: Sequence[NDArray[np.float64]] | Stored, seeds: Sequence[int]
) -> list[NDArray]:
    """Draw the rows that samples are compared with: all of them, or some at random.

    The rows that the models were trained on are among them. Rows that were held out would be
    fairer, and are so few that, with heavy tails, their own scatter decides; and a model has to
    be far from what is measured here, distances on lines, to gain by having seen a row.

    Args:
        x: Data of each seed, each of shape ``(n, d)``.
        seeds: Seed of each choice.

    Returns:
        Rows of each seed: 10,000, of more than a hundred columns fewer, and at most ``n``.
    """
    found = []
    for rows, seed in zip(x, seeds, strict=True):
        n, most = rows.shape[0], max(MIN_ROWS, min(ROWS, NUMBERS // rows.shape[1]))
        if n <= most:
            found.append(as_values(rows[:]))
            continue
        order = generator_for("choose rows", seed).permutation(n)[:most]
        found.append(as_values(rows[np.sort(order)]))
    return found


def select_sigma(
    draw: Callable[[float, int], NDArray[np.floating]],
    reference: Sequence[NDArray[np.float64]],
    candidates: Sequence[float],
    seeds: Sequence[int],
    ids: Sequence[int],
) -> TuneResult:
    """Choose ``sigma_T`` for each seed by the distance of its samples to the data.

    See ``choose_level`` for the rule.

    Args:
        draw: Draws samples ``(E, n, d)`` at a noise level, given the level and ``n``; with the
            same random numbers at every level, so that differences between levels are their own.
        reference: Data of each seed, each of shape ``(n, d)``.
        candidates: Noise levels to try.
        seeds: Seed of each choice.
        ids: Number of each seed, for the curve.
    """
    n = max(len(rows) for rows in reference)
    samples = {level: draw(level, n).astype(np.float64) for level in candidates}
    choices = [
        choose_level(
            {level: block[e] for level, block in samples.items()},
            reference[e],
            generator_for("choose", seed),
        )
        for e, seed in enumerate(seeds)
    ]
    curve = [
        {
            "seed": number,
            "sigma_T": level,
            "distance": distance,
            "standard_error": choice.errors[level],
        }
        for number, choice in zip(ids, choices, strict=True)
        for level, distance in choice.distances.items()
    ]
    return TuneResult([choice.level for choice in choices], curve)


def choose_level(
    drawn: Mapping[float, NDArray[np.float64]],
    reference: NDArray[np.float64],
    rng: np.random.Generator,
) -> Choice:
    """Choose the level whose samples are nearest to the data.

    The distance is the mean over random directions, the coordinates and the norm of one between
    distribution functions: see :func:`tailbench.stats.sliced_tails.tail_weighted_distance`. It
    exists for every tail index, weighs the tails as much as the bulk, and its scatter is that of
    an average over hundreds of lines. The standard error of a difference between two levels is
    that of its mean over five parts of the data.

    Args:
        drawn: Samples of every candidate, each of shape ``(n, d)``.
        reference: Data, shape ``(m, d)``.
        rng: Source of the directions and of the parts.
    """
    theta = np.concatenate(
        [random_directions(reference.shape[1], DIRECTIONS, rng), np.eye(reference.shape[1])]
    )
    parts = max(1, min(FOLDS, len(reference) // MIN_FOLD))
    folds = np.array_split(rng.permutation(len(reference)), parts)
    data = SlicedReference(projections(reference, theta, reference), folds)
    scores = np.array(
        [data.distances(projections(samples, theta, reference)) for samples in drawn.values()]
    )
    whole, apart = scores[:, 0], scores[:, 1:]
    best = int(whole.argmin())
    spread = (apart - apart[best]).std(axis=1, ddof=1) if parts > 1 else np.zeros(len(scores))
    levels = list(drawn)
    return Choice(
        levels[best],
        dict(zip(levels, whole.tolist(), strict=True)),
        dict(zip(levels, (spread / np.sqrt(parts)).tolist(), strict=True)),
    )
