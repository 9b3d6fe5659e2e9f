"""Max-sliced Wasserstein distance on a logarithmic scale."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from tailbench.interfaces import MetricOutput, Target
from tailbench.metrics.base import BaseMetric
from tailbench.metrics.sliced_wasserstein import DirectionSettings, max_sliced_wasserstein
from tailbench.registry import register
from tailbench.stats.sliced_tails import both_in_quartile_units, quartile_units

__all__ = ["SlicedWassersteinLog", "signed_log"]


@register
class SlicedWassersteinLog(BaseMetric[DirectionSettings]):
    r"""Max-sliced Wasserstein distance of order 1 after a logarithm on both sides of the median.

    .. math:: y_j = \mathrm{sign}(u_j) \log(1 + |u_j|), \qquad u_j = (x_j - m_j) / s_j,

    with the reference's medians and quartile ranges. It is finite for every tail index: a far
    point counts by the logarithm of its distance. In units of log quartile ranges.

    References:
        Fassina, Cardoso, Le Corff and Romary, Generalizing score-based generative models for
        heavy-tailed distributions, 2026 (without centre and unit).
    """

    Settings = DirectionSettings
    by_default = False
    quick = False
    outputs: ClassVar[dict[str, MetricOutput]] = {
        "max_sw1_log": MetricOutput("max-sliced $W_1$ of signed logarithms", group="bulk"),
    }

    def compare(
        self,
        samples: NDArray[np.float64],
        reference: NDArray[np.float64],
        truth: Target | None,
        rng: np.random.Generator,
    ) -> dict[str, float]:
        """Compute the distance."""
        x, y = map(_logarithms, both_in_quartile_units((samples, reference), reference))
        chosen = self.settings.model_dump()
        return {"max_sw1_log": max_sliced_wasserstein(x, y, 1, rng=rng, **chosen)}


def signed_log(x: NDArray[np.float64], reference: NDArray[np.float64]) -> NDArray[np.float64]:
    r"""Compute :math:`\mathrm{sign}(u) \log(1 + |u|)` in quartile ranges from the median.

    Args:
        x: Points, shape ``(n, d)``.
        reference: Points that give the units, as in ``quartile_units``, shape ``(m, d)``.
    """
    return _logarithms(quartile_units(x, reference))


def _logarithms(u: NDArray[np.float64]) -> NDArray[np.float64]:
    sizes = np.abs(u)
    return np.copysign(np.log1p(sizes, out=sizes), u, out=sizes)
