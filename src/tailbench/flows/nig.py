"""A coupling flow whose base has normal-inverse Gaussian columns that are learned with it."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from tailbench.flows.coupling import CouplingFlow
from tailbench.flows.tailed import TailedFlow
from tailbench.stats.normal_inverse_gaussian import quantile_of_gaussian

__all__ = ["NormalInverseGaussianFlow", "log_scaled_bessel_k1", "nig_log_prob"]

LEAST = 0.01  # steepness that can be learned; with less, the tails are those of a power law
MOST = 0.95  # skewness that can be learned
START = 1.0  # steepness


class _LogScaledBesselK1(torch.autograd.Function):
    r""":math:`\log(e^x K_1(x))`, of which PyTorch has no derivative."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return torch.special.scaled_modified_bessel_k1(x).log()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        k0, k1 = (
            bessel(x)
            for bessel in (
                torch.special.scaled_modified_bessel_k0,
                torch.special.scaled_modified_bessel_k1,
            )
        )
        return gradient * (1.0 - k0 / k1 - 1.0 / x)


def log_scaled_bessel_k1(x: Tensor) -> Tensor:
    r"""Compute :math:`\log(e^x K_1(x))` at ``x > 0`` in double precision, with its gradient.

    It has no over- or underflow where ``x`` is from 1e-300 to 1e300.
    """
    value: Tensor = _LogScaledBesselK1.apply(x.double())
    return value


def nig_log_prob(x: Tensor, steepness: Tensor, skewness: Tensor) -> Tensor:
    r"""Return the log-density of the law of mean 0 and variance 1, in double precision.

    The formula is that of ``tailbench.stats.normal_inverse_gaussian``.

    Args:
        x: Values.
        steepness: ``a``, positive, broadcast against ``x``.
        skewness: :math:`\rho`, between -1 and 1, broadcast against ``x``.
    """
    x, a, rho = x.double(), steepness.double(), skewness.double()
    c = ((1.0 - rho) * (1.0 + rho)).sqrt()
    delta = c * (a * c).sqrt()
    y = x / delta + rho / c
    q = torch.hypot(y, torch.ones_like(y))
    rest = log_scaled_bessel_k1(a * q) - q.log() + (a / (math.pi * delta)).log()
    return rest + a * (c + rho * y - q)


class NormalInverseGaussianFlow(TailedFlow):
    r"""Coupling layers before a base of independent normal-inverse Gaussian columns.

    Each column has a steepness, a skewness, a location and a scale, learned by likelihood with the
    layers. At first it is symmetric, of the steepness 1, with the quartiles of a standard Gaussian.

    Args:
        coupling: The coupling layers.
        location: As in ``TailedFlow``, like the next four.
        scale: Scale of the affine map.
        shape: Tail index of the tail transform; 0 for the affine map.
        student: Inverse degrees of freedom, 0: they are of another base.
        noise: Standard deviation of the noise that training adds.

    References:
        Drissi, Lévy-Flow models: heavy-tail-aware normalizing flows for financial risk management,
        2026 (the base); Barndorff-Nielsen, Normal inverse Gaussian distributions and stochastic
        volatility modelling, 1997 (the law).
    """

    def __init__(
        self,
        coupling: CouplingFlow,
        location: Tensor,
        scale: Tensor,
        shape: Tensor,
        student: Tensor,
        noise: Tensor,
    ) -> None:
        super().__init__(coupling, location, scale, shape, student, noise)
        quartile = quantile_of_gaussian(torch.tensor([0.6744897501960817]).numpy(), START, 0.0)
        seeds, dim = self.location.shape
        raw = torch.zeros(4, dtype=torch.float64)
        raw[0] = math.log(math.expm1(START - LEAST))
        raw[3] = math.log(0.6744897501960817 / float(quartile[0]))
        self.columns = nn.Parameter(raw.view(1, 4, 1).repeat(seeds, 1, dim).float())

    def base_columns(self) -> Tensor:
        """Return steepness, skewness, location and scale of the columns, ``(4, E, d)``, float64."""
        a, rho, location, scale = self.columns.double().unbind(1)
        steepness = nn.functional.softplus(a) + LEAST
        return torch.stack([steepness, MOST * rho.tanh(), location, scale.exp()])

    def latent_log_prob(self, z: Tensor) -> Tensor:
        """Return the log-density of what the tail layer leaves, ``z`` ``(E, n, d)``: ``(E, n)``."""
        base, ladj = self.coupling.inverse(z)
        a, rho, location, scale = self.base_columns().unsqueeze(-2)
        log_p = nig_log_prob((base - location) / scale, a, rho) - scale.log()
        return log_p.sum(-1).to(base.dtype) + ladj

    def forward(self, gaussian: Tensor) -> Tensor:
        """Map standard Gaussian values ``(E, n, d)`` to data, in double precision."""
        z = gaussian.detach().double().cpu().numpy()
        columns = self.base_columns().detach().cpu().numpy()
        base = torch.empty(z.shape, dtype=torch.float64)
        for e in range(z.shape[0]):
            for j in range(z.shape[2]):
                a, rho, location, scale = (float(value) for value in columns[:, e, j])
                x = location + scale * quantile_of_gaussian(z[e, :, j], a, rho)
                base[e, :, j] = torch.from_numpy(x)
        dtype = next(self.parameters()).dtype
        return self.tail(self.coupling(base.to(gaussian.device, dtype)))
