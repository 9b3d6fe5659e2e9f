"""Amplitudes of earthquakes, shipped with the package ``powerlaw``."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tailbench.data import DataShape
from tailbench.datasets.packaged import PackagedDataset, PackagedSettings
from tailbench.datasets.packaged_files import PackagedFile
from tailbench.datasets.packages import POWERLAW
from tailbench.registry import register

__all__ = ["Earthquakes", "EarthquakesSettings"]


class EarthquakesSettings(PackagedSettings):
    """Settings of the amplitudes of earthquakes."""

    def shape(self) -> DataShape:
        """Return the size of the data."""
        return DataShape(17_450, 1)


@register
class Earthquakes(PackagedDataset):
    r"""Amplitudes :math:`10^m` of 17,450 earthquakes of magnitude m in California, 1910 to 1992.

    By the law of Gutenberg and Richter, :math:`\log_{10} N(m) = a - b m`, the amplitude has the
    tail index :math:`b`, close to 1. Magnitudes are rounded to tenths, so that there are 69
    values, most 26 % above the one before. The 1,852 events of magnitude 0 are left out: none is
    between 0 and 0.5, so they look like magnitudes that are missing.

    There are no dates: a random ``test_fraction`` of the rows is held out.

    References:
        Gutenberg and Richter, Frequency of earthquakes in California, 1944; Newman, Power laws,
        Pareto distributions and Zipf's law, 2005.
    """

    Settings = EarthquakesSettings
    packaged = PackagedFile(
        package=POWERLAW,
        member="powerlaw/reference_data/quakes.txt",
        digest="9242b21b8661a6f5a4e1065051e72f10830bd10695c82fe27414cdf7c8546e45",
    )

    @property
    def split(self) -> Literal["random"]:
        """How rows are held out: at random, since there are no dates."""
        return "random"

    def read(self) -> tuple[NDArray[np.float64], tuple[str, ...]]:
        """Read the amplitudes, shape ``(17450, 1)``.

        Raises:
            InputError: If the file is missing, or not the known one.
        """
        x = self.table(self.content(), header=None).to_numpy(np.float64)
        return x[x[:, 0] > 1.0], ("amplitude",)
