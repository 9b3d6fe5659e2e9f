"""Nine narrow Gaussians on a grid, some of them rare."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np
from pydantic import Field, field_validator

from tailbench.registry import register
from tailbench.targets.base import TargetSettings
from tailbench.targets.gaussian_mixture import GaussianMixture

__all__ = ["GaussianGrid", "GaussianGridSettings"]


class GaussianGridSettings(TargetSettings):
    """Settings of the grid of Gaussians."""

    dim: ClassVar[int] = 2  # type: ignore[misc]
    spacing: float = Field(1.0, gt=0, description="Distance of neighbouring modes.")
    std: float = Field(0.05, gt=0, description="Standard deviation of every mode.")
    weights: tuple[float, ...] = Field(
        (0.01, 0.1, 0.3, 0.2, 0.02, 0.15, 0.02, 0.15, 0.05),
        description="Probabilities of the nine modes, summing to one; the second coordinate "
        "of the modes varies fastest.",
    )

    @field_validator("weights")
    @classmethod
    def _sum_to_one(cls, weights: tuple[float, ...]) -> tuple[float, ...]:
        if len(weights) != 9:
            raise ValueError(f"weights must have 9 entries, not {len(weights)}")
        if min(weights) < 0.0:
            raise ValueError(f"weights must not be negative, as {min(weights)} is")
        if abs(math.fsum(weights) - 1.0) > 1e-9:
            raise ValueError(f"weights must sum to 1, not to {math.fsum(weights):.10g}")
        return weights


@register
class GaussianGrid(GaussianMixture):
    r"""Nine Gaussians on a 3x3 grid with unequal weights.

    .. math:: p = \sum_{k=0}^{8} w_k \, N(m_k, s^2 I_2), \qquad
        m_{3i+j} = ((i - 1) h, (j - 1) h), \qquad i, j \in \{0, 1, 2\}.

    The weights are those of the authors' code: the paper's presentation lists ten numbers that
    do not sum to one.

    References:
        Shariatian, Simsekli and Durmus, Denoising Lévy probabilistic models, 2025.
    """

    Settings = GaussianGridSettings
    settings: GaussianGridSettings
    dim = 2

    def __init__(self, settings: GaussianGridSettings | None = None, **options: Any) -> None:
        super().__init__(settings, **options)
        index = np.arange(9)
        self.means = self.settings.spacing * np.stack([index // 3 - 1.0, index % 3 - 1.0], axis=1)
        self.std = self.settings.std
        self.weights = np.array(self.settings.weights) / math.fsum(self.settings.weights)
