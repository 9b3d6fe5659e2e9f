"""Daily returns of stocks, crude oil and volatility, shipped with the package ``arch``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from tailbench.data import DataShape
from tailbench.datasets.base import BaseDataset, DatasetSettings
from tailbench.registry import register
from tailbench.stats.log_returns import log_returns

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Returns", "ReturnsSettings"]

Series = Literal["sp500", "nasdaq", "wti", "vix"]
PRICE = {"sp500": "Adj Close", "nasdaq": "Adj Close", "wti": "DCOILWTICO", "vix": "vix"}


class ReturnsSettings(DatasetSettings):
    """Settings of the daily returns."""

    series: tuple[Series, ...] = Field(
        ("sp500", "nasdaq", "wti"),
        min_length=1,
        description="Series to join by date. vix starts in 2014, and leaves a quarter of the rows: "
        "better in a data set of its own.",
    )

    def shape(self) -> DataShape:
        """Return the size of the data: at most the days since 1986."""
        return DataShape(8000, len(self.series))

    @field_validator("series")
    @classmethod
    def _once(cls, series: tuple[Series, ...]) -> tuple[Series, ...]:
        if len(set(series)) < len(series):
            raise ValueError(f"series must not name one twice, as {', '.join(series)} does")
        return series


@register
class Returns(BaseDataset):
    r"""Daily log-returns in percent of stocks and crude oil, or of volatility.

    .. math:: r_t = 100 \, (\log P_t - \log P_{t-1}),

    of the adjusted close of the S&P 500 and the Nasdaq Composite (1999 to 2018), the price of a
    barrel of West Texas Intermediate in dollars (1986 to 2019), and the VIX index (2014 to
    2019; its return is its relative change). Only dates on which all series have a
    positive price are kept, and differences are taken after that: a row spans the same days in
    every column, more than one around a holiday. A price that is missing, or is not positive
    and so has no logarithm, thus drops its date from all columns. The first three series share
    5,011 days; with the VIX 1,252 are left, so that it is not among them by default.

    The rows are in order of time; the last ``test_fraction`` of them are held out, so a metric's
    floor contains the drift between the two periods.
    """

    Settings = ReturnsSettings
    settings: ReturnsSettings

    def read(self) -> tuple[NDArray[np.float64], tuple[str, ...]]:
        """Read the returns, shape ``(n, d)``, in percent, the oldest first."""
        return log_returns(self._prices().to_numpy(dtype=np.float64)), self.settings.series

    def dates(self) -> tuple[str, ...]:
        """Return the day at whose end each return is known."""
        return tuple(f"{day:%Y-%m-%d}" for day in self._prices().index[1:])

    def _prices(self) -> pd.DataFrame:
        """Read the prices of the days on which all series have one, the oldest first."""
        import importlib

        import pandas as pd

        prices = pd.concat(
            {
                name: importlib.import_module(f"arch.data.{name}").load()[PRICE[name]]
                for name in self.settings.series
            },
            axis=1,
            join="inner",
        ).sort_index()
        return prices.where(prices > 0).dropna()
