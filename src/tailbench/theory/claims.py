"""Fitted slopes beside claimed ones, and what every statement of a theorem consists of."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["EXACT", "SEEDS", "VALUE", "Claims", "Slope", "bootstrap", "regression"]

Array = NDArray[np.float64]
Relation = Literal["=", ">=", "<=", ""]

# How intervals were made.
EXACT = "regression; the values are exact, so its width is curvature and no noise"
SEEDS = "the wider of the bootstrap over seeds and the regression of the means"
VALUE = "a value, not a slope; exact up to quadrature, so without an interval"


@dataclass(frozen=True)
class Slope:
    """A fitted exponent or value beside the claimed one.

    Attributes:
        quantity: What was fitted, such as ``order in the step size``.
        case: Of which target, sampler or setting.
        slope: The estimate.
        low: Lower end of the 95 % interval.
        high: Upper end.
        interval: How the interval was made.
        points: Number of points of the fit.
        claimed: The claimed value; ``NaN`` where nothing is claimed.
        relation: How the slope should stand to the claimed value, ``""`` if nothing is claimed.
        source: ``theorem``, or ``derived`` if the value was worked out for this experiment.
        reason: The likely reason of a slope outside the claim, or what has to be known of it.
    """

    quantity: str
    case: str
    slope: float
    low: float
    high: float
    interval: str
    points: int
    claimed: float = math.nan
    relation: Relation = ""
    source: str = ""
    reason: str = ""

    @classmethod
    def value(
        cls,
        quantity: str,
        case: str,
        value: float,
        interval: str,
        points: int,
        *claim: Any,
        **known: Any,
    ) -> Slope:
        """Build the row of a value that is no slope and has no interval; the rest is as above."""
        return cls(quantity, case, value, value, value, interval, points, *claim, **known)

    @property
    def verdict(self) -> str:
        """``agrees`` if the interval holds the claimed value, ``within the bound`` or ``outside``.

        An interval on the permitted side of a bound is within it; ``no claim`` where there is
        none, ``no fit`` where no slope could be fitted.
        """
        if not self.relation:
            return "no claim"
        if not math.isfinite(self.slope):
            return "no fit"
        if self.low <= self.claimed <= self.high:
            return "agrees"
        permitted = {">=": self.low > self.claimed, "<=": self.high < self.claimed, "=": False}
        return "within the bound" if permitted[self.relation] else "outside"

    @classmethod
    def columns(cls) -> list[str]:
        """Return the columns of the table of slopes, in the order of ``row``."""
        return list(cls("", "", 0.0, 0.0, 0.0, "", 0).row())

    def row(self) -> dict[str, Any]:
        """Return all of it as a row of a table."""
        values = asdict(self)
        reason = values.pop("reason")
        return {**values, "verdict": self.verdict, "reason": reason}


def regression(x: ArrayLike, y: ArrayLike) -> tuple[float, float, float, int]:
    r"""Compute the least-squares fit of :math:`\log y = c + p \log x`.

    The interval is :math:`p \pm t_{n-2}\, s / \sqrt{\sum (\log x - \overline{\log x})^2}` with
    :math:`s^2` the sum of squared residuals over ``n - 2``. Where the values are exact, the
    residuals are no noise but departures from a power law, and so is the width of the interval.
    ``scipy.stats.linregress`` would take it from the correlation, which loses all of its digits
    where residuals are below 1e-7.

    Args:
        x: Abscissae, shape ``(n,)``.
        y: Ordinates, shape ``(n,)``. Points without a finite logarithm are left out.

    Returns:
        The slope ``p``, the ends of its 95 % interval by Student's t with ``n - 2`` degrees of
        freedom, and the number of points; ``nan`` for fewer than two different abscissae, and an
        infinite interval for two points.
    """
    from scipy.stats import t

    a, b = _logs(x, y)
    n = len(a)
    if n <= 2 or np.ptp(a) == 0:
        half = math.inf if n == 2 else math.nan
        slope = _slope(a, b)
        return slope, slope - half, slope + half, n
    (slope, _), covariance = np.polyfit(a, b, 1, cov=True)
    half = float(t.ppf(0.975, n - 2)) * math.sqrt(covariance[0, 0])
    return float(slope), float(slope) - half, float(slope) + half, n


def bootstrap(
    x: ArrayLike, values: ArrayLike, resamples: int = 2000, seed: int = 0
) -> tuple[float, float, float, int]:
    """Compute a slope of means over seeds, with an interval by resampling of the seeds.

    Args:
        x: Abscissae, shape ``(k,)``.
        values: Values of each seed, shape ``(seeds, k)``; a resample takes whole seeds.
        resamples: Number of resamples.
        seed: Seed of the resampling.

    Returns:
        The slope of the means, the ends of the wider of two 95 % intervals (the percentile one
        over the resamples, and that of the regression of the means: few seeds resample too
        narrowly, and seeds do not show departures from a power law), and the number of points.

    References:
        Efron and Tibshirani, An introduction to the bootstrap, 1993 (the percentile interval).
    """
    from scipy import stats

    table = np.atleast_2d(np.asarray(values, dtype=float))
    slope, low, high, n = regression(x, table.mean(axis=0))
    if len(table) < 2 or n < 2:
        return slope, low, high, n
    with warnings.catch_warnings():
        # Resamples may leave too few positive means for a slope, which makes both ends nan.
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)
        ends = stats.bootstrap(
            (np.arange(len(table)),),
            lambda seeds: _slope(*_logs(x, table[seeds].mean(axis=0))),
            n_resamples=resamples,
            vectorized=False,
            method="percentile",
            rng=np.random.default_rng(seed),
        ).confidence_interval
    if n > 2:
        return slope, min(low, float(ends.low)), max(high, float(ends.high)), n
    return slope, float(ends.low), float(ends.high), n


def _slope(a: Array, b: Array) -> float:
    """Compute the slope of ``b`` on ``a``; ``nan`` for fewer than two different abscissae."""
    if len(a) < 2 or np.ptp(a) == 0:
        return math.nan
    return float(np.polyfit(a, b, 1)[0])


def _logs(x: ArrayLike, y: ArrayLike) -> tuple[Array, Array]:
    """Compute the logarithms of the points that have finite ones."""
    a, b = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    good = (a > 0) & (b > 0) & np.isfinite(a) & np.isfinite(b)
    return np.log(a[good]), np.log(b[good])


class Claims:
    """A theorem, and what an experiment has to say of it.

    Attributes:
        title: A few words.
        theorem: What is claimed, and by whom.
        assumption: Under which assumption.
        measured: What is measured, and which errors are switched off.
        refuted_by: Which outcome would speak against the claim.
        caption: Caption of the figure.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    theorem: ClassVar[str]
    assumption: ClassVar[str]
    measured: ClassVar[str]
    refuted_by: ClassVar[str]
    caption: ClassVar[str]

    def slopes(self, points: pd.DataFrame) -> Sequence[Slope]:
        """Compute all slopes from the rows of all cells."""
        raise NotImplementedError

    def draw(self, points: pd.DataFrame, slopes: pd.DataFrame) -> Figure:
        """Draw the rows of all cells."""
        raise NotImplementedError
