r"""Each side of each column on its own: heavy, light or bounded."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tailbench.margins.base import Margins
from tailbench.margins.tail_transform import half_log_erfc, inverse_half_log_erfc
from tailbench.stats.tail_index import estimate_side

__all__ = ["TailMargins"]

Array = NDArray[np.float64]

QUARTILE = 0.6744897501960817  # of a standard Gaussian
NEAR = 20.0  # a bound farther away, in scales, leaves the side its tail
EDGE = 1e-12  # how near to a bound, as a share of its distance, a value is taken to be


class TailMargins(Margins):
    r"""A map of each side of each column by the tail that the data have there.

    With the distance :math:`y = |x - m|` from the median, and :math:`s` such that the quartile of
    the side goes to that of a Gaussian, 0.6745:

    - a heavy side of extreme value index :math:`\xi` goes by the tail transform of Hickling and
      Prangle (2025), :math:`y = s (e^{\xi u(|z|)} - 1) / \xi`, :math:`u(z) =
      -\log \mathrm{erfc}(z / \sqrt 2)`: its power law becomes a Gaussian tail;
    - a light side is affine, :math:`|z| = y / s`;
    - a side bounded at a distance :math:`b` of at most 20 scales goes by :math:`|z| =
      -\frac bs \log(1 - y/b)`. Where the bound is farther, or data lie on it, as rain without a
      drop, the rules above hold, and samples beyond the bound are put on it.

    A side is bounded by zero if no value is beyond zero, and by its farthest value if one in two
    hundred is equal to it. A side counts as heavy, and has the index, that
    :func:`tailbench.stats.tail_index.estimate_side` says.

    References:
        Hickling and Prangle, Flexible tails for normalizing flows, 2025.
    """

    name = "tail"
    needed = (
        "location", "low_scale", "low_index", "low_bound", "low_open",
        "high_scale", "high_index", "high_bound", "high_open",
    )  # fmt: skip

    @classmethod
    def fit(cls, x: Array, location: Array, scale: Array) -> Self:
        """Decide the kind of each side, and fit its scale and its index."""
        constants = {key: np.zeros(location.shape) for key in cls.needed}
        constants["location"] = location
        for e, j in np.ndindex(*location.shape):
            for side, sign in (("low", -1.0), ("high", 1.0)):
                found = _fit_side(
                    sign * x[e, :, j], sign * float(location[e, j]), float(scale[e, j])
                )
                for key, value in found.items():
                    constants[f"{side}_{key}"][e, j] = value
        return cls({key: torch.from_numpy(value) for key, value in constants.items()})

    def to_model(self, x: Tensor, positions: Sequence[int]) -> Tensor:
        """Map data, each side by its own rule."""
        location, *sides = self._of(positions, x.device)
        y = x.double() - location
        low, high = (_shrink(y.abs(), *side) for side in (sides[:4], sides[4:]))
        return torch.where(y < 0, -low, high)

    def to_data(self, z: Tensor, positions: Sequence[int]) -> Tensor:
        """Map back, each side by its own rule."""
        location, *sides = self._of(positions, z.device)
        z = z.double()
        low, high = (_stretch(z.abs(), *side) for side in (sides[:4], sides[4:]))
        return location + torch.where(z < 0, -low, high)


def _fit_side(x: Array, median: float, scale: float) -> dict[str, float]:
    """Fit the upper side of a column, given its median and the scale of both sides together."""
    y = x[x > median] - median
    quartile = float(np.quantile(x, 0.75)) - median
    scale = quartile / QUARTILE if quartile > 0.1 * QUARTILE * scale else scale
    farthest = float(x.max())
    atom = np.count_nonzero(x == farthest) >= max(3.0, 0.005 * len(x))
    bound = (farthest if atom else 0.0 if farthest <= 0 else math.inf) - median
    if bound <= NEAR * scale and not atom and farthest - median < bound:
        return {"scale": scale, "index": 0.0, "bound": bound, "open": 1.0}
    tail = estimate_side(y)
    index = 0.0 if tail is None else tail.heavy_xi
    if index > 0:
        # u of the quartile is log 2
        scale *= QUARTILE * index / math.expm1(index * math.log(2.0))
    return {"scale": scale, "index": index, "bound": bound, "open": 0.0}


def _shrink(y: Tensor, scale: Tensor, index: Tensor, bound: Tensor, ends: Tensor) -> Tensor:
    """Map distances from the median, of the data, to those of the model."""
    heavy, near = index > 0, ends > 0
    xi, b = torch.where(heavy, index, 1.0), torch.where(near, bound, 1.0)
    far = inverse_half_log_erfc(torch.log1p(xi * (y / scale)) / xi)
    toward = -torch.log1p(-(y / b).clamp(max=1.0 - EDGE)) * b / scale
    return torch.where(heavy, far, torch.where(near, toward, y / scale))


def _stretch(z: Tensor, scale: Tensor, index: Tensor, bound: Tensor, ends: Tensor) -> Tensor:
    """Map distances from the median, of the model, to those of the data."""
    heavy, near = index > 0, ends > 0
    xi, b = torch.where(heavy, index, 1.0), torch.where(near, bound, 1.0)
    far = scale * torch.expm1(xi * half_log_erfc(torch.where(heavy, z, 0.0))) / xi
    toward = -b * torch.expm1(-z * scale / b)
    return torch.where(near, toward, torch.minimum(torch.where(heavy, far, z * scale), bound))
