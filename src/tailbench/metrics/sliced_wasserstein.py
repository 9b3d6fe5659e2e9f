"""Sliced and max-sliced Wasserstein distances."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field

from tailbench.interfaces import MetricOutput, Target
from tailbench.metrics.base import BaseMetric, pair
from tailbench.registry import register
from tailbench.settings import Settings
from tailbench.stats.sliced_transport import maximise_direction, random_directions, transport_costs

__all__ = [
    "SlicedWasserstein",
    "SlicedWassersteinSettings",
    "max_sliced_wasserstein",
    "sliced_wasserstein",
]

_DIRECTIONS, _STARTS, _STEPS = 200, 8, 30


class SlicedWassersteinSettings(Settings):
    """How directions are drawn and searched."""

    directions: int = Field(
        _DIRECTIONS, ge=1, le=100_000, description="Random directions, uniform on the sphere."
    )
    starts: int = Field(
        _STARTS,
        ge=1,
        le=10_000,
        description="Best directions from which the maximum is searched by gradient ascent.",
    )
    steps: int = Field(
        _STEPS,
        ge=0,
        le=10_000,
        description="Steps of the ascent; 0 gives the best of the random directions and axes.",
    )


@register
class SlicedWasserstein(BaseMetric[SlicedWassersteinSettings]):
    r"""Sliced and max-sliced Wasserstein distances of order 1 and 2.

    With ``W_p`` between the projections on a direction ``theta`` of the unit sphere,

    .. math::
        SW_p = (E_\theta W_p^p)^{1/p}, \qquad \max SW_p = \max_\theta W_p,

    in units of the data. The mean over random directions is computed by POT
    (``ot.sliced_wasserstein_distance``). POT takes as maximum the best of the random
    directions, a loose lower bound in high dimension; here the best of them and of the
    coordinate axes are refined further by gradient ascent, so that the value is never less.
    It remains a lower bound. All points count, at equal or unequal sizes.

    Order 2 is dominated by the few largest points. Where the tail index is below ``p``, the
    distance between laws is infinite or undefined, and the value depends on ``n``.

    References:
        Bonneel et al., Sliced and Radon Wasserstein barycenters of measures, 2015;
        Deshpande et al., Max-sliced Wasserstein distance and its use for GANs, 2019;
        Flamary et al., POT: Python Optimal Transport, 2021.
    """

    Settings = SlicedWassersteinSettings
    quick = False
    outputs: ClassVar[dict[str, MetricOutput]] = {
        "sw1": MetricOutput("sliced $W_1$", group="bulk"),
        "sw2": MetricOutput("sliced $W_2$", group="bulk"),
        "max_sw1": MetricOutput("max-sliced $W_1$", group="bulk"),
        "max_sw2": MetricOutput("max-sliced $W_2$", group="bulk"),
    }

    def compare(
        self,
        samples: NDArray[np.float64],
        reference: NDArray[np.float64],
        truth: Target | None,
        rng: np.random.Generator,
    ) -> dict[str, float]:
        """Compute the four distances with one set of directions."""
        chosen = self.settings
        dim = samples.shape[1]
        theta = random_directions(dim, chosen.directions, rng)
        candidates = np.concatenate([theta, np.eye(dim)])
        values = {}
        for p in (1, 2):
            costs = transport_costs(samples, reference, candidates, p)
            values[f"sw{p}"] = float(costs[: len(theta)].mean() ** (1 / p))
            values[f"max_sw{p}"] = _refined_maximum(
                samples, reference, candidates, costs, p, chosen.starts, chosen.steps
            )
        return {key: values[key] for key in self.outputs}


def sliced_wasserstein(
    x: ArrayLike,
    y: ArrayLike,
    p: float = 1,
    *,
    directions: int = _DIRECTIONS,
    rng: np.random.Generator | None = None,
) -> float:
    r"""Compute the sliced Wasserstein distance :math:`(E_\theta W_p^p)^{1/p}`, by POT.

    Args:
        x: First sample, shape ``(n, d)``.
        y: Second sample, shape ``(m, d)``.
        p: Order, at least 1.
        directions: Random directions that the mean is over.
        rng: Source of the directions; ``None`` for a fixed seed.

    Returns:
        The distance, in units of the data.

    Raises:
        ValueError: If a sample is not a non-empty table of finite numbers, the widths differ,
            or ``p < 1``.

    References:
        Bonneel et al., Sliced and Radon Wasserstein barycenters of measures, 2015.

    Example:
        >>> sliced_wasserstein([[0.0], [1.0]], [[2.0], [3.0]], p=2)
        2.0
    """
    first, second = _checked_pair(x, y, p)
    rng = np.random.default_rng(0) if rng is None else rng
    theta = random_directions(first.shape[1], directions, rng)
    return float(transport_costs(first, second, theta, p).mean() ** (1 / p))


def max_sliced_wasserstein(
    x: ArrayLike,
    y: ArrayLike,
    p: float = 1,
    *,
    directions: int = _DIRECTIONS,
    starts: int = _STARTS,
    steps: int = _STEPS,
    rng: np.random.Generator | None = None,
) -> float:
    r"""Compute a lower bound of :math:`\max_\theta W_p`, see :class:`SlicedWasserstein`.

    Args:
        x: First sample, shape ``(n, d)``.
        y: Second sample, shape ``(m, d)``.
        p: Order, at least 1.
        directions: Random directions tried beside the coordinate axes.
        starts: How many of the best are refined by gradient ascent.
        steps: Steps of the ascent.
        rng: Source of the directions; ``None`` for a fixed seed.

    Returns:
        The distance, in units of the data.

    Raises:
        ValueError: If a sample is not a non-empty table of finite numbers, the widths differ,
            or ``p < 1``.

    References:
        Deshpande et al., Max-sliced Wasserstein distance and its use for GANs, 2019.
    """
    first, second = _checked_pair(x, y, p)
    rng = np.random.default_rng(0) if rng is None else rng
    dim = first.shape[1]
    candidates = np.concatenate([random_directions(dim, directions, rng), np.eye(dim)])
    costs = transport_costs(first, second, candidates, p)
    return _refined_maximum(first, second, candidates, costs, p, starts, steps)


def _checked_pair(
    x: ArrayLike, y: ArrayLike, p: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Check two samples and an order, and return the samples as tables."""
    if p < 1:
        raise ValueError(f"the order must be at least 1, not {p}")
    return pair(x, y)


def _refined_maximum(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    candidates: NDArray[np.float64],
    costs: NDArray[np.float64],
    p: float,
    starts: int,
    steps: int,
) -> float:
    """Compute the largest ``W_p`` after an ascent from the best candidates, of known costs."""
    best = np.argsort(costs)[::-1][:starts]
    refined, _ = (
        maximise_direction(x, y, candidates[best], p, steps) if steps else (costs[best], None)
    )
    return float(max(refined.max(), costs.max()) ** (1 / p))
