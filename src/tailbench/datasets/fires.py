"""Sizes of wildfires, shipped with the package ``powerlaw``."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tailbench.data import DataShape
from tailbench.datasets.packaged import PackagedDataset, PackagedSettings
from tailbench.datasets.packaged_files import PackagedFile
from tailbench.datasets.packages import POWERLAW
from tailbench.registry import register

__all__ = ["Fires", "FiresSettings"]


class FiresSettings(PackagedSettings):
    """Settings of the sizes of wildfires."""

    def shape(self) -> DataShape:
        """Return the size of the data."""
        return DataShape(203_785, 1)


@register
class Fires(PackagedDataset):
    """Sizes in acres of 203,785 wildfires on federal land of the United States, 1986 to 1996.

    Sizes begin at 0.1 acre, which 46 % of the fires have, and are rounded to tenths; the largest
    is 412,050 acres. The extreme value index falls with the level, from 1.25 at the largest 5 %
    above the median to 0.57 at 0.2 %. There are no dates: a random ``test_fraction`` of the rows
    is held out.

    References:
        Newman, Power laws, Pareto distributions and Zipf's law, 2005; Clauset, Shalizi and
        Newman, Power-law distributions in empirical data, 2009.
    """

    Settings = FiresSettings
    packaged = PackagedFile(
        package=POWERLAW,
        member="powerlaw/reference_data/fires.txt",
        digest="4bce28fc6f0b9d7b9a622b4ad2c95654d641927f1717a6b2750be7c8f491bef8",
    )

    @property
    def split(self) -> Literal["random"]:
        """How rows are held out: at random, since they are sorted by size."""
        return "random"

    def read(self) -> tuple[NDArray[np.float64], tuple[str, ...]]:
        """Read the sizes in acres, shape ``(203785, 1)``.

        Raises:
            InputError: If the file is missing, or not the known one.
        """
        return self.table(self.content(), header=None).to_numpy(np.float64), ("acres",)
