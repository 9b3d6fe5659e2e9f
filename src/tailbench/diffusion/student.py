r"""A denoiser of data with Student-t noise, :math:`x = y + \sigma T`.

With :math:`T = G/\sqrt\kappa`, one :math:`\kappa \sim \chi^2_\nu/\nu` for all coordinates, the
deterministic process :math:`dx/d\sigma = (x - D(x, \sigma))/\sigma` with the posterior mean
:math:`D = E[y | x]` has the law of :math:`y + \sigma T` at every level, whatever the tails:
for :math:`\nu \to \infty` it is the probability flow of Gaussian noise. Far out the process is the
line that ``D`` has there, and the samples have the tail index of the noise.

References:
    Pandey et al., Heavy-tailed diffusion models, 2025; Xu et al., PFGM++, 2023 (the same process).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tailbench.diffusion.batch_mean import mean_noise, student_kernel
from tailbench.diffusion.denoiser import Denoiser
from tailbench.diffusion.velocity import far_weight
from tailbench.stats.student import quartile_ratio

__all__ = ["StudentDenoiser", "noise_scale"]


def noise_scale(nu: float) -> float:
    r"""Return the scale ``k`` of the noise by which a denoiser is preconditioned.

    The standard deviation :math:`\sqrt{\nu/(\nu - 2)}`, as published; up to ``nu`` 2, where there
    is none, the quartile over that of a Gaussian, :func:`tailbench.stats.student.quartile_ratio`.
    """
    if math.isinf(nu):
        return 1.0
    return math.sqrt(nu / (nu - 2.0)) if nu > 2.0 else quartile_ratio(nu)


class StudentDenoiser(Denoiser):
    r"""The denoiser of each seed, :math:`D = (1 - \sigma a)\, x - \sigma b\, F(x / m, \sigma)`.

    In the form of the paper, with the scale ``k`` of :func:`noise_scale` and
    :math:`m^2 = 1 + k^2 \sigma^2`,

    .. math:: c_{skip} = 1 - \sigma a = 1 / m^2, \qquad c_{out} = \sigma b = k \sigma / m.

    In the form of the tail the line is right far out for Student-t data of the noise's own
    ``nu``, whose quartile is that of the units: with the quartile ratio ``k``,

    .. math:: c_{skip} = \frac{1}{1 + (k\sigma)^\nu}, \qquad
        c_{out}^\nu = (1 - c_{skip})^\nu + (c_{skip}\, k\sigma)^\nu.

    Both are those of Karras et al. (2022) for Gaussian noise, where ``nu`` is infinite.

    Args:
        network: The noise-conditional network ``F`` of each seed.
        nu: Degrees of freedom of the noise of each seed, shape ``(E,)``; infinite for Gaussian.
        tail: Use the form of the tail.
    """

    nu: Tensor
    scale: Tensor

    def __init__(self, network: nn.Module, nu: Tensor, tail: bool = False) -> None:
        super().__init__(network)
        self.tail = tail
        scale = [(quartile_ratio if tail else noise_scale)(value) for value in nu.tolist()]
        self.register_buffer("nu", nu.double().view(-1, 1, 1), persistent=False)
        self.register_buffer(
            "scale", torch.tensor(scale, dtype=torch.float64).view(-1, 1, 1), persistent=False
        )

    def _unit(self, x: Tensor, sigma: Tensor) -> Tensor:
        """Return the input in its own scale, ``x / m``."""
        return x / (1.0 + (self.scale.to(x.dtype) * sigma).square()).sqrt()

    def correction(self, x: Tensor, sigma: Tensor) -> Tensor:
        """Evaluate the network ``F``, shape ``(E, n, d)``, in the precision of ``x``."""
        single = next(self.parameters()).dtype
        return self.network(self._unit(x, sigma).to(single), sigma.to(single)).to(x.dtype)

    def coefficients(self, x: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor]:
        """Return ``a`` and ``b``, the line and the factor of the predicted noise."""
        k = self.scale.to(sigma.dtype)
        total = 1.0 + (k * sigma).square()
        line, factor = k.square() * sigma / total, k / total.sqrt()
        if not self.tail:
            return line, factor
        nu = torch.where(self.nu.isinf(), 2.0, self.nu).to(sigma.dtype)
        odds = nu * (k * sigma).log()
        noise, signal = F.logsigmoid(odds), F.logsigmoid(-odds)
        out = torch.logaddexp(nu * noise, nu * signal + odds) / nu
        return (
            torch.where(self.nu.isinf(), line, noise.exp() / sigma),
            torch.where(self.nu.isinf(), factor, out.exp() / sigma),
        )

    def loss(
        self,
        x: Tensor,
        sigma: Tensor,
        noise: Tensor,
        damping: float = 0.0,
        batch: Tensor | None = None,
    ) -> Tensor:
        r"""Return the loss of each seed, shape ``(E,)``: :math:`\|D - y\|^2 / c_{out}^2`.

        Args:
            x: Data in the model's units, shape ``(E, n, d)``.
            sigma: Noise levels, shape ``(E, n, 1)``.
            noise: Student-t noise of scale one, of the shape of ``x``.
            damping: How much points far out are weighed down: see
                :func:`tailbench.diffusion.velocity.far_weight`.
            batch: The rows that ``x`` is of, shape ``(E, B, d)``, as for a denoiser.
        """
        noisy = x + sigma * noise
        noise = mean_noise(x, sigma, noise, batch, student_kernel(self.nu, x.shape[-1]))
        line, factor = self.coefficients(noisy, sigma)
        error = self.correction(noisy, sigma) - (noise - line * noisy) / factor
        weight = far_weight(self._unit(noisy, sigma), damping)
        return (weight * error.square()).mean((-2, -1)).float()
