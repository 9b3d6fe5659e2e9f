r"""The Ornstein-Uhlenbeck process and the steps by which it is run backwards.

Forward, :math:`dX = -X dt + \sqrt 2 dB`, so that :math:`X_t = e^{-t} X_0 + \sqrt{1 - e^{-2t}} Z`.
Backward, :math:`dY = (Y + 2 s(Y, t)) dt + \sqrt 2 dB` as the forward time ``t`` falls.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from tailbench.theory.markov_chain_1d import Step

__all__ = [
    "SAMPLERS",
    "Score",
    "backward_step",
    "geometric_times",
    "heun",
    "scale",
    "uniform_times",
]

Array = NDArray[np.float64]
Score = Callable[[Array, float], Array]
"""Gives the score at points and a forward time."""
SAMPLERS = ("euler", "exponential")


def scale(t: float) -> tuple[float, float]:
    """Return the factor of the data and the variance of the noise at a forward time."""
    return math.exp(-t), -math.expm1(-2.0 * t)


def uniform_times(horizon: float, steps: int) -> list[float]:
    """List equally spaced times from the horizon down to 0, both included."""
    return [horizon * (1 - k / steps) for k in range(steps)] + [0.0]


def geometric_times(horizon: float, delta: float, step: float) -> list[float]:
    """List times from the horizon down to ``delta``, in steps of ``step * min(1, t)`` at most."""
    times = [horizon]
    while times[-1] > delta:
        t = times[-1]
        times.append(max(delta, t - step if t - step >= 1 else t / (1 + step)))
    return times


def backward_step(kind: str, score: Score, t: float, gap: float, extra: float = 0.0) -> Step:
    """Make the step from the forward time ``t`` to ``t - gap``.

    Args:
        kind: ``euler`` (Euler and Maruyama) or ``exponential`` (the linear part exactly).
        score: The score.
        t: Forward time at which the score is taken.
        gap: Length of the step.
        extra: Standard deviation of independent noise on every evaluation of the score.
    """
    if kind == "euler":
        grow, push, variance = 1.0 + gap, 2.0 * gap, 2.0 * gap
    else:
        grow, push, variance = math.exp(gap), 2.0 * math.expm1(gap), math.expm1(2.0 * gap)

    def move(x: Array) -> Array:
        return grow * x + push * score(x, t)

    return Step(move, math.sqrt(variance + (push * extra) ** 2))


def heun(score: Score, times: Sequence[float], x: Array) -> Array:
    """Move points by the probability-flow equation, Heun's method with a last step of Euler.

    Args:
        score: The score; it is not taken at the last time.
        times: Falling forward times.
        x: The points, shape ``(n,)``.
    """

    def slope(x: Array, t: float) -> Array:
        return x + score(x, t)

    for k, (t, s) in enumerate(itertools.pairwise(times)):
        first = slope(x, t)
        moved = x + (t - s) * first
        if k < len(times) - 2:
            moved = x + 0.5 * (t - s) * (first + slope(moved, s))
        x = moved
    return x
