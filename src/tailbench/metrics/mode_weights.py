"""Weights of the modes, and what lies outside them."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tailbench.data import ImageLayout
from tailbench.interfaces import MetricOutput, Target
from tailbench.metrics.base import BaseMetric
from tailbench.registry import register
from tailbench.settings import Settings

__all__ = ["ModeWeights", "ModeWeightsSettings"]

_BLOCK = 4_000_000  # differences of coordinates held at once


class ModeWeightsSettings(Settings):
    """What counts as being outside a mode."""

    radius: float = Field(
        4.0,
        gt=0,
        le=30,
        description="Radius of a mode, in its standard deviations, in two dimensions; in others "
        "the radius of the ball of the same probability.",
    )


@register
class ModeWeights(BaseMetric[ModeWeightsSettings]):
    r"""How well the modes of a mixture are weighted, and how much falls between them.

    - ``mode_weight_tv``: total variation ``(1/2) sum_k |share_k - w_k|`` between the shares of
      the samples nearest to each mode and the true weights, in ``[0, 1]``.
    - ``off_mode_share``: share of samples further than a radius from every mode, in ``[0, 1]``.
      A Gaussian in ``d`` dimensions lies at ``sqrt(d)`` standard deviations from its mean, so a
      radius of 4 would put all real samples of ``d = 40`` outside: the radius is that of the
      ball that leaves out ``exp(-r^2/2)``, as ``r`` does in the plane (``3.4e-4`` at 4).

    Applies where the truth is a mixture of well separated modes. Modes are exact, not those of
    the reference, which plays no part.
    """

    Settings = ModeWeightsSettings
    outputs: ClassVar[dict[str, MetricOutput]] = {
        "mode_weight_tv": MetricOutput("error of the mode weights (TV)", group="bulk"),
        "off_mode_share": MetricOutput("share outside all modes", group="bulk"),
    }

    def applies(self, truth: Target | None, images: ImageLayout | None = None) -> bool:
        """Whether the truth has modes."""
        return truth is not None and truth.modes() is not None

    def compare(
        self,
        samples: NDArray[np.float64],
        reference: NDArray[np.float64],
        truth: Target | None,
        rng: np.random.Generator,
    ) -> dict[str, float]:
        """Compute both shares.

        Raises:
            ValueError: If the truth has no modes.
        """
        modes = None if truth is None else truth.modes()
        if modes is None:
            raise ValueError("the metric 'mode_weights' needs a truth that has modes")
        nearest, distance = _nearest(samples, np.asarray(modes.means, dtype=np.float64))
        shares = np.bincount(nearest, minlength=len(modes.weights)) / len(samples)
        radius = modes.std * _radius(self.settings.radius, samples.shape[1])
        return {
            "mode_weight_tv": float(np.abs(shares - modes.weights).sum() / 2),
            "off_mode_share": float(np.mean(distance > radius)),
        }


def _nearest(
    x: NDArray[np.float64], means: NDArray[np.float64]
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return the index of the nearest mean, and the distance to it, each of shape ``(n,)``."""
    nearest = np.empty(len(x), dtype=np.intp)
    squared = np.empty(len(x))
    step = max(1, _BLOCK // means.size)
    for start in range(0, len(x), step):
        part = slice(start, start + step)
        # Not the expanded square: it loses all digits of a distance of 0.1 at |x| = 1e6.
        gaps = np.square(x[part, None, :] - means).sum(axis=2)  # (b, k)
        nearest[part] = gaps.argmin(axis=1)
        squared[part] = gaps.min(axis=1)
    return nearest, np.sqrt(squared)


def _radius(planar: float, dim: int) -> float:
    """Return the radius of the ball of the unit Gaussian that leaves out ``exp(-planar^2 / 2)``."""
    from scipy.special import gammainccinv

    return float(np.sqrt(2 * gammainccinv(dim / 2, np.exp(-(planar**2) / 2))))
