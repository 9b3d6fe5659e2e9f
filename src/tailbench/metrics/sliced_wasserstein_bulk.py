"""Max-sliced Wasserstein distance inside the bulk, by the protocol of the headline's source."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tailbench.interfaces import MetricOutput, Target
from tailbench.metrics.base import BaseMetric
from tailbench.metrics.sliced_wasserstein import SlicedWassersteinSettings, max_sliced_wasserstein
from tailbench.registry import register

__all__ = ["SlicedWassersteinBulk", "SlicedWassersteinBulkSettings"]

FEWEST = 10


class SlicedWassersteinBulkSettings(SlicedWassersteinSettings):
    """Where the bulk ends, and how directions are searched."""

    level: float = Field(
        0.1, gt=0, lt=0.5, description="The bulk is between this quantile and its mirror image."
    )


@register
class SlicedWassersteinBulk(BaseMetric[SlicedWassersteinBulkSettings]):
    r"""Max-sliced Wasserstein distance of order 2 of the points in the bulk.

    The bulk is the box of the coordinates' 0.1 and 0.9 quantiles of the reference. Points of which
    a coordinate is outside are left out of both samples: nothing of the tails
    counts, nor how many points are in them. It is the protocol by which the source of the headline
    compares heavy-tailed samples, reported beside its numbers, and not a measure of tails. In
    units of the data; not a number if fewer than ten points of either sample are inside.

    References:
        Fassina, Cardoso, Le Corff and Romary, Generalizing score-based generative models for
        heavy-tailed distributions, 2026.
    """

    Settings = SlicedWassersteinBulkSettings
    by_default = False
    quick = False
    outputs: ClassVar[dict[str, MetricOutput]] = {
        "max_sw2_bulk": MetricOutput("max-sliced $W_2$ of the bulk", group="bulk"),
    }

    def compare(
        self,
        samples: NDArray[np.float64],
        reference: NDArray[np.float64],
        truth: Target | None,
        rng: np.random.Generator,
    ) -> dict[str, float]:
        """Compute the distance."""
        chosen = self.settings.model_dump()
        level = chosen.pop("level")
        low, high = np.quantile(reference, [level, 1.0 - level], axis=0)
        x, y = (
            values[((values >= low) & (values <= high)).all(axis=1)]
            for values in (samples, reference)
        )
        if min(len(x), len(y)) < FEWEST:
            return {"max_sw2_bulk": math.nan}
        return {"max_sw2_bulk": max_sliced_wasserstein(x, y, 2, rng=rng, **chosen)}
