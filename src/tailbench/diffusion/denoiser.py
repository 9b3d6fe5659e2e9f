r"""A denoiser that can be right at infinity.

The probability-flow equation needs the posterior mean :math:`D(x, \sigma) = E[x_0 | x]` of
:math:`x = x_0 + \sigma \epsilon`. For Gaussian data of unit variance it is
:math:`x / (1 + \sigma^2)`, and Karras et al. (2022) let a network correct that line. With heavy
tails the line is wrong where it matters: far out, :math:`D(x, \sigma) \to x`, and the network
would have to grow without bound to say so.

The bent line has a local variance :math:`V(x, \sigma)` of the signal,

.. math:: D = \frac{V}{V + \sigma^2} x - \sigma \sqrt{\frac{V}{V + \sigma^2}}\, F,

with a correction :math:`F` of unit size everywhere; :math:`V = 1` is the straight line. The
local variance grows with what the noise cannot explain, as in positive-part shrinkage (James
and Stein, 1961).
All is in units of the data's robust scale.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tailbench.diffusion.batch_mean import mean_noise
from tailbench.diffusion.velocity import far_weight

__all__ = ["Denoiser", "local_variance"]


def local_variance(x: Tensor, sigma: Tensor) -> Tensor:
    r"""Return :math:`V(x_j, \sigma)`, the variance of the signal that the noise cannot explain.

    With :math:`t = 1 + \sigma^2` and the odds :math:`u = 2 + \tfrac74 \log t` (in nats) against
    a value beyond the noise, the variance is one plus the excess of :math:`x_j^2` over
    :math:`2 u t` and that of the mean square of all coordinates over
    :math:`t (1 + 2\sqrt{u/d} + 2u/d)`, the bound of Laurent and Massart (2000) for a chi-square
    variable. Both excesses are softened, so that V is smooth.

    Args:
        x: Noisy data in robust units, shape ``(E, n, d)``.
        sigma: Noise level, broadcast against ``x``.
    """
    d = x.shape[-1]
    total = 1.0 + sigma.square()
    odds = 2.0 + 1.75 * total.log()
    own = F.softplus(x.square() / total - 2.0 * odds)
    radius = x.square().mean(-1, keepdim=True) / total
    soft = math.sqrt(2.0 / d)
    bound = 1.0 + 2.0 * (odds / d).sqrt() + 2.0 * odds / d
    return 1.0 + total * (own + soft * F.softplus((radius - bound) / soft))


class Denoiser(nn.Module):
    """The denoiser of each seed, in robust units of the data.

    Args:
        network: The noise-conditional network ``F`` of each seed.
        bent: Use the local variance; else the straight line of Gaussian data.
    """

    def __init__(self, network: nn.Module, bent: bool = False) -> None:
        super().__init__()
        self.network, self.bent = network, bent

    def correction(self, x: Tensor, sigma: Tensor) -> Tensor:
        """Evaluate the network ``F``, shape ``(E, n, d)``; ``sigma`` is ``(E, n, 1)``."""
        return self.network(x / (1.0 + sigma.square()).sqrt(), sigma)

    def coefficients(self, x: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
        r"""Return :math:`\sigma/(V + \sigma^2)` and :math:`\sqrt{V/(V + \sigma^2)}`."""
        variance = local_variance(x, sigma) if self.bent else torch.ones_like(x)
        total = variance + sigma.square()
        return sigma / total, (variance / total).sqrt()

    def noise(self, x: Tensor, sigma: Tensor) -> Tensor:
        r"""Compute :math:`E[\epsilon | x]`, shape ``(E, n, d)``; score times minus sigma."""
        line, bend = self.coefficients(x, sigma)
        return line * x + bend * self.correction(x, sigma)

    def forward(self, x: Tensor, sigma: Tensor) -> Tensor:
        r"""Return :math:`D(x, \sigma) = x - \sigma E[\epsilon | x]`, shape ``(E, n, d)``."""
        return x - sigma * self.noise(x, sigma)

    def loss(
        self,
        x: Tensor,
        sigma: Tensor,
        noise: Tensor,
        damping: float = 0.0,
        batch: Tensor | None = None,
    ) -> Tensor:
        """Return the loss of each seed, shape ``(E,)``: the squared error of the correction.

        Args:
            x: Data in robust units, shape ``(E, n, d)``.
            sigma: Noise levels, shape ``(E, n, 1)``.
            noise: Standard Gaussian noise, of the shape of ``x``.
            damping: How much points far out are weighed down: see
                :func:`tailbench.diffusion.velocity.far_weight`.
            batch: The rows that ``x`` is of, shape ``(E, B, d)``: the target is the mean noise
                over them, see :mod:`tailbench.diffusion.batch_mean`, and not the noise drawn.
        """
        noisy = x + sigma * noise
        noise = mean_noise(x, sigma, noise, batch)
        line, bend = self.coefficients(noisy, sigma)
        error = self.correction(noisy, sigma) - (noise - line * noisy) / bend
        weight = far_weight(noisy / (1.0 + sigma.square()).sqrt(), damping)
        return (weight * error.square()).mean((-2, -1))
