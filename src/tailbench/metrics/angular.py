"""Directions of joint extremes."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tailbench.interfaces import MetricOutput, Target
from tailbench.metrics.base import BaseMetric
from tailbench.registry import register
from tailbench.settings import Settings
from tailbench.stats.dependence import rank_levels
from tailbench.stats.sliced_transport import random_directions
from tailbench.stats.sorted_transport import costs_along

__all__ = ["Angular", "AngularSettings", "extreme_directions"]


class AngularSettings(Settings):
    """Which rows are extreme, and how their directions are compared."""

    share: float = Field(
        0.05, gt=0, le=0.5, description="Share of the rows that count, those farthest out."
    )
    directions: int = Field(
        200, ge=1, le=100_000, description="Random lines on which the directions are projected."
    )


@register
class Angular(BaseMetric[AngularSettings]):
    r"""Sliced Wasserstein distance between the directions of extreme rows.

    Each column becomes a two-sided Pareto variable by its ranks: with the level ``u`` of a value
    in its column,

    .. math:: v = \mathrm{sign}(2u - 1) / (1 - |2u - 1|),

    so that high and low values both count and each corner is told from the others. Of samples and
    of reference the 5 % of rows with the largest sum of ``|v_j|`` are divided by that sum, which
    puts them on the simplex with signs; ``angular_sw1`` is the sliced ``W_1`` between the two
    clouds, without unit. It sees which columns are extreme together, and in what
    proportion, in any dimension.

    A rising map of a column changes nothing: margins are not seen. Not for a single column: it
    does not apply where that is known, and gives ``nan`` where the data turn out so.

    References:
        de Haan & Resnick, Limit theory for multivariate sample extremes (1977), for the angular
        law; Bonneel et al., Sliced and Radon Wasserstein barycenters of measures (2015).
    """

    Settings = AngularSettings
    least_dim = 2
    outputs: ClassVar[dict[str, MetricOutput]] = {
        "angular_sw1": MetricOutput("sliced $W_1$ of extreme directions", group="joint")
    }

    def compare(
        self,
        samples: NDArray[np.float64],
        reference: NDArray[np.float64],
        truth: Target | None,
        rng: np.random.Generator,
    ) -> dict[str, float]:
        """Compute the distance; ``nan`` for a single column."""
        dim = samples.shape[1]
        if dim == 1:
            return {"angular_sw1": float("nan")}
        made, real = (extreme_directions(x, self.settings.share) for x in (samples, reference))
        theta = random_directions(dim, self.settings.directions, rng)
        return {"angular_sw1": float(costs_along(made, real, theta, (1,)).mean())}


def extreme_directions(x: NDArray[np.float64], share: float) -> NDArray[np.float64]:
    """Compute the directions of the rows that are farthest out, with two-sided Pareto columns.

    Args:
        x: Points, shape ``(n, d)``.
        share: Share of the rows that count; one at least, and all that are as far as the last.

    Returns:
        Directions of absolute sum one, shape ``(k, d)``; zero for a row in the middle of every
        column.
    """
    folded = 2 * rank_levels(x) - 1
    sums = np.zeros(len(x))
    for column in folded.T:  # one at a time: a table of a million rows is slow to write
        sums += np.abs(_pareto(column))
    count = max(1, math.floor(share * len(x)))
    far = sums >= np.partition(sums, -count)[-count]
    directions: NDArray[np.float64] = _pareto(folded[far]) / np.maximum(sums[far, None], 1.0)
    return directions


def _pareto(folded: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return two-sided Pareto variables of levels that run from -1 to 1."""
    variables: NDArray[np.float64] = np.sign(folded) / (1 - np.abs(folded))
    return variables
