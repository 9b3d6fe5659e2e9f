"""Daily returns of five funds, shipped with the package ``skfolio``."""

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

__all__ = ["ETFs", "ETFsSettings"]


class ETFsSettings(PackagedSettings):
    """Settings of the five funds."""

    def shape(self) -> DataShape:
        """Return the size of the data."""
        return DataShape(2263, 5)


@register
class ETFs(PackagedDataset):
    r"""Daily log-returns in percent of five exchange-traded factor funds, 2014 to 2022.

    .. math:: r_t = 100 \, (\log P_t - \log P_{t-1})

    of the adjusted close of MTUM (momentum), QUAL (quality), SIZE, USMV (low volatility) and VLUE
    (value), on 2,263 days from 3 January 2014 to 28 December 2022. All five hold the same large
    US stocks with other weights, so that they fall together.

    The rows are in order of time; the last ``test_fraction`` of them are held out, by default
    from 30 September 2020 on.
    """

    Settings = ETFsSettings
    packaged = PackagedFile(
        package=SKFOLIO,
        member="skfolio/datasets/data/factors_dataset.csv.gz",
        digest="6eb089953db90c9a38d3283582751701a90db6f59965847fd64b0578de497161",
    )

    def read(self) -> tuple[NDArray[np.float64], tuple[str, ...]]:
        """Read the returns in percent, shape ``(2263, 5)``, and the symbols of the funds.

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
