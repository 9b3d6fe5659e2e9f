"""Sliced and max-sliced Wasserstein distances."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field

from tailbench.interfaces import MetricOutput, Target
from tailbench.metrics.base import BaseMetric, pair
from tailbench.registry import register
from tailbench.settings import Settings
from tailbench.stats.sliced_tails import both_in_quartile_units
from tailbench.stats.sliced_transport import maximise_direction, random_directions
from tailbench.stats.sorted_transport import sorted_costs
from tailbench.stats.subsets import thinned

__all__ = [
    "DirectionSettings",
    "SlicedWasserstein",
    "SlicedWassersteinSettings",
    "Units",
    "in_units",
    "max_sliced_wasserstein",
    "sliced_wasserstein",
]

_DIRECTIONS, _STARTS, _STEPS, _SEARCH_ROWS = 200, 8, 30, 50_000
_POLISHED = 200_000  # most rows of the ascent by which the search ends
_PROMISING = 4  # directions that are judged on all of so many rows, for each start

Units = Literal["robust", "raw"]
_Array = NDArray[np.float64]


class DirectionSettings(Settings):
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
    search_rows: int = Field(
        _SEARCH_ROWS,
        ge=2,
        description="Most rows of either side on which all ascents run; of more, as many are "
        "chosen at random, and a third of the steps follows from the direction that is best on all "
        "rows, on all or 200,000 of them.",
    )


class SlicedWassersteinSettings(DirectionSettings):
    """The units of the columns, and how directions are drawn and searched."""

    units: Units = Field(
        "robust",
        description="'robust': each column in quartile ranges of the reference; 'raw': as the "
        "data are, where the column of the largest unit decides.",
    )


@register
class SlicedWasserstein(BaseMetric[SlicedWassersteinSettings]):
    r"""Sliced and max-sliced Wasserstein distances of order 1 and 2.

    With ``W_p`` between the projections on a direction ``theta`` of the unit sphere,

    .. math::
        SW_p = (E_\theta W_p^p)^{1/p}, \qquad \max SW_p = \max_\theta W_p,

    in quartile ranges of the reference, column by column, so that none outweighs the others (a
    column whose quartiles agree is not divided), or with ``units: raw`` in units of the data. The
    mean over random directions is POT's ``ot.sliced_wasserstein_distance``. POT takes as maximum
    the best of the random directions, a loose lower bound in high dimension; here the best of
    them and of the coordinate axes are refined further by gradient ascent, so that the value is
    never less. It remains a lower bound. All points count, at equal or unequal sizes: where
    the ascents run on some of the rows, what they find is judged on all.

    Order 2 is dominated by the few largest points. Where the tail index is at most ``p``, the
    distance between laws is infinite or undefined, the value depends on ``n``, and missing tails
    may be rewarded: the outputs say so by ``needs_index``.

    References:
        Bonneel et al., Sliced and Radon Wasserstein barycenters of measures, 2015;
        Deshpande et al., Max-sliced Wasserstein distance and its use for GANs, 2019;
        Flamary et al., POT: Python Optimal Transport, 2021.
    """

    Settings = SlicedWassersteinSettings
    quick = False
    outputs: ClassVar[dict[str, MetricOutput]] = {
        "sw1": MetricOutput("sliced $W_1$", group="bulk", needs_index=1),
        "sw2": MetricOutput("sliced $W_2$", group="bulk", needs_index=2),
        "max_sw1": MetricOutput("max-sliced $W_1$", group="bulk", needs_index=1),
        "max_sw2": MetricOutput("max-sliced $W_2$", group="bulk", needs_index=2),
    }

    def compare(
        self,
        samples: _Array,
        reference: _Array,
        truth: Target | None,
        rng: np.random.Generator,
    ) -> dict[str, float]:
        """Compute the four distances with one set of directions."""
        x, y = in_units(samples, reference, self.settings.units)
        theta = random_directions(x.shape[1], self.settings.directions, rng)
        candidates = np.concatenate([theta, np.eye(x.shape[1])])
        values = {}
        for p, costs in zip((1, 2), sorted_costs(x, y, candidates, (1, 2)), strict=True):
            values[f"sw{p}"] = float(costs[: len(theta)].mean() ** (1 / p))
            values[f"max_sw{p}"] = _refined_maximum(x, y, candidates, costs, p, self.settings, rng)
        return {key: values[key] for key in self.outputs}


def in_units(samples: _Array, reference: _Array, units: Units) -> tuple[_Array, _Array]:
    """Return samples and reference in quartile ranges of the reference, or as they are.

    Args:
        samples: Samples, shape ``(n, d)``.
        reference: The data that give the units, as in ``quartile_units``, shape ``(m, d)``.
        units: ``robust`` for quartile ranges, ``raw`` for none.
    """
    if units == "raw":
        return samples, reference
    x, y = both_in_quartile_units((samples, reference), reference)
    return x, y


def sliced_wasserstein(
    x: ArrayLike,
    y: ArrayLike,
    p: float = 1,
    *,
    directions: int = _DIRECTIONS,
    rng: np.random.Generator | None = None,
) -> float:
    r"""Compute the sliced Wasserstein distance :math:`(E_\theta W_p^p)^{1/p}`.

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
    return float(sorted_costs(first, second, theta, (p,)).mean() ** (1 / p))


def max_sliced_wasserstein(
    x: ArrayLike,
    y: ArrayLike,
    p: float = 1,
    *,
    directions: int = _DIRECTIONS,
    starts: int = _STARTS,
    steps: int = _STEPS,
    search_rows: int = _SEARCH_ROWS,
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
        search_rows: Most rows of either side on which all ascents run; what is found is judged on
            all rows. Of more than 200,000 rows the random directions too are compared on so many,
            and the best four for each start on all.
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
    if steps and max(len(first), len(second)) > _POLISHED:
        some, others = (thinned(points, search_rows, rng) for points in (first, second))
        (costs,) = sorted_costs(some, others, candidates, (p,))
        candidates = candidates[np.argsort(costs)[::-1][: _PROMISING * starts]]
    (costs,) = sorted_costs(first, second, candidates, (p,))
    search = DirectionSettings(
        directions=directions, starts=starts, steps=steps, search_rows=search_rows
    )
    return _refined_maximum(first, second, candidates, costs, p, search, rng)


def _checked_pair(x: ArrayLike, y: ArrayLike, p: float) -> tuple[_Array, _Array]:
    """Check two samples and an order, and return the samples as tables."""
    if p < 1:
        raise ValueError(f"the order must be at least 1, not {p}")
    return pair(x, y)


def _refined_maximum(
    x: _Array,
    y: _Array,
    candidates: _Array,
    costs: _Array,
    p: float,
    search: DirectionSettings,
    rng: np.random.Generator,
) -> float:
    """Compute the largest ``W_p`` after an ascent from the best candidates, of known costs."""
    most = float(costs.max())
    best = candidates[np.argsort(costs)[::-1][: search.starts]]
    if search.steps:
        few = [thinned(points, search.search_rows, rng) for points in (x, y)]
        refined, found = maximise_direction(few[0], few[1], best, p, search.steps)
        if len(few[0]) < len(x) or len(few[1]) < len(y):
            tried = np.concatenate([best[:1], found])
            (judged,) = sorted_costs(x, y, tried, (p,))
            start = tried[[judged.argmax()]]
            many = [thinned(points, _POLISHED, rng) for points in (x, y)]
            refined, found = maximise_direction(many[0], many[1], start, p, search.steps // 3)
            if len(many[0]) < len(x) or len(many[1]) < len(y):
                refined = np.append(judged, sorted_costs(x, y, found, (p,)))
        most = max(most, float(refined.max()))
    return float(most ** (1 / p))
