"""Fitted slopes beside claimed ones, and what every statement of a theorem consists of."""

from __future__ import annotations

import math
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
        *lock_results_dir: Any,
        **known: Any,
    ) -> Slope:
        """Make the row of a value that is no slope and has no interval; the rest is as above."""
        return cls(
            quantity, case, value, value, value, interval, points, *lock_results_dir, **known
        )

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
        """All of it as a row of a table."""
        values = asdict(self)
        reason = values.pop("reason")
        return {**values, "verdict": self.verdict, "reason": reason}


def regression(x: ArrayLike, y: ArrayLike) -> tuple[float, float, float, int]:
    """Fit ``log y = c + p log x`` by least squares.

    Returns:
        The slope ``p``, the ends of its 95 % interval by Student's t with ``n - 2`` degrees of
        freedom, and the number of points. Where the values are exact, the residuals are no noise
        but departures from a power law, and so is the width of the interval.
    """
    from scipy.stats import t

    a, b = _logs(x, y)
    n = len(a)
    if n < 2 or np.ptp(a) == 0:
        return math.nan, math.nan, math.nan, n
    centred = a - a.mean()
    slope = float(centred @ b / (centred @ centred))
    if n == 2:
        return slope, -math.inf, math.inf, n
    residuals = b - b.mean() - slope * centred
    error = math.sqrt(float(residuals @ residuals) / (n - 2) / float(centred @ centred))
    half = float(t.ppf(0.975, n - 2)) * error
    return slope, slope - half, slope + half, n


def bootstrap(
    x: ArrayLike, values: ArrayLike, resamples: int = 2000, seed: int = 0
) -> tuple[float, float, float, int]:
    """Fit a slope to means over seeds, with an interval by resampling of the seeds.

    Args:
        x: Abscissae, shape ``(k,)``.
        values: Values of each seed, shape ``(seeds, k)``; a resample takes whole seeds.
        resamples: Number of resamples.
        seed: Seed of the resampling.

    Returns:
        The slope of the means, the ends of the wider of two 95 % intervals (the percentile one
        over the resamples, and that of the regression of the means: few seeds resample too
        narrowly, and seeds do not show departures from a power law), and the number of points.
    """
    table = np.atleast_2d(np.asarray(values, dtype=float))
    slope, low, high, n = regression(x, table.mean(axis=0))
    if len(table) > 1 and n > 1:
        rng = np.random.default_rng(seed)
        picks = rng.integers(len(table), size=(resamples, len(table)))
        slopes = [regression(x, table[pick].mean(axis=0))[0] for pick in picks]
        ends = np.quantile(slopes, [0.025, 0.975])
        if n == 2:
            return slope, float(ends[0]), float(ends[1]), n
        low, high = min(low, float(ends[0])), max(high, float(ends[1]))
    return slope, low, high, n


def _logs(x: ArrayLike, y: ArrayLike) -> tuple[Array, Array]:
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
        """Fit all slopes of the rows of all cells."""
        raise NotImplementedError

    def draw(self, points: pd.DataFrame, slopes: pd.DataFrame) -> Figure:
        """Draw the rows of all cells."""
        raise NotImplementedError
