"""Air pollution in the centre of Leeds, shipped with the package ``pydataset``."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tailbench.data import DataShape
from tailbench.datasets.packaged import PackagedDataset, PackagedSettings
from tailbench.datasets.packaged_files import TEXMEX
from tailbench.registry import register

__all__ = ["AirPollution", "AirPollutionSettings"]

SIZE = {"winter": 532, "summer": 578}


class AirPollutionSettings(PackagedSettings):
    """Settings of the air pollution."""

    test_fraction: float = Field(
        0.4,
        gt=0,
        lt=1,
        description="Fraction of the rows that is held out; a quarter would be too few for the "
        "1 % of `tail_index`.",
    )
    season: Literal["winter", "summer"] = Field(
        "winter", description="November to February, or April to July."
    )

    def shape(self) -> DataShape:
        """Return the size of the data."""
        return DataShape(SIZE[self.season], 5)


@register
class AirPollution(PackagedDataset):
    """Daily maxima of five pollutants in Leeds, winters or summers of 1994 to 1998.

    Ozone (O3), nitrogen dioxide (NO2), nitrogen oxide (NO) and sulphur dioxide (SO2) in parts per
    billion, and particulate matter (PM10) in micrograms per cubic metre: whole numbers, not
    negative, 532 days in winter and 578 in summer. Tails are mixed: that of ozone is short, the
    one of sulphur dioxide long, but no index is known better than to 0.35 from so few days.

    The rows carry no dates; neighbouring rows resemble each other (rank correlations of 0.3 to
    0.6), as days in order of time do, and the last ``test_fraction`` of them are held out.

    References:
        Heffernan and Tawn, A conditional approach for multivariate extreme values, 2004, who left
        some outliers out; the package texmex of R has their data.
    """

    Settings = AirPollutionSettings
    settings: AirPollutionSettings
    packaged = TEXMEX

    def read(self) -> tuple[NDArray[np.float64], tuple[str, ...]]:
        """Read the maxima, shape ``(n, 5)``.

        Raises:
            InputError: If the file is missing, or not the known one.
        """
        name = f"resources/rdata/csv/texmex/{self.settings.season}.csv"
        table = self.table(self.member(self.content(), name), index_col=0)
        return table.to_numpy(np.float64), tuple(map(str, table.columns))
