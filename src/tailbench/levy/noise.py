r"""Alpha-stable noise by the Gaussian trick, on any device.

.. math:: \epsilon = \sqrt{A}\, G, \qquad G \sim N(0, I_d), \qquad
    E e^{i \langle u, \epsilon \rangle} = e^{-\|u\|^\alpha},

with one positive stable :math:`A` per sample (isotropic noise), or one per coordinate. All is
computed in double precision but the draws of :math:`G`, whose tails are light, and nothing is
clamped unless a clamp is asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from tailbench.rng.streams import uniform
from tailbench.stats.positive_stable import kanter

__all__ = ["StableNoise", "positive_stable", "symmetric_stable"]

PIECE = 50_000  # rows that stay in a processor's cache


def positive_stable(source: Callable[..., Tensor], alpha: float, *shape: int) -> Tensor:
    r"""Draw ``A`` with :math:`E e^{-uA} = e^{-(2u)^{\alpha/2}}`; the constant 2 at ``alpha`` 2.

    Args:
        source: Draws uniform numbers of (0, 1) in double precision, of a given shape.
        alpha: Stability in (0, 2].
        shape: Passed to the source.

    References:
        Kanter, Stable densities under change of scale and total variation inequalities, 1975.
    """
    u = torch.pi * source(*shape)
    w = u if alpha == 2.0 else -source(*shape).log()
    return kanter(u, w, alpha, torch)


@dataclass(frozen=True)
class StableNoise:
    """Stable noise of scale one, as models draw it.

    Attributes:
        alpha: Stability in (0, 2].
        isotropic: One random variance ``A`` for all coordinates, or one for each.
        clip_A: Largest ``A``; ``None`` for no clamp. A clamp takes the tails away.
        clamp_eps: Largest size of a coordinate; ``None`` for no clamp.
    """

    alpha: float
    isotropic: bool = True
    clip_A: float | None = None
    clamp_eps: float | None = None

    def variance(self, source: Callable[..., Tensor], dim: int, *shape: int) -> Tensor:
        """Draw ``A``, shape ``(..., *shape, 1)``, or ``(..., *shape, d)`` if not isotropic.

        Args:
            source: Draws uniform numbers of (0, 1) in double precision, of a given shape.
            dim: Dimension ``d``.
            shape: Passed to the source.
        """
        a = positive_stable(source, self.alpha, *shape, 1 if self.isotropic else dim)
        return a if self.clip_A is None else a.clamp(max=self.clip_A)

    def draw(
        self,
        source: Callable[..., Tensor],
        gaussian: Callable[[], Tensor],
        dim: int,
        *shape: int,
    ) -> Tensor:
        """Draw noise of the shape of what ``gaussian`` draws, in double precision."""
        noise = self.variance(source, dim, *shape).sqrt() * gaussian()
        return noise if self.clamp_eps is None else noise.clamp(-self.clamp_eps, self.clamp_eps)


def symmetric_stable(
    n: int,
    dim: int,
    alpha: float,
    *,
    isotropic: bool = True,
    generator: torch.Generator | None = None,
    device: str | torch.device = "cpu",
) -> Tensor:
    """Draw ``n`` vectors of symmetric alpha-stable noise of scale one, shape ``(n, d)``.

    Args:
        n: Number of vectors.
        dim: Dimension ``d``.
        alpha: Stability in (0, 2].
        isotropic: One random variance for all coordinates, or one for each.
        generator: Where the randomness comes from; torch's global one if left out.
        device: Where the vectors are drawn.

    Raises:
        ValueError: If ``alpha`` is outside (0, 2].
    """
    source = partial(_shaped, generator=generator, device=device)
    out = torch.empty(n, dim, device=device, dtype=torch.float64)
    for part in out.split(PIECE):
        rows = len(part)
        a = positive_stable(source, alpha, rows, 1 if isotropic else dim)
        torch.mul(a.sqrt(), torch.randn(rows, dim, generator=generator, device=device), out=part)
    return out


def _shaped(*shape: int, **options: Any) -> Tensor:
    return uniform(shape, **options)
