"""Rain in the south-west of England, shipped with the package ``pydataset``."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tailbench.data import DataShape
from tailbench.datasets.packaged import PackagedDataset, PackagedSettings
from tailbench.datasets.packaged_files import TEXMEX
from tailbench.registry import register

__all__ = ["Rain", "RainSettings"]

DAYS = 3
BLOCKS = {1: 4318, 2: 3108, 3: 1793}


class RainSettings(PackagedSettings):
    """Settings of the rain."""

    wet_days: int = Field(
        3,
        ge=1,
        le=DAYS,
        description="Least number of rainy days in a block of three; below 3, columns have zeros.",
    )

    def shape(self) -> DataShape:
        """Return the size of the data."""
        return DataShape(BLOCKS[self.wet_days], DAYS)


@register
class Rain(PackagedDataset):
    """Rain in millimetres on three successive days, at one place in England, 1914 to 1962.

    17,531 days are cut into blocks of three, one after the other; kept are the blocks with rain on
    at least ``wet_days`` of the days: 1,793 with rain on all three, the default, and 4,318 with
    rain on one or more. It rained on 53 % of the days; amounts are quarters of a millimetre,
    rounded to 0.1.

    The blocks are in order of time; the last ``test_fraction`` of them are held out.

    References:
        Coles, An introduction to statistical modeling of extreme values, 2001; the packages
        ismev and texmex of R have the data.
    """

    Settings = RainSettings
    settings: RainSettings
    packaged = TEXMEX

    def read(self) -> tuple[NDArray[np.float64], tuple[str, ...]]:
        """Read the amounts in millimetres, shape ``(n, 3)``.

        Raises:
            InputError: If the file is missing, or not the known one.
        """
        content = self.member(self.content(), "resources/rdata/csv/texmex/rain.csv")
        days = self.table(content, index_col=0).to_numpy(np.float64)[:, 0]
        blocks = days[: len(days) // DAYS * DAYS].reshape(-1, DAYS)
        wet = np.sum(blocks > 0, axis=1) >= self.settings.wet_days
        return blocks[wet], ("first", "second", "third")
