"""What networks are told of noisy data and of the level of the noise."""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = ["NOISE_FEATURES", "noise_features", "radial_features"]

FREQUENCIES = 8
NOISE_FEATURES = 2 * FREQUENCIES + 1
"""Number of features of a noise level."""


def noise_features(sigma: Tensor) -> Tensor:
    """Return features of the noise level ``sigma`` ``(..., 1)``, shape ``(..., 2 * 8 + 1)``."""
    t = sigma.log() / 4.0
    angles = t * (torch.arange(1, FREQUENCIES + 1, device=t.device, dtype=t.dtype) * math.pi / 2)
    return torch.cat([t, angles.sin(), angles.cos()], dim=-1)


def radial_features(x: Tensor) -> Tensor:
    r"""Return features of points ``(..., d)`` that stay moderate far out, shape ``(..., 2 d + 1)``.

    With the mean square :math:`r^2` of the coordinates: ``asinh`` of each, each over
    :math:`\sqrt{1 + r^2}`, and :math:`\tfrac12 \log(1 + r^2)`. A network that is told ``x`` as
    it is extrapolates badly; one that is told a normalised ``x`` cannot tell far from near.
    """
    radius = x.square().mean(-1, keepdim=True)
    return torch.cat([x.asinh(), x * torch.rsqrt(1.0 + radius), 0.5 * radius.log1p()], dim=-1)
