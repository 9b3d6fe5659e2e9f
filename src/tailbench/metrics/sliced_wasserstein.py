"""Sliced and max-sliced Wasserstein distances."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field

from tailbench.interfaces import MetricOutput, Target
from tailbench.metrics.base import BaseMetric, checked
from tailbench.registry import register
from tailbench.settings import Settings
from tailbench.stats.sliced_transport import maximise_direction, random_directions, transport_costs

__all__ = ["SlicedWasserstein", "SlicedWassersteinSettings", "max_sliced_wasserstein"]

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

    in units of the data. The mean is over random directions and is what POT computes
    (``ot.sliced_wasserstein_distance``). POT takes as maximum the best of the random
    directions, a loose lower bound in high dimension; here the best of them and of the
    coordinate axes are raised further by gradient ascent, so that the value is never less.
    It remains a lower bound. All points count, at equal or unequal sizes.

    Order 2 is dominated by the few largest points. Where the tail index is below ``p``, the
    distance between laws is infinite or undefined, and the value depends on ``n``.

    References:
        Bonneel et al., Sliced and Radon Wasserstein barycenters of measures (2015);
        Deshpande et al., Max-sliced Wasserstein distance and its use for GANs (2019).
    """

    Settings = SlicedWassersteinSettings
    outputs: ClassVar[dict[str, MetricOutput]] = {
        "sw1": MetricOutput("sliced $W_1$"),
        "sw2": MetricOutput("sliced $W_2$"),
        "max_sw1": MetricOutput("max-sliced $W_1$"),
        "max_sw2": MetricOutput("max-sliced $W_2$"),
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
        theta = random_directions(samples.shape[1], chosen.directions, rng)
        costs = transport_costs(samples, reference, theta, (1, 2))
        axes = np.eye(samples.shape[1])
        axis_costs = transport_costs(samples, reference, axes, (1, 2))
        candidates = np.concatenate([theta, axes])
        values = {}
        for p, mean, known in zip((1, 2), costs, np.hstack([costs, axis_costs]), strict=True):
            values[f"sw{p}"] = float(mean.mean() ** (1 / p))
            values[f"max_sw{p}"] = _raised(
                samples, reference, candidates, known, p, chosen.starts, chosen.steps
            )
        return {key: values[key] for key in self.outputs}


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
    """Give the max-sliced Wasserstein distance of order ``p``, see :class:`SlicedWasserstein`.

    Args:
        x: First sample, shape ``(n, d)``.
        y: Second sample, shape ``(m, d)``.
        p: Order, at least 1.
        directions: Random directions tried beside the coordinate axes.
        starts: How many of the best are raised by gradient ascent.
        steps: Steps of the ascent.
        rng: Source of the directions; ``None`` for a fixed seed.

    Returns:
        The distance, in units of the data.

    Raises:
        ValueError: If a sample is not finite, the widths differ, or ``p < 1``.
    """
    first, second = checked(x, "first sample"), checked(y, "second sample")
    if first.shape[1] != second.shape[1]:
        raise ValueError(f"the samples have {first.shape[1]} and {second.shape[1]} columns")
    if p < 1:
        raise ValueError(f"the order must be at least 1, not {p}")
    rng = np.random.default_rng(0) if rng is None else rng
    dim = first.shape[1]
    candidates = np.concatenate([random_directions(dim, directions, rng), np.eye(dim)])
    known = transport_costs(first, second, candidates, (p,))[0]
    return _raised(first, second, candidates, known, p, starts, steps)


def _raised(
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    candidates: NDArray[np.float64],
    costs: NDArray[np.float64],
    p: float,
    starts: int,
    steps: int,
) -> float:
    """Raise the best candidates, of known costs ``W_p^p``, and give the largest ``W_p``."""
    best = np.argsort(costs)[::-1][:starts]
    raised, _ = (
        maximise_direction(x, y, candidates[best], p, steps) if steps else (costs[best], None)
    )
    return float(max(raised.max(), costs.max()) ** (1 / p))
