"""The choice of the noise level ``sigma_T`` at which a refinement of the flow starts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tailbench.data import as_values
from tailbench.exceptions import InputError
from tailbench.models.base import TuneResult
from tailbench.models.preprocessing import Stored
from tailbench.rng.seeds import generator_for
from tailbench.stats.sliced_transport import maximise_direction, random_directions, transport_costs

__all__ = ["TRIALS", "Choice", "choose_level", "select_sigma", "validation_rows"]

TRIALS = 3
DIRECTIONS = 64
STARTS = 4
STEPS = 20
RESAMPLES = 30


@dataclass(frozen=True)
class Choice:
    """A noise level, and what it was chosen by.

    Attributes:
        level: The level.
        distances: Distance to the validation data of every candidate.
        errors: Standard error of its difference from the least distance.
    """

    level: float
    distances: dict[float, float]
    errors: dict[float, float]


def validation_rows(
    x: NDArray[np.float64] | Stored, fraction: float, split_seeds: Sequence[int]
) -> NDArray[np.float64]:
    """Return the rows that a training with the same fraction and split seeds has held out.

    Args:
        x: Data of each seed, each of shape ``(n, d)``.
        fraction: Fraction that is held out; the least of several trainings gives rows that none
            of them was trained on.
        split_seeds: Seed of each split into training and validation rows.

    Returns:
        Shape ``(E, h, d)``.

    Raises:
        InputError: If there are fewer than two such rows.
    """
    from tailbench.training.splits import split_rows

    held = split_rows(x[0].shape[0], fraction, split_seeds)[1].numpy()
    if held.shape[1] < 2:
        raise InputError("sigma_T: 'auto' needs validation data; validation_fraction is too small")
    return np.stack([as_values(rows[own]) for rows, own in zip(x, held, strict=True)])


def select_sigma(
    draw: Callable[[float, int], NDArray[np.float32]],
    held: NDArray[np.float64],
    candidates: Sequence[float],
    seeds: Sequence[int],
    ids: Sequence[int],
) -> TuneResult:
    """Choose ``sigma_T`` for each seed by the max-sliced W1 to validation data.

    See ``choose_level`` for the rule.

    Args:
        draw: Draws samples ``(E, n, d)`` at a noise level, given the level and ``n``.
        held: Validation data, shape ``(E, n, d)``.
        candidates: Noise levels to try.
        seeds: Seed of each choice.
        ids: Number of each seed, for the curve.
    """
    n = TRIALS * held.shape[1]
    samples = {level: draw(level, n).astype(np.float64) for level in candidates}
    choices = [
        choose_level(
            {level: block[e] for level, block in samples.items()},
            held[e],
            generator_for("choose", seed),
        )
        for e, seed in enumerate(seeds)
    ]
    curve = [
        {
            "seed": number,
            "sigma_T": level,
            "max_sw1": distance,
            "standard_error": choice.errors[level],
        }
        for number, choice in zip(ids, choices, strict=True)
        for level, distance in choice.distances.items()
    ]
    return TuneResult([choice.level for choice in choices], curve)


def choose_level(
    drawn: Mapping[float, NDArray[np.float64]],
    held: NDArray[np.float64],
    rng: np.random.Generator,
) -> Choice:
    """Choose the least level that validation data cannot tell from the best.

    The distance of a candidate is the largest W1 to the validation data over the candidates'
    own worst directions, found by gradient ascent; and of that the median over three sets of
    samples, since with heavy tails one sample far out can decide a single distance. It is as
    noisy as the far points of the validation data, by which candidates of too light tails can
    seem the best. Hence the rule of one standard error: of the candidates whose distance
    exceeds the least by no more than the standard error of the difference, the smallest level is
    taken, which leaves most of the flow. The error is that over resampled validation data.

    Args:
        drawn: Samples of every candidate, three times as many as validation data, ``(3 n, d)``.
        held: Validation data, shape ``(n, d)``.
        rng: Source of the directions and of the resampling.

    References:
        Breiman, Friedman, Olshen and Stone, Classification and regression trees, 1984 (the
        rule).
    """
    n, dim = held.shape
    tried = np.concatenate([random_directions(dim, DIRECTIONS, rng), np.eye(dim)])
    worst = []
    for samples in drawn.values():
        costs = transport_costs(samples, held, tried, 1)
        raised, theta = maximise_direction(
            samples, held, tried[np.argsort(costs)[-STARTS:]], 1, STEPS
        )
        worst.append(theta[np.argmax(raised)])
    directions = np.array(worst)

    def distances(reference: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.array(
            [
                np.median(
                    [
                        transport_costs(part, reference, directions, 1).max()
                        for part in np.split(samples, TRIALS)
                    ]
                )
                for samples in drawn.values()
            ]
        )

    own = distances(held)
    best = int(own.argmin())
    again = np.array([distances(held[rng.integers(n, size=n)]) for _ in range(RESAMPLES)])
    errors = (again - again[:, [best]]).std(axis=0)
    levels = list(drawn)
    return Choice(
        min(level for level, d, e in zip(levels, own, errors, strict=True) if d <= own[best] + e),
        dict(zip(levels, own.tolist(), strict=True)),
        dict(zip(levels, errors.tolist(), strict=True)),
    )
