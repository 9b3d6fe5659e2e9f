"""Dependence of pairs of columns in the tails."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tailbench.interfaces import MetricOutput, Target
from tailbench.metrics.base import BaseMetric
from tailbench.registry import register
from tailbench.settings import Settings
from tailbench.stats.dependence import (
    chi_of_corners,
    chibar,
    column_pairs,
    extremal_coefficients,
    rank_levels,
)

__all__ = ["ExtremalDependence", "ExtremalDependenceSettings"]


class ExtremalDependenceSettings(Settings):
    """Which pairs of columns are compared."""

    pairs: int = Field(
        200,
        ge=1,
        le=100_000,
        description="Most pairs of columns; of more, as many are chosen, always the same.",
    )


@register
class ExtremalDependence(BaseMetric[ExtremalDependenceSettings]):
    r"""Whether columns are extreme together as often as in real data.

    On the ranks of each column, with ``chi(u) = P(both beyond u) / (1 - u)`` in each of the four
    corners (both high, both low, one high and one low), mean absolute differences between
    samples and reference, without unit:

    - ``chi95_error``, ``chi99_error``: of ``chi`` at the levels 0.95 and 0.99, over pairs and
      corners;
    - ``chibar_error``: of ``2 log(1 - u) / log P(both beyond u) - 1`` at 0.95;
    - ``extremal_coefficient_error``: of ``(1 + 2v) / (1 - 2v)`` with the F-madogram
      ``v = E|U - V| / 2``, over pairs.

    A rising map of a column changes nothing: margins are not seen. Not for a single column:
    it does not apply where that is known, and gives ``nan`` where the data turn out so.

    References:
        Coles, Heffernan & Tawn, Dependence measures for extreme value analyses (1999);
        Cooley, Naveau & Poncet, Variograms for spatial max-stable random fields (2006).
    """

    Settings = ExtremalDependenceSettings
    least_dim = 2
    outputs: ClassVar[dict[str, MetricOutput]] = {
        "chi95_error": MetricOutput(r"error of $\chi(0.95)$", group="joint"),
        "chi99_error": MetricOutput(r"error of $\chi(0.99)$", group="joint"),
        "chibar_error": MetricOutput(r"error of $\bar\chi(0.95)$", group="joint"),
        "extremal_coefficient_error": MetricOutput(
            "error of the extremal coefficient", group="joint"
        ),
    }

    def compare(
        self,
        samples: NDArray[np.float64],
        reference: NDArray[np.float64],
        truth: Target | None,
        rng: np.random.Generator,
    ) -> dict[str, float]:
        """Compute the four errors; ``nan`` for a single column."""
        if samples.shape[1] == 1:
            return dict.fromkeys(self.outputs, float("nan"))
        columns, pairs = np.unique(
            column_pairs(samples.shape[1], self.settings.pairs), return_inverse=True
        )
        pairs = pairs.reshape(-1, 2)
        every = len(columns) == samples.shape[1]  # whose ranks other metrics need too
        made, real = (
            _estimates(rank_levels(x) if every else rank_levels(x[:, columns]), pairs)
            for x in (samples, reference)
        )
        return {
            key: float(np.abs(own - other).mean())
            for key, own, other in zip(self.outputs, made, real, strict=True)
        }


def _estimates(levels: NDArray[np.float64], pairs: NDArray[np.intp]) -> list[NDArray[np.float64]]:
    """Compute what is compared, in the order of the outputs."""
    near = chi_of_corners(levels, pairs, 0.95)
    far = chi_of_corners(levels, pairs, 0.99)
    return [near, far, chibar(near, 0.95), extremal_coefficients(levels, pairs)]
