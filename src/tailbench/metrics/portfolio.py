"""Risk of portfolios of the columns."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tailbench.interfaces import MetricOutput, Target
from tailbench.metrics.base import BaseMetric, mean_or_nan
from tailbench.metrics.expected_shortfall import mean_of_largest
from tailbench.registry import register
from tailbench.settings import Settings
from tailbench.stats.backtests import acerbi_szekely_z2, kupiec_rejects
from tailbench.stats.order_statistics import both_ends
from tailbench.stats.sliced_tails import both_in_quartile_units

__all__ = ["Portfolio", "PortfolioSettings", "portfolio_weights", "tail_risks"]

_Array = NDArray[np.float64]
LEVELS = {"95": 0.95, "99": 0.99, "999": 0.999}
KUPIEC_LEVEL, Z2_LEVEL = 0.99, 0.975
_BLOCK = 4  # portfolios whose losses are held at once


class PortfolioSettings(Settings):
    """Which portfolios there are, and where their risk is known."""

    portfolios: int = Field(
        64,
        ge=2,
        le=10_000,
        description="Random portfolios, half of them long only; always the same.",
    )
    min_rows: int = Field(
        10,
        ge=1,
        description="Held-out rows beyond a level without which its errors are empty.",
    )
    min_ratio: float = Field(
        1e-6,
        gt=0,
        lt=1,
        description="Least ratio of a risk to the reference's, for risks below it or negative.",
    )


@register
class Portfolio(BaseMetric[PortfolioSettings]):
    r"""Value at risk and expected shortfall of portfolios, and tests of them on held-out rows.

    A portfolio is a weighted sum of the columns in quartile ranges of the reference from its
    medians: 64 random ones, half of them long only, equal weights, and each column; each is
    held long and short. Of the losses ``L``, with the samples' risks against the reference's,
    without unit:

    - ``portfolio_var95``, ``portfolio_var99``, ``portfolio_var999``: mean ``|log ratio|`` of the
      value at risk, the quantile of ``L`` at the level;
    - ``portfolio_es95``, ``portfolio_es99``, ``portfolio_es999``: the same of the expected
      shortfall, the mean of ``L`` beyond it;
    - ``kupiec_rejections``: share of portfolios whose value at risk at 99 % is refused at 5 % by
      Kupiec's test, from the number of held-out rows that lose more;
    - ``acerbi_szekely_z2``: mean of the absolute value of
      ``Z_2 = 1 - sum L_t 1(L_t > VaR) / (n (1 - q) ES)`` over held-out rows, at ``q`` = 97.5 %.

    A level with fewer than 10 held-out rows beyond it gives ``nan``, as do expected shortfalls
    where a column is known to have no mean. Portfolios of no risk in the reference are left out.

    References:
        Kupiec, Techniques for verifying the accuracy of risk measurement models (1995);
        Acerbi & Székely, Backtesting expected shortfall (2014).
    """

    Settings = PortfolioSettings
    by_default = False
    quick = False
    outputs: ClassVar[dict[str, MetricOutput]] = {
        **{
            f"portfolio_var{key}": MetricOutput(f"error of VaR at {100 * q:g} %", group="joint")
            for key, q in LEVELS.items()
        },
        **{
            f"portfolio_es{key}": MetricOutput(f"error of ES at {100 * q:g} %", group="joint")
            for key, q in LEVELS.items()
        },
        "kupiec_rejections": MetricOutput("VaR refused by Kupiec's test", group="joint"),
        "acerbi_szekely_z2": MetricOutput("Acerbi and Székely's $|Z_2|$", group="joint"),
    }

    def compare(
        self,
        samples: _Array,
        reference: _Array,
        truth: Target | None,
        rng: np.random.Generator,
    ) -> dict[str, float]:
        """Compute errors and tests."""
        weights = portfolio_weights(samples.shape[1], self.settings.portfolios)
        made, real = both_in_quartile_units((samples, reference), reference)
        parts = []
        for start in range(0, len(weights), _BLOCK):
            some = weights[start : start + _BLOCK]
            long, other = (_Losses.of(some @ x.T) for x in (made, real))
            parts += [self._block(long, other), self._block(long.reversed(), other.reversed())]
        values = {
            key: mean_or_nan(np.concatenate([part[key] for part in parts])) for key in parts[0]
        }
        index = None if truth is None else truth.tail_index()
        if index is not None and np.min(index) <= 1:
            no_mean = [key for key in values if "_es" in key or key == "acerbi_szekely_z2"]
            values.update(dict.fromkeys(no_mean, float("nan")))
        return {key: values[key] for key in self.outputs}

    def _block(self, made: _Losses, real: _Losses) -> dict[str, _Array]:
        """Compute the outputs of portfolios, one value each."""
        found, n = {}, real.every.shape[1]
        risks = {
            level: (made.risks(level), real.risks(level)) for level in (*LEVELS.values(), Z2_LEVEL)
        }
        for key, level in LEVELS.items():
            known = n * (1 - level) >= self.settings.min_rows - 1e-9
            for name, own, true in zip(("var", "es"), *risks[level], strict=True):
                error = self._log_ratio(own, true)
                found[f"portfolio_{name}{key}"] = error if known else np.full_like(error, np.nan)
        (at_risk, _), _ = risks[KUPIEC_LEVEL]
        beyond = np.count_nonzero(real.beyond(at_risk) > at_risk, axis=0)
        found["kupiec_rejections"] = kupiec_rejects(beyond, n, 1 - KUPIEC_LEVEL).astype(float)
        (at_risk, shortfall), (_, true) = risks[Z2_LEVEL]
        least = np.where(true > 0, np.maximum(shortfall, self.settings.min_ratio * true), np.nan)
        z2 = acerbi_szekely_z2(real.beyond(at_risk), at_risk, least, 1 - Z2_LEVEL, n)
        found["acerbi_szekely_z2"] = np.abs(z2)
        return found

    def _log_ratio(self, own: _Array, true: _Array) -> _Array:
        ratio = np.divide(own, true, out=np.full_like(true, np.nan), where=true > 0)
        return np.abs(np.log(np.maximum(ratio, self.settings.min_ratio)))


def portfolio_weights(dim: int, count: int) -> _Array:
    """Return the weights of the portfolios, of absolute sum one, shape ``(count + 1 + d, d)``.

    Args:
        dim: Number of columns ``d``.
        count: Random portfolios: half of them long only and uniform on the simplex, the others
            uniform in direction.

    Returns:
        Random portfolios, equal weights, and each column; always the same.
    """
    rng = np.random.default_rng(0)
    drawn = np.concatenate(
        [
            rng.standard_exponential((count // 2, dim)),
            rng.standard_normal((count - count // 2, dim)),
        ]
    )
    every = np.concatenate([drawn, np.ones((1, dim)), np.eye(dim)])
    return every / np.abs(every).sum(axis=1, keepdims=True)


def tail_risks(losses: _Array, level: float) -> tuple[_Array, _Array]:
    """Compute value at risk and expected shortfall of each column, each of shape ``(k,)``.

    The first is the quantile as NumPy interpolates it, the second the mean of what is beyond.

    Args:
        losses: Losses, shape ``(n, k)``.
        level: The level, 0.95 or more.
    """
    return _Losses.of(losses.T).risks(level)


@dataclass(frozen=True)
class _Losses:
    """Losses ``(k, n)``, and the least and largest twentieth of each in rising order, ``(k, m)``.

    All levels, of both sides, are read from these. Where the sign is -1, the losses are those of
    ``every`` with their sign changed.
    """

    every: _Array
    least: _Array
    largest: _Array
    sign: int = 1

    @classmethod
    def of(cls, every: _Array) -> _Losses:
        n = every.shape[1]
        m = min(math.ceil((1 - LEVELS["95"]) * n) + 2, n)  # a quantile rests on two values
        return cls(every, *both_ends(every, m))

    def reversed(self) -> _Losses:
        """Return the losses of who holds the opposite."""
        return _Losses(self.every, -self.largest[:, ::-1], -self.least[:, ::-1], -self.sign)

    def beyond(self, at_risk: _Array) -> _Array:
        """Return all losses greater than these, and perhaps others, shape ``(some, k)``."""
        if (at_risk >= self.largest[:, 0]).all():
            return self.largest.T
        return self.sign * self.every.T

    def risks(self, level: float) -> tuple[_Array, _Array]:
        n, m = self.every.shape[1], self.largest.shape[1]
        place = level * (n - 1) - (n - m)
        below = math.floor(place)
        low, high = self.largest[:, below], self.largest[:, min(below + 1, m - 1)]
        at_risk = low + (high - low) * (place - below)
        return at_risk, mean_of_largest(self.largest.T, n, level)
