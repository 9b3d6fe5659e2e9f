"""Daily returns of twenty stocks of the United States, shipped with the package ``skfolio``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tailbench.data import DataShape
from tailbench.datasets.packaged import PackagedDataset, PackagedSettings
from tailbench.datasets.packaged_files import PackagedFile
from tailbench.datasets.packages import SKFOLIO
from tailbench.registry import register
from tailbench.stats.log_returns import log_returns

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["USStocks", "USStocksSettings"]


class USStocksSettings(PackagedSettings):
    """Settings of the twenty stocks."""

    def shape(self) -> DataShape:
        """Return the size of the data."""
        return DataShape(8312, 20)


@register
class USStocks(PackagedDataset):
    r"""Daily log-returns in percent of twenty large US stocks, 1990 to 2022.

    .. math:: r_t = 100 \, (\log P_t - \log P_{t-1})

    of the adjusted close, on 8,312 days without a gap from 3 January 1990 to 28 December 2022.
    Prices have three decimals: early prices far below a dollar move in steps of some tenths of
    a percent, and a return is exactly 0 on 2 to 5 % of days (13 % for RRC). RRC falls to a third
    on 10 April 1990, which looks like a split that was not adjusted for; it is kept.

    The rows are in order of time; the last ``test_fraction`` of them are held out, by default
    from 29 September 2014 on.
    """

    Settings = USStocksSettings
    packaged = PackagedFile(
        package=SKFOLIO,
        member="skfolio/datasets/data/sp500_dataset.csv.gz",
        digest="ee21cac28befb1d0a739a9ceb22184f995394726aa0cfde9a21941d1ac04ac0d",
    )

    def read(self) -> tuple[NDArray[np.float64], tuple[str, ...]]:
        """Read the returns in percent, shape ``(8312, 20)``, and the symbols of the stocks.

        Raises:
            InputError: If the file is missing, or not the known one.
        """
        prices = self._prices()
        return log_returns(prices.to_numpy(np.float64)), tuple(map(str, prices.columns))

    def dates(self) -> tuple[str, ...]:
        """Return the day at whose end each return is known."""
        return tuple(str(day)[:10] for day in self._prices().index[1:])

    def _prices(self) -> pd.DataFrame:
        """Read the prices, the oldest first."""
        return self.table(self.content(), "gzip", index_col="Date").sort_index()
