"""The exact predictor of the noise, for data whose noised law has a known score."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

__all__ = ["ExactNoise", "NoisedScore"]

NoisedScore = Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]]
"""The score of data plus noise at ``x``, ``(n, d)``, by the noise's deviations ``(d,)``."""


class ExactNoise(nn.Module):
    r"""The noise :math:`E[\epsilon | x]` of some seeds, in robust units of their data.

    With the location ``m`` and the scale ``s`` of each coordinate and the exact score
    :math:`\nabla \log p_\sigma` of the data with noise of the deviations :math:`\sigma s`,

    .. math:: E[\epsilon | z] = -\sigma s \nabla \log p_\sigma(m + s z).

    It has no parameters, and computes on the CPU in double precision.

    Args:
        score: The exact score in units of the data.
        location: Location of each coordinate, shape ``(E, d)``.
        scale: Scale of each coordinate, shape ``(E, d)``.
    """

    def __init__(
        self, score: NoisedScore, location: NDArray[np.float64], scale: NDArray[np.float64]
    ) -> None:
        super().__init__()
        self.score, self.location, self.scale = score, location, scale

    def noise(self, x: Tensor, sigma: Tensor) -> Tensor:
        """Compute the noise at ``x`` of shape ``(E, n, d)`` and of one level ``sigma``."""
        level = float(sigma)
        points = x.double().cpu().numpy()
        found = [
            -level * scale * self.score(location + scale * z, level * scale)
            for z, location, scale in zip(points, self.location, self.scale, strict=True)
        ]
        return torch.from_numpy(np.stack(found)).to(x)
