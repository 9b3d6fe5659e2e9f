r"""The law of the reverse process of exploding variance, step by step, on a line with heavy tails.

A step from the noise level ``a`` to ``b < a`` is :math:`x + (a^2 - b^2) s(x) + \sqrt{a^2 - b^2} Z`
(Euler and Maruyama, the variance as the time). The density is kept on points equally spaced in
``asinh``: it is moved by the increasing map, then smoothed by the noise with Gauss and Hermite's
rule. The error is one of interpolation, and a run with no other error shows it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from tailbench.theory.heavy_tails.scale_mixtures import wide_grid

__all__ = ["levels", "run", "total_variation"]

Array = NDArray[np.float64]
Score = Callable[[Array, float], tuple[Array, Array]]
"""Gives the score and its derivative at points and a noise level."""
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(24)
POINTS = 1601


def levels(high: float, low: float, steps: int, rho: float = 7.0) -> list[float]:
    """List ``steps + 1`` falling noise levels by the rule of Karras et al. (2022)."""
    u = np.linspace(high ** (1 / rho), low ** (1 / rho), steps + 1)
    return [float(x) for x in u**rho]


def run(start: Callable[[Array], Array], score: Score, noise: Sequence[float]) -> Array:
    """Return the log-density of the chain after its last step, on the points of ``wide_grid``.

    Args:
        start: Log-density of the start, element by element.
        score: The score and its derivative.
        noise: Falling noise levels.

    Raises:
        ValueError: If a step is so long that its map does not increase.
    """
    from scipy.interpolate import CubicSpline

    y, _ = wide_grid(POINTS)
    w = np.arcsinh(y)
    log_p = start(y)
    weights = WEIGHTS / WEIGHTS.sum()
    for high, low in itertools.pairwise(noise):
        gap = high * high - low * low
        value, slope = score(y, high)
        stretch = 1.0 + gap * slope
        if np.any(stretch <= 0):
            raise ValueError("a step of the reverse process folds the line: take more steps")
        moved = CubicSpline(np.arcsinh(y + gap * value), log_p - np.log(stretch))
        around = np.arcsinh(y[:, None] + math.sqrt(gap) * NODES)
        density = np.exp(np.minimum(moved(np.clip(around, w[0], w[-1])), 50.0)) @ weights
        log_p = np.log(np.maximum(density, 1e-300))
    return log_p


def total_variation(log_p: Array, log_q: Array) -> float:
    """Return the total variation distance of two log-densities on the points of ``wide_grid``.

    Mass that one of them has lost to errors counts as distance.
    """
    _, weights = wide_grid(POINTS)
    return 0.5 * float(weights @ np.abs(np.exp(log_p) - np.exp(log_q)))
