r"""The reverse process for the uniform law on the unit sphere, by samples of the norm.

With :math:`\kappa = a r / v` the posterior mean at a point of norm ``r`` is
:math:`I_{d/2}(\kappa) / I_{d/2-1}(\kappa)` times its direction. Laws of the chain keep the symmetry
of the sphere if the error of the score does, and W2 between two of them is that between the laws
of their norms.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tailbench.theory.ou_process import scale

__all__ = ["posterior_mean", "run", "sorted_distance"]

Array = NDArray[np.float64]


def posterior_mean(r: Array, t: float, dim: int) -> Array:
    """Return the norm of ``E[X | Y]`` at points ``Y`` of norm ``r`` and the forward time ``t``."""
    from scipy.special import ive

    a, v = scale(t)
    kappa = a * r / v
    return ive(0.5 * dim, kappa) / ive(0.5 * dim - 1.0, kappa)


def run(
    dim: int,
    times: Sequence[float],
    error: float,
    white: bool,
    n: int,
    rng: np.random.Generator,
) -> Array:
    """Return the norms of ``n`` samples of the exponential integrator, shape ``(n,)``.

    Args:
        dim: Dimension of the space.
        times: Falling forward times; the start is exact.
        error: L2 size of the error of the score at every time.
        white: Whether the error is a fresh Gaussian at each evaluation, or points outwards.
        n: Number of samples.
        rng: Generator; runs with generators of equal state have their noise in common.
    """
    a, v = scale(times[0])
    x = rng.standard_normal((n, dim))
    x *= a / np.linalg.norm(x, axis=1, keepdims=True)
    x += math.sqrt(v) * rng.standard_normal((n, dim))
    for t, s in itertools.pairwise(times):
        a, v = scale(t)
        r = np.linalg.norm(x, axis=1, keepdims=True)
        direction = x / r
        score = (a * posterior_mean(r, t, dim) * direction - x) / v
        fresh = rng.standard_normal((n, dim))  # drawn always, so that the noise is in common
        score += error * (fresh / math.sqrt(dim) if white else direction)
        gap = t - s
        noise = rng.standard_normal((n, dim))
        x = math.exp(gap) * x + 2 * math.expm1(gap) * score + math.sqrt(math.expm1(2 * gap)) * noise
    return np.linalg.norm(x, axis=1)


def sorted_distance(first: Array, second: Array) -> float:
    """Return W2 of two samples of equal size on the line."""
    return math.sqrt(float(np.mean(np.square(np.sort(first) - np.sort(second)))))
