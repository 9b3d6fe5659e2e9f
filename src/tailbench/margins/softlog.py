"""Logarithms that are linear at zero."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from tailbench.margins.base import Units

__all__ = ["SoftLog"]


class SoftLog(Units):
    r"""A logarithm on both sides of the median.

    .. math:: z = \mathrm{sign}(u) \log(1 + |u|), \qquad u = (x - m) / s,

    with median and quartile scale. A power law becomes an exponential tail, whatever its index.
    What a model adds to ``z`` far out multiplies ``x``: an error of one there is a factor of
    2.7. No sample is clamped for it; one whose exponential is beyond the range of the samples'
    precision ends the sampling as one that is not finite.

    References:
        Flow matching for heavy-tailed data in soft-log coordinates (Log-FM), 2026.
    """

    name = "softlog"

    def to_model(self, x: Tensor, positions: Sequence[int]) -> Tensor:
        """Map data to the logarithm of robust units."""
        u = super().to_model(x, positions)
        return u.sign() * u.abs().log1p()

    def log_slope(self, x: Tensor, positions: Sequence[int]) -> Tensor:
        """Return the same, minus the logarithms of the distances plus one."""
        u = super().to_model(x, positions)
        return super().log_slope(x, positions) - u.abs().log1p().sum(-1)

    def to_data(self, z: Tensor, positions: Sequence[int]) -> Tensor:
        """Map back by the exponential."""
        z = z.double()
        return super().to_data(z.sign() * torch.expm1(z.abs()), positions)
