"""What maps of columns share, and their choice by name."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tailbench.exceptions import InputError

__all__ = ["Margins", "Name", "Units", "make_margins"]

Name = Literal["none", "softlog", "tail"]
Array = NDArray[np.float64]


class Margins(ABC):
    """An increasing map of every column of data, fitted to the training data of each seed.

    A model learns and samples what ``to_model`` gives; ``to_data`` goes back. Both are computed in
    double precision, since a tail is stretched, or an offset is large, before anything is rounded.

    Args:
        constants: What was fitted, each of shape ``(E, d)``.
    """

    name: ClassVar[str]
    needed: ClassVar[tuple[str, ...]]
    """Names of the constants."""

    def __init__(self, constants: dict[str, Tensor]) -> None:
        self.constants = {key: constants[key].double() for key in self.needed}

    @classmethod
    @abstractmethod
    def fit(cls, x: Array, location: Array, scale: Array) -> Self:
        """Fit the map to data.

        Args:
            x: Data, shape ``(E, n, d)``, finite, with no constant column.
            location: Medians, shape ``(E, d)``.
            scale: Robust scales, shape ``(E, d)``: see ``models.preprocessing.robust_units``.
        """

    @abstractmethod
    def to_model(self, x: Tensor, positions: Sequence[int]) -> Tensor:
        """Map data ``(E, n, d)`` of some positions of the block to the model's units, float64."""

    @abstractmethod
    def to_data(self, z: Tensor, positions: Sequence[int]) -> Tensor:
        """Map values ``(E, n, d)`` of the model back to the units of the data, float64."""

    def log_slope(self, x: Tensor, positions: Sequence[int]) -> Tensor:
        r"""Return :math:`\sum_j \log dz_j/dx_j` at data ``(E, n, d)``, shape ``(E, n)``.

        Raises:
            InputError: If the map has no slope everywhere.
        """
        raise InputError(f"margins: {self.name!r} puts values on bounds, and has no density there")

    def _of(self, positions: Sequence[int], device: torch.device) -> list[Tensor]:
        """Return the constants of some positions, each of shape ``(E, 1, d)``."""
        chosen = list(positions)
        return [self.constants[key][chosen, None].to(device) for key in self.needed]


class Units(Margins):
    r"""No map but robust units: :math:`z = (x - m) / s`, median and quartile scale."""

    name = "none"
    needed = ("location", "scale")

    @classmethod
    def fit(cls, x: Array, location: Array, scale: Array) -> Self:
        """Keep the units."""
        return cls({"location": torch.from_numpy(location), "scale": torch.from_numpy(scale)})

    def to_model(self, x: Tensor, positions: Sequence[int]) -> Tensor:
        """Map data to robust units."""
        location, scale = self._of(positions, x.device)
        return (x.double() - location) / scale

    def to_data(self, z: Tensor, positions: Sequence[int]) -> Tensor:
        """Map robust units to data."""
        location, scale = self._of(positions, z.device)
        return location + scale * z.double()

    def log_slope(self, x: Tensor, positions: Sequence[int]) -> Tensor:
        """Return minus the sum of the logarithms of the scales."""
        _, scale = self._of(positions, x.device)
        return -scale.log().expand_as(x).sum(-1)


def make_margins(name: Name) -> type[Margins]:
    """Return the map of a name: ``none``, ``softlog`` or ``tail``."""
    from tailbench.margins.softlog import SoftLog
    from tailbench.margins.tail import TailMargins

    return {"none": Units, "softlog": SoftLog, "tail": TailMargins}[name]
