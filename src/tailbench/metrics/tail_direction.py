"""Whether tails are too light or too heavy."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tailbench.interfaces import MetricOutput, Target
from tailbench.metrics.base import BaseMetric, centre, mean_or_nan, radii
from tailbench.registry import register
from tailbench.settings import Settings
from tailbench.stats.order_statistics import (
    column_quantiles,
    quantiles_of_sorted,
    sorted_columns,
)

__all__ = ["TailDirection", "TailDirectionSettings"]

_Array = NDArray[np.float64]
LEVELS = 16
LEAST = 1e-6  # ratio that a quantile on the wrong side of the centre counts for


class TailDirectionSettings(Settings):
    """Where the tail begins and ends."""

    level: float = Field(0.95, ge=0.5, lt=1, description="Level at which the tail begins.")
    min_rows: int = Field(
        10, ge=1, description="Rows of the smaller table that are left beyond the last level."
    )


@register
class TailDirection(BaseMetric[TailDirectionSettings]):
    r"""How far tail quantiles are too near to the centre, and how far too far out.

    With ``r`` the generated over the real quantile, both from the reference's median,

    .. math:: light = \exp E \max(0, -\log r), \qquad heavy = \exp E \max(0, \log r)

    over 16 levels, uniform in ``log(1 - p)`` from ``level`` to that beyond which 10 rows are left,
    without unit: 1 is best, and 2 in ``light`` alone says that tail quantiles are half of the real
    ones.

    - ``tails_too_light``, ``tails_too_heavy``: of each column, both tails;
    - ``norm_too_light``, ``norm_too_heavy``: of the Euclidean distance from the centre.

    The two of a pair are the two sides of one error: samples of the true law have about the same
    value in both, little above 1, and a pair of which one is much larger says what is wrong. They
    are not scored, since what is right on one side and wrong on the other is wrong. Levels at
    which the real quantile is not beyond the centre are left out; ``nan`` if that is all of them.
    What is farther out than the last level is not seen.
    """

    Settings = TailDirectionSettings
    outputs: ClassVar[dict[str, MetricOutput]] = {
        "tails_too_light": MetricOutput("columns' tails too light"),
        "tails_too_heavy": MetricOutput("columns' tails too heavy"),
        "norm_too_light": MetricOutput("tail of the norm too light"),
        "norm_too_heavy": MetricOutput("tail of the norm too heavy"),
    }

    def compare(
        self,
        samples: _Array,
        reference: _Array,
        truth: Target | None,
        rng: np.random.Generator,
    ) -> dict[str, float]:
        """Compute both sides of both errors."""
        first = 1 - self.settings.level
        last = self.settings.min_rows / min(len(samples), len(reference))
        levels = 1 - np.geomspace(first, min(first, last), LEVELS)
        point = centre(reference)
        columns = _sides(*(_both_tails(x, levels, point) for x in (samples, reference)))
        norms = _sides(
            *(column_quantiles(radii(x, reference)[:, None], levels) for x in (samples, reference))
        )
        return dict(zip(self.outputs, [*columns, *norms], strict=True))


def _both_tails(x: _Array, levels: _Array, point: _Array) -> _Array:
    """Compute quantiles of columns up from a point, and down from it, ``(levels, 2 d)``."""
    rising = sorted_columns(x)
    return np.hstack(
        [
            quantiles_of_sorted(rising, levels, point),
            quantiles_of_sorted(-rising[:, ::-1], levels, -point),
        ]
    )


def _sides(over: _Array, under: _Array) -> tuple[float, float]:
    """Return the factors that quantiles are too small and too large by, geometric means."""
    ratio = np.divide(over, under, out=np.full_like(under, np.nan), where=under > 0)
    log = np.log(np.maximum(ratio, LEAST))
    light, heavy = (mean_or_nan(np.maximum(side, 0)) for side in (-log, log))
    return float(np.exp(light)), float(np.exp(heavy))
