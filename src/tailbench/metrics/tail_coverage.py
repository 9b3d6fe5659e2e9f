"""Mass beyond quantiles of real data."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tailbench.interfaces import MetricOutput, Target
from tailbench.metrics.base import BaseMetric, mean_or_nan
from tailbench.registry import register
from tailbench.settings import Settings
from tailbench.stats.order_statistics import column_quantiles, sorted_columns

__all__ = ["TailCoverage", "TailCoverageSettings"]

_Array = NDArray[np.float64]
LEVELS = np.array([0.9, 0.95, 0.99, 0.995, 0.999])


class TailCoverageSettings(Settings):
    """Which levels count."""

    min_rows: int = Field(
        10, ge=1, description="Held-out rows expected beyond a level without which it is left out."
    )


@register
class TailCoverage(BaseMetric[TailCoverageSettings]):
    r"""Error of the mass beyond fixed quantiles of each column, each tail by itself.

    .. math:: \left|\log \frac{P(X > F^{-1}(q))}{1 - q}\right|

    with ``F`` the true law, where its quantiles are known exactly, and else that of the
    reference, whose own share then stands for ``1 - q``; mean over the columns and the levels
    0.9, 0.95, 0.99, 0.995 and 0.999, without unit: 0.7 says that there is twice or half the mass.

    - ``coverage_error_upper``: of large values;
    - ``coverage_error_lower``: of small ones.

    Shares are estimated as ``(count + 1/2) / (n + 1)``, which is never zero. Levels with fewer
    than 10 held-out rows beyond them are left out; ``nan`` if that is all of them. What is
    farther out than the last level is not seen.

    References:
        Kupiec, Techniques for verifying the accuracy of risk measurement models (1995), who
        counts what is beyond a quantile.
    """

    Settings = TailCoverageSettings
    outputs: ClassVar[dict[str, MetricOutput]] = {
        "coverage_error_upper": MetricOutput("log error of mass in upper tails", group="margins"),
        "coverage_error_lower": MetricOutput("log error of mass in lower tails", group="margins"),
    }

    def compare(
        self,
        samples: _Array,
        reference: _Array,
        truth: Target | None,
        rng: np.random.Generator,
    ) -> dict[str, float]:
        """Compute both errors."""
        levels = LEVELS[len(reference) * (1 - LEVELS) >= self.settings.min_rows - 1e-9]
        both = np.concatenate([levels, 1 - levels])
        exact = None if truth is None else truth.quantile(both)
        bounds = column_quantiles(reference, both).T if exact is None else exact
        upper, lower = np.split(bounds, 2, axis=1)
        errors = []
        columns = [sorted_columns(x) for x in (samples, reference)]
        for upwards, bound in ((True, upper), (False, lower)):
            made, real = (_counts(x, bound, upwards) for x in columns)
            if exact is not None:
                real = np.broadcast_to(len(reference) * (1 - levels), made.shape)
            shares = [(made + 0.5) / (len(samples) + 1), (real + 0.5) / (len(reference) + 1)]
            errors.append(mean_or_nan(np.abs(np.log(shares[0] / shares[1]))))
        return dict(zip(self.outputs, errors, strict=True))


def _counts(columns: _Array, bounds: _Array, upwards: bool) -> _Array:
    """Count values of sorted columns ``(d, n)`` beyond their bounds ``(d, m)``, ``(d, m)``."""
    side: Literal["right", "left"] = "right" if upwards else "left"
    places = np.array(
        [np.searchsorted(column, own, side) for column, own in zip(columns, bounds, strict=True)],
        dtype=np.float64,
    )
    return columns.shape[1] - places if upwards else places
