"""Premiums and losses of insurers, shipped with the package ``chainladder``."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tailbench.data import DataShape
from tailbench.datasets.packaged import PackagedDataset, PackagedSettings
from tailbench.datasets.packaged_files import PackagedFile
from tailbench.datasets.packages import CHAINLADDER
from tailbench.registry import register

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ScheduleP", "SchedulePSettings"]

LAGS = (1, 2, 5, 10)
LOSSES = {"EarnedPremNet": "premium", "IncurredLosses": "incurred", "CumPaidLoss": "paid"}
ROW = ["GRCODE", "LOB", "AccidentYear"]


class SchedulePSettings(PackagedSettings):
    """Settings of the insurers' losses."""

    values: Literal["losses", "paid_lags"] = Field(
        "losses",
        description="Premium, incurred and paid losses at the end of the accident year, or the "
        "losses paid by the end of years 1, 2, 5 and 10.",
    )

    def shape(self) -> DataShape:
        """Return the size of the data."""
        return DataShape(5034, 3) if self.values == "losses" else DataShape(5051, 4)


@register
class ScheduleP(PackagedDataset):
    """Premiums and losses of US insurers in thousands of dollars, accident years 1998 to 2007.

    A row is one insurer, one of six lines of business and one accident year. With
    ``values: losses`` it has the premium earned net of reinsurance, the losses incurred and those
    paid by the end of that year, 5,034 rows; with ``values: paid_lags`` the losses paid by the end
    of development years 1, 2, 5 and 10, 5,051 rows. Losses include allocated expenses. Rows in
    which a value is not positive, such as years without business, are left out.

    All values are positive whole numbers that follow the size of the insurer, so that a column is
    nearly a function of another; with an extreme value index above 1 their means are infinite.

    An insurer has up to 50 rows that are alike: insurers are held out whole, in random order, a
    ``test_fraction`` of the rows as nearly as that allows.

    References:
        Meyers and Shi, Loss reserving data pulled from NAIC Schedule P, Casualty Actuarial
        Society, 2011; here its later edition of the accident years 1998 to 2007.
    """

    Settings = SchedulePSettings
    settings: SchedulePSettings
    packaged = PackagedFile(
        package=CHAINLADDER,
        member="chainladder/utils/data/clrd2025.csv",
        digest="045f10559ec9ed2bb0b4e5f74f9d611e20723ce51c7192a30b0dabcb75111456",
    )

    @property
    def split(self) -> Literal["grouped"]:
        """How rows are held out: all rows of some insurers."""
        return "grouped"

    def groups(self) -> NDArray[np.int64]:
        """Return the code of the insurer of each row."""
        return self._positive.index.get_level_values("GRCODE").to_numpy(np.int64)

    def read(self) -> tuple[NDArray[np.float64], tuple[str, ...]]:
        """Read the amounts, shape ``(n, 3)`` or ``(n, 4)``, in thousands of dollars.

        Raises:
            InputError: If the file is missing, or not the known one.
        """
        found = self._positive
        return found.to_numpy(np.float64), tuple(found.columns)

    @cached_property
    def _positive(self) -> pd.DataFrame:
        """The rows of positive amounts, by insurer, line and year."""
        lines = self.table(self.content())
        if self.settings.values == "losses":
            wide = (
                lines[lines.DevelopmentLag == 1].set_index(ROW)[list(LOSSES)].rename(columns=LOSSES)
            )
        else:
            chosen = lines[lines.DevelopmentLag.isin(LAGS)]
            wide = chosen.pivot(index=ROW, columns="DevelopmentLag", values="CumPaidLoss")
            wide.columns = [f"paid_{lag}" for lag in wide.columns]
        return wide[(wide > 0).all(axis=1)].sort_index()
