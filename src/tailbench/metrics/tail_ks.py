"""Kolmogorov-Smirnov distance between the tails of the norm."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tailbench.interfaces import MetricOutput, Target
from tailbench.metrics.base import BaseMetric, radii
from tailbench.registry import register
from tailbench.settings import Settings

__all__ = ["TailKS", "TailKSSettings", "ks_distance"]


class TailKSSettings(Settings):
    """Where the tail begins."""

    level: float = Field(
        0.95, ge=0, lt=1, description="Quantile of the reference's norm beyond which is the tail."
    )


@register
class TailKS(BaseMetric[TailKSSettings]):
    r"""Shape and mass of the tail of the norm.

    With ``R = |x - m|`` the Euclidean distance from the reference's median ``m`` and ``u`` the
    reference's quantile of ``R`` at ``level``, without unit:

    - ``tail_ks``: Kolmogorov-Smirnov distance between the laws of ``R`` given ``R > u``, of
      samples and reference; 1 if no sample is beyond ``u``. It sees the shape of the tail alone.
    - ``tail_mass_error``: ``|log(share of samples beyond u / share of the reference)|``, each
      share estimated as ``(count + 1/2) / (n + 1)``, which is never zero.

    At ``n`` = 20,000 two samples of one law differ by about 0.04 and 0.035.
    """

    Settings = TailKSSettings
    outputs: ClassVar[dict[str, MetricOutput]] = {
        "tail_ks": MetricOutput("KS distance of the tail", group="joint"),
        "tail_mass_error": MetricOutput("log error of the tail's mass", group="joint"),
    }

    def compare(
        self,
        samples: NDArray[np.float64],
        reference: NDArray[np.float64],
        truth: Target | None,
        rng: np.random.Generator,
    ) -> dict[str, float]:
        """Compute both distances."""
        made, real = (radii(x, reference) for x in (samples, reference))
        threshold = np.quantile(real, self.settings.level)
        made_tail, real_tail = made[made > threshold], real[real > threshold]
        share_made, share_real = (
            (len(tail) + 0.5) / (len(radii) + 1)
            for tail, radii in ((made_tail, made), (real_tail, real))
        )
        return {
            "tail_ks": ks_distance(made_tail, real_tail),
            "tail_mass_error": float(abs(np.log(share_made / share_real))),
        }


def ks_distance(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    r"""Compute the Kolmogorov-Smirnov distance :math:`\sup_t |F_x(t) - F_y(t)|` of two samples.

    Args:
        x: First sample, shape ``(n,)``.
        y: Second sample, shape ``(m,)``.

    Returns:
        The distance, in [0, 1]; 1 if one sample is empty, 0 if both are.

    References:
        Hodges, The significance probability of the Smirnov two-sample test, 1958.
    """
    from scipy.stats import ks_2samp

    if not len(x) or not len(y):
        return float(len(x) != len(y))
    # No use is made of the p-value: the exact one takes time, this one fails for two points.
    with np.errstate(divide="ignore"):
        return float(ks_2samp(x, y, method="asymp").statistic)
