r"""The law of a Markov chain on the line, step by step, without drawing samples.

A step moves ``x`` to :math:`m(x) + s Z`. From the density on an equally spaced grid the density
after the step is a sum over the grid, the trapezoidal rule, whose error falls like
:math:`\exp(-2 \pi^2 s^2 / h^2)` in the spacing ``h``; with ``h = s / 2`` it is below the precision
of floats. No Monte Carlo error enters.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tailbench.theory.laws_1d import Law

__all__ = [
    "Gaussians",
    "Step",
    "diffusion",
    "propagate",
    "total_variation",
    "trajectory",
    "wasserstein",
]

Array = NDArray[np.float64]
REACH = 8.6  # standard deviations, beyond which a Gaussian is below the precision of floats
COARSEST = 0.04
CHUNK = 4_000_000
ROWS = 256


@dataclass(frozen=True)
class Step:
    """One step of a chain: ``x`` becomes ``move(x) + std Z``."""

    move: Callable[[Array], Array]
    std: float


@dataclass(frozen=True)
class Gaussians:
    """The mixture of ``N(mean_j, std^2)`` with the weights ``weight_j``."""

    weights: Array
    means: Array
    std: float

    def density(self, y: Array) -> Array:
        """Density on equally spaced points ``y``, shape ``(n,)``."""
        return _spread(self.weights, self.means, self.std, y)

    def cdf(self, y: Array) -> tuple[Array, Array]:
        """Probability below and above rising points ``y``, each of shape ``(n,)``."""
        from scipy.special import ndtr

        order = np.argsort(self.means, kind="stable")
        means, weights = self.means[order], self.weights[order]
        left = np.concatenate([[0.0], np.cumsum(weights)])
        right = np.concatenate([np.cumsum(weights[::-1])[::-1], [0.0]])
        below, above = np.empty(len(y)), np.empty(len(y))
        for i in range(0, len(y), ROWS):
            part = slice(i, i + ROWS)
            reach = REACH * self.std
            first, last = np.searchsorted(means, [y[part][0] - reach, y[part][-1] + reach])
            z = (y[part, None] - means[first:last]) / self.std
            below[part] = left[first] + ndtr(z) @ weights[first:last]
            above[part] = right[last] + ndtr(-z) @ weights[first:last]
        return below, above

    def grid(self, refine: float = 4.0) -> Array:
        """Equally spaced points that cover the law, ``refine`` times denser than needed."""
        heavy = self.means[self.weights > 1e-18]
        spacing = min(self.std / 2, COARSEST) / refine
        low, high = heavy.min() - REACH * self.std, heavy.max() + REACH * self.std
        return np.linspace(low, high, math.ceil((high - low) / spacing) + 1)


def _spread(weights: Array, means: Array, std: float, y: Array) -> Array:
    """Evaluate a mixture of equal Gaussians on equally spaced points, in bands."""
    spacing = y[1] - y[0]
    reach = math.ceil(REACH * std / spacing)
    centre = np.rint((means - y[0]) / spacing).astype(int)
    near = (centre > -reach) & (centre < len(y) + reach)
    weights, means, centre = weights[near], means[near], centre[near]
    offsets = np.arange(-reach, reach + 1)
    out = np.zeros(len(y) + 4 * reach + 2)
    rows = max(1, CHUNK // len(offsets))
    for i in range(0, len(means), rows):
        part = slice(i, i + rows)
        index = centre[part, None] + offsets
        z = (y[0] + spacing * index - means[part, None]) / std
        mass = weights[part, None] * np.exp(-0.5 * z * z)
        out += np.bincount((index + 2 * reach).ravel(), mass.ravel(), minlength=len(out))
    return out[2 * reach : 2 * reach + len(y)] / (std * math.sqrt(2.0 * math.pi))


def trajectory(
    start: Callable[[Array], Array], steps: Iterable[Step], reach: float = 10.0, fine: float = 1.0
) -> Iterator[Gaussians]:
    """Return the law of a chain after each step.

    Args:
        start: Density of the start, element by element.
        steps: The steps; every one has noise.
        reach: The chain lives on ``[-reach, reach]``.
        fine: Grids are this much finer than they need to be, to show their error.
    """
    density = start
    for step in steps:
        spacing = min(step.std / 2, COARSEST) / fine
        x = np.linspace(-reach, reach, math.ceil(2 * reach / spacing) + 1)
        law = Gaussians(density(x) * (x[1] - x[0]), step.move(x), step.std)
        density = law.density
        yield law


def propagate(
    start: Callable[[Array], Array], steps: Iterable[Step], reach: float = 10.0, fine: float = 1.0
) -> Gaussians:
    """Return the law of a chain after its last step; the arguments are those of ``trajectory``."""
    (last,) = deque(trajectory(start, steps, reach, fine), maxlen=1)
    return last


def diffusion(law: Law, a: float, v: float) -> Gaussians:
    """Return the law of ``a X + sqrt(v) Z``, with the quadrature of the law's panels."""
    x, weights = law.rule()
    return Gaussians(weights, a * x, math.sqrt(v))


def wasserstein(law: Gaussians, target: Law, order: int = 2, refine: float = 4.0) -> float:
    r"""Return :math:`W_p` by the increasing map from the law to the target.

    .. math:: W_p^p = \int |y - G^{-1}(F(y))|^p f(y) dy.

    Args:
        law: The law of a chain.
        target: The law to compare it with.
        order: The power ``p``.
        refine: How much denser the grid of the integral is than that of the chain.
    """
    y = law.grid(refine)
    distance = np.abs(y - target.quantile(*law.cdf(y)))
    density = law.density(y)
    return float((np.sum(distance**order * density) * (y[1] - y[0])) ** (1 / order))


def total_variation(law: Gaussians, log_density: Callable[[Array], Array]) -> float:
    """Return the total variation distance, the integral of the positive part of the difference.

    Args:
        law: The law of a chain.
        log_density: Log-density of the other law, element by element.
    """
    y = law.grid()
    excess = np.maximum(law.density(y) - np.exp(log_density(y)), 0.0)
    return float(excess.sum() * (y[1] - y[0]))
