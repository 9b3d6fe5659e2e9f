"""Mean squared error of the logarithms of tail quantiles."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tailbench.interfaces import MetricOutput, Target
from tailbench.metrics.base import BaseMetric, mean_or_nan, radii
from tailbench.registry import register
from tailbench.settings import Settings
from tailbench.stats.order_statistics import column_quantiles

__all__ = ["MSLE", "MSLESettings"]

_OFFICIAL = 1 - np.array([0.99, 0.995, 0.999, 0.9995, 0.9999])
_MEDIAN = np.array([0.5])


class MSLESettings(Settings):
    """Where the tail begins, and how finely it is integrated."""

    level: float = Field(0.95, ge=0.5, lt=1, description="Level at which the tail begins.")
    levels: int = Field(
        64, ge=2, le=100_000, description="Levels of the integral, uniform in log(1 - p)."
    )
    min_ratio: float = Field(
        1e-6,
        gt=0,
        lt=1,
        description="A generated quantile below this multiple of the true one, or on the wrong "
        "side of the median, counts as this multiple.",
    )


@register
class MSLE(BaseMetric[MSLESettings]):
    r"""Mean squared logarithmic error of the quantiles beyond ``level``.

    .. math::
        MSLE(\xi) = \frac{1}{p_1 - \xi} \int_\xi^{p_1}
            \left(\log F^{-1}(p) - \log \hat F^{-1}(p)\right)^2 dp,

    without unit, where ``F`` is the true and ``\hat F`` the generated law. The true quantiles
    are exact where ``truth`` knows them, otherwise those of the reference.

    - ``msle``: ``p_1 = 1 - 1/n``, by the trapezoidal rule, mean over all columns and both tails
      (a lower tail is the upper one of ``-x``). ``n`` is the number of samples, or the lesser
      of both numbers where the reference is used.
    - ``msle_norm``: the same on the Euclidean distance from the centre, against the reference.
    - ``msle_official``: plain mean over the levels .99, .995, .999, .9995, .9999, first column,
      upper tail. It rests on a handful of points: at ``n`` = 15,000 two samples of one
      alpha-stable law differ by 0.10 ± 0.12, and it cannot rank anything below that.

    Quantiles are measured from the centre, the true median where it is known and the
    reference's otherwise, so that laws away from zero have tails too; for laws symmetric about
    zero this changes nothing. A generated quantile that is not beyond the centre has no
    logarithm: it counts as ``min_ratio`` times the true one, so that a collapsed model
    gets a large value, ``log(min_ratio)^2`` at most for samples that are too narrow, and
    never one that averages skip. Levels at which the true quantile is not beyond the centre
    (more than half of a column is one value) are left out; ``nan`` if that is all of them.

    References:
        Allouche, Girard & Gobet, EV-GAN: simulation of extreme events with ReLU neural
        networks (2022).
    """

    Settings = MSLESettings
    outputs: ClassVar[dict[str, MetricOutput]] = {
        "msle_official": MetricOutput("MSLE (official grid)", group="margins"),
        "msle": MetricOutput("MSLE", group="margins"),
        "msle_norm": MetricOutput("MSLE of the norm", group="joint"),
    }

    def __init__(self, settings: MSLESettings | None = None, **options: Any) -> None:
        super().__init__(settings, **options)
        self._last: tuple[Target, NDArray[np.float64], NDArray[np.float64] | None] | None = None

    def compare(
        self,
        samples: NDArray[np.float64],
        reference: NDArray[np.float64],
        truth: Target | None,
        rng: np.random.Generator,
    ) -> dict[str, float]:
        """Compute the three errors.

        Raises:
            ValueError: If there are too few samples to have one beyond ``level``.
        """
        fewest = min(len(samples), len(reference))
        beyond = self._grid(len(samples))
        exact = self._exact(truth, beyond)
        if exact is None:
            beyond = self._grid(fewest)
            exact = column_quantiles(reference, _levels(beyond)).T
        middle, upper, lower, official = _split(exact)
        generated = column_quantiles(samples, _levels(beyond)).T
        _, made_upper, made_lower, made_official = _split(generated)
        errors = self._errors(
            np.stack([upper - middle, middle - lower]),
            np.stack([made_upper - middle, middle - made_lower]),
        )  # (2, d, levels)

        radial = self._grid(fewest)
        true_norm, made_norm = (
            column_quantiles(radii(x, reference)[:, None], 1 - radial)[:, 0]
            for x in (reference, samples)
        )
        return {
            "msle_official": mean_or_nan(
                self._errors(official[0] - middle[0], made_official[0] - middle[0])
            ),
            "msle": mean_or_nan(_integral(errors, 1 - beyond)),
            "msle_norm": float(_integral(self._errors(true_norm, made_norm), 1 - radial)),
        }

    def _grid(self, n: int) -> NDArray[np.float64]:
        """Return the probabilities ``1 - p`` of the integral, from ``1 - level`` to ``1/n``."""
        if n * (1 - self.settings.level) < 1 + 1e-9:
            raise ValueError(
                f"{n} rows are too few to have one beyond the level {self.settings.level}"
            )
        return np.geomspace(1 - self.settings.level, 1 / n, self.settings.levels)

    def _exact(
        self, truth: Target | None, beyond: NDArray[np.float64]
    ) -> NDArray[np.float64] | None:
        """Return the true quantiles, computed once for all methods compared with one truth."""
        if truth is None:
            return None
        levels = _levels(beyond)
        if (
            self._last is None
            or self._last[0] is not truth
            or not np.array_equal(self._last[1], levels)
        ):
            self._last = (truth, levels, truth.quantile(levels))
        return self._last[2]

    def _errors(self, true: NDArray[np.float64], made: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the squared log ratios; ``nan`` where the true value is not positive."""
        positive = true > 0
        ratio = np.divide(made, true, out=np.full_like(true, np.nan), where=positive)
        return np.log(np.maximum(ratio, self.settings.min_ratio)) ** 2


def _levels(beyond: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return every level that is asked for, in the order that ``_split`` expects."""
    return np.concatenate([_MEDIAN, 1 - beyond, beyond, 1 - _OFFICIAL])


def _split(quantiles: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    """Cut quantiles ``(d, m)`` at ``_levels`` into median, upper, lower and official ones."""
    count = (quantiles.shape[1] - len(_MEDIAN) - len(_OFFICIAL)) // 2
    return tuple(np.split(quantiles, [1, 1 + count, 1 + 2 * count], axis=1))


def _integral(errors: NDArray[np.float64], levels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Average over the last axis by the trapezoidal rule; ``nan`` where nothing is known."""
    steps = np.diff(levels)
    weights = (np.append(steps, 0.0) + np.append(0.0, steps)) / 2
    known = ~np.isnan(errors)
    total = np.where(known, weights, 0.0).sum(axis=-1)
    summed = np.where(known, weights * errors, 0.0).sum(axis=-1)
    return np.divide(summed, total, out=np.full_like(total, np.nan), where=total > 0)
