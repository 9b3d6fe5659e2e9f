"""Relative error of the expected shortfall."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tailbench.data import ImageLayout
from tailbench.interfaces import MetricOutput, Target
from tailbench.metrics.base import BaseMetric, centre, mean_or_nan
from tailbench.registry import register
from tailbench.settings import Settings
from tailbench.stats.order_statistics import sorted_columns

__all__ = [
    "ExpectedShortfall",
    "ExpectedShortfallSettings",
    "expected_shortfall",
    "mean_of_largest",
]


class ExpectedShortfallSettings(Settings):
    """Where the tail begins."""

    level: float = Field(0.99, ge=0.5, lt=1, description="Level beyond which values are averaged.")


@register
class ExpectedShortfall(BaseMetric[ExpectedShortfallSettings]):
    r"""Relative error of the 99 % expected shortfall, mean over the columns and both tails.

    .. math::
        ES_q = \frac{1}{1 - q} \int_q^1 F^{-1}(p)\,dp, \qquad
        |ES_q^{samples} - ES_q^{reference}| \,/\, ES_q^{reference},

    without unit: the mean of the worst ``1 - q`` of a column, measured from the reference's
    median; the lower tail is the upper one of ``-x``. The expected shortfall does not exist
    where the tail index is at most 1, and the metric does not apply there; below 2 its
    estimate has infinite variance, hence a high floor. Tails of no length in the reference (more
    than ``q`` of a column is one value) are left out; ``nan`` if that is all of them.

    References:
        Acerbi & Tasche, On the coherence of expected shortfall (2002).
    """

    Settings = ExpectedShortfallSettings
    outputs: ClassVar[dict[str, MetricOutput]] = {
        "es99_error": MetricOutput("error of expected shortfall", group="margins")
    }

    def applies(self, truth: Target | None, images: ImageLayout | None = None) -> bool:
        """Whether every column has a mean, as far as is known."""
        index = None if truth is None else truth.tail_index()
        return index is None or bool(np.all(np.asarray(index) > 1))

    def compare(
        self,
        samples: NDArray[np.float64],
        reference: NDArray[np.float64],
        truth: Target | None,
        rng: np.random.Generator,
    ) -> dict[str, float]:
        """Compute the error."""
        point, level = centre(reference), self.settings.level
        made, real = (_of_both_sides(x, point, level) for x in (samples, reference))  # (2, d)
        nothing = np.full_like(real, np.nan)
        errors = np.divide(np.abs(made - real), real, out=nothing, where=real > 0)
        return {"es99_error": mean_or_nan(errors)}


def expected_shortfall(x: NDArray[np.float64], level: float) -> NDArray[np.float64]:
    """Return the mean of the largest ``1 - level`` of each column, shape ``(d,)``.

    The last value counts in part where ``(1 - level) n`` is not a whole number, and at least
    one value counts.
    """
    _, whole = _counted(len(x), level)
    largest = np.sort(np.partition(x, -whole, axis=0)[-whole:], axis=0)
    return mean_of_largest(largest, len(x), level)


def _of_both_sides(
    x: NDArray[np.float64], point: NDArray[np.float64], level: float
) -> NDArray[np.float64]:
    """Return ``expected_shortfall`` of the columns from a point, up and down, shape ``(2, d)``."""
    _, whole = _counted(len(x), level)
    rising = sorted_columns(x)
    least, largest = (
        ends - point[:, None] for ends in (rising[:, :whole], rising[:, len(x) - whole :])
    )
    return np.stack(
        [
            mean_of_largest(np.ascontiguousarray(top.T), len(x), level)
            for top in (largest, -least[:, ::-1])
        ]
    )


def mean_of_largest(largest: NDArray[np.float64], n: int, level: float) -> NDArray[np.float64]:
    """Return ``expected_shortfall`` of tables of which only the largest values are known.

    Args:
        largest: The largest values of each column in rising order, all that count at least, shape
            ``(m, d)``.
        n: Number of all values of a column.
        level: The level, such as 0.99.
    """
    share, whole = _counted(n, level)
    weights = np.ones(whole)
    weights[0] = share - (whole - 1)
    return weights @ largest[len(largest) - whole :] / weights.sum()


def _counted(n: int, level: float) -> tuple[float, int]:
    """Return how many of the largest values count, and how many they are a part of."""
    share = max((1 - level) * n, 1.0)
    return share, min(math.ceil(round(share, 9)), n)
