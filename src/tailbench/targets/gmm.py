"""Twenty-five Gaussians in many dimensions."""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import Field

from tailbench.registry import register
from tailbench.rng.seeds import generator_for
from tailbench.targets.base import TargetSettings
from tailbench.targets.gaussian_mixture import GaussianMixture

__all__ = ["GMM", "GMMSettings"]


class GMMSettings(TargetSettings):
    """Settings of the mixture of 25 Gaussians."""

    dim: int = Field(40, ge=2, description="Dimension of the points.")


@register
class GMM(GaussianMixture):
    r"""Twenty-five unit Gaussians on a plane in many dimensions.

    .. math:: p = \sum_{i, j = -2}^{2} w_{ij} \, N(m_{ij}, I_d), \qquad
        m_{ij} = (8i, 8j, 8i, 8j, \dots).

    The source gives no weights. Here they are 25 uniform draws divided by their sum, from a
    fixed seed, the same in every dimension; ``j`` varies fastest.
    """

    Settings = GMMSettings
    settings: GMMSettings

    def __init__(self, settings: GMMSettings | None = None, **options: Any) -> None:
        super().__init__(settings, **options)
        self.dim = self.settings.dim
        index = np.arange(25)
        pair = 8.0 * np.stack([index // 5 - 2.0, index % 5 - 2.0], axis=1)
        self.means = np.tile(pair, (1, (self.dim + 1) // 2))[:, : self.dim]
        self.std = 1.0
        weights = generator_for("target", "gmm", "weights").uniform(size=25)
        self.weights = weights / weights.sum()
