"""Energy distance with an exponent for heavy tails."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tailbench.interfaces import MetricOutput, Target
from tailbench.metrics.base import BaseMetric
from tailbench.registry import register
from tailbench.settings import Settings
from tailbench.stats.sliced_tails import both_in_quartile_units
from tailbench.stats.subsets import thinned

__all__ = ["Energy", "EnergySettings", "energy_distance"]

_Array = NDArray[np.float64]
_BLOCK = 4_000_000  # distances held at once


class EnergySettings(Settings):
    """The exponent, and how many rows are compared."""

    exponent: float = Field(
        0.5, gt=0, lt=2, description="Power of the distances, below the tail index of the data."
    )
    max_rows: int = Field(
        5000,
        ge=10,
        description="Most rows of either side; of more, as many are chosen at random.",
    )


@register
class Energy(BaseMetric[EnergySettings]):
    r"""Energy distance: zero between equal laws alone, and finite for very heavy tails.

    .. math:: D = 2 E\|X - Y\|^b - E\|X - X'\|^b - E\|Y - Y'\|^b

    with the Euclidean distance of rows in quartile ranges of the reference, and ``b`` = 1/2, for
    which it exists where the tail index is above 1/2; with 1 it would need a mean. The
    expectations are means over all pairs of rows, a row and itself included: the value is never
    negative, and for equal laws its mean is ``(1/n + 1/m) E|X - X'|^b``, not zero.

    It sees every difference, but the bulk most; far tails hardly count.

    References:
        Székely & Rizzo, Energy statistics: a class of statistics based on distances (2013).
    """

    Settings = EnergySettings
    by_default = False
    quick = False
    outputs: ClassVar[dict[str, MetricOutput]] = {
        "energy": MetricOutput("energy distance", group="bulk")
    }

    def compare(
        self,
        samples: _Array,
        reference: _Array,
        truth: Target | None,
        rng: np.random.Generator,
    ) -> dict[str, float]:
        """Compute the distance."""
        most = self.settings.max_rows
        few = [thinned(x, most, rng) for x in (samples, reference)]
        x, y = both_in_quartile_units(few, reference)
        return {"energy": energy_distance(x, y, self.settings.exponent)}


def energy_distance(x: _Array, y: _Array, exponent: float = 1.0) -> float:
    r"""Compute :math:`2 E\|X - Y\|^b - E\|X - X'\|^b - E\|Y - Y'\|^b` of two samples.

    Args:
        x: First sample, shape ``(n, d)``.
        y: Second sample, shape ``(m, d)``.
        exponent: The power ``b`` in (0, 2).

    Returns:
        The distance between the empirical laws, 0 or more, in units of the data to the power
        ``b``.

    References:
        Székely and Rizzo, Energy statistics: a class of statistics based on distances, 2013.
    """
    between = _mean_power(x, y, exponent)
    within = _mean_power(x, x, exponent) + _mean_power(y, y, exponent)
    return max(2 * between - within, 0.0)


def _mean_power(x: _Array, y: _Array, exponent: float) -> float:
    """Compute the mean of ``|x_i - y_j|^exponent`` over all pairs."""
    from scipy.spatial.distance import cdist

    step = max(1, _BLOCK // len(y))
    total = 0.0
    for start in range(0, len(x), step):
        total += float((cdist(x[start : start + step], y) ** exponent).sum())
    return total / (len(x) * len(y))
