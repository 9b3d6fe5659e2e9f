r"""A variational autoencoder all of whose laws are Student's, and what it is trained by.

With ``n`` columns, ``m`` latent ones, :math:`D = \nu + m + n`, and
:math:`\|r\|^2 = \sum_j (x_j - \mu_j(z))^2 / \sigma_j^2`,

.. math:: z \sim t_m(0, I, \nu), \qquad
    x | z \sim t_n\left(\mu(z), \frac{\nu + \|z\|^2}{\nu + m} \mathrm{diag}(\sigma^2),
    \nu + m\right), \qquad p(x, z) \propto \left(1 + \frac{\|z\|^2 + \|r\|^2}{\nu}\right)^{-D/2},
    \qquad q(z | x) = t_m\left(\mu(x), \frac{\nu}{\nu + n} \mathrm{diag}(v(x)), \nu + n\right).

Objectives are functions of one seed's rows. As ``nu`` grows all three become the Gaussian one.

References:
    Kim, Kwon, Cho and Park, t3-variational autoencoder, 2024.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from tailbench.networks.embeddings import radial_features
from tailbench.networks.mlp import Linear, ResidualMLP
from tailbench.networks.ray_mlp import RayMLP, radius

__all__ = ["Encoded", "StudentVAE", "gaussian_bound", "power_divergence", "student_bound"]


@dataclass(frozen=True)
class Encoded:
    """What an objective needs of ``B`` rows, each with one draw of its latent.

    Attributes:
        residual: Squared residual over the noise's squared scale, summed, shape ``(B,)``.
        latent: Squared norm of the drawn latent, shape ``(B,)``.
        mean: Location of the encoder, shape ``(B, m)``.
        log_variance: Logarithm of its squared scales ``v``, shape ``(B, m)``.
        log_sigma: Logarithm of the scales of the decoder's noise, shape ``(n,)``.
    """

    residual: Tensor
    latent: Tensor
    mean: Tensor
    log_variance: Tensor
    log_sigma: Tensor


def _log_constant(nu: float, dim: int) -> float:
    """Return the logarithm of the density of a standard Student-t law at zero."""
    half = math.lgamma(0.5 * (nu + dim)) - math.lgamma(0.5 * nu)
    return half - 0.5 * dim * math.log(math.pi * nu)


def gaussian_bound(rows: Encoded) -> Tensor:
    """Return minus the evidence lower bound of each row ``(B,)`` where all laws are Gaussian."""
    divergence = rows.mean.square() + rows.log_variance.exp() - 1.0 - rows.log_variance
    constant = 0.5 * len(rows.log_sigma) * math.log(2.0 * math.pi) + rows.log_sigma.sum()
    return constant + 0.5 * (rows.residual + divergence.sum(-1))


def student_bound(rows: Encoded, nu: float) -> Tensor:
    r"""Return minus the evidence lower bound of each row ``(B,)``, :math:`-E \log p + E \log q`.

    The entropy is exact, :math:`\log p(x, z)` at the drawn latent. It grows like the logarithm of
    the row, and has a mean for every ``nu``.
    """
    m, n = rows.mean.shape[-1], len(rows.log_sigma)
    half = 0.5 * (nu + m + n)
    joint = half * ((rows.latent + rows.residual) / nu).log1p()
    joint = joint + rows.log_sigma.sum() - _log_constant(nu, m + n)
    ends = torch.special.digamma(torch.tensor([half, 0.5 * (nu + n)], dtype=torch.float64))
    spread = half * float(ends[0] - ends[1]) - _log_constant(nu + n, m)
    scale = 0.5 * (rows.log_variance.sum(-1) + m * math.log(nu / (nu + n)))
    return joint - scale - spread


def power_divergence(rows: Encoded, nu: float) -> Tensor:
    r"""Return the power divergence from encoder to model of each row, shape ``(B,)``.

    .. math:: \frac{1}{|\gamma|} \left( E_q \left[ \left( \frac{p(x, z)}{\|p\|_{1+\gamma}}
        \right)^{\gamma} \right] - \|q(\cdot | x)\|_{1+\gamma} \right), \qquad
        \gamma = -\frac2D, \qquad \|f\|_a = \left( \int f^a \right)^{1/a}.

    The first term is a line in squares, of which that of the latent is exact. The second should be
    the norm of the joint law of data and encoder, which cannot be computed; as published, the mean
    over the data of the encoder's own stands for it. What is lost is a factor of the order of the
    norm of the law of the data, without which the spread of the encoder counts for less than it
    should. :math:`\|p\|_{1+\gamma}` needs ``nu`` above 2.

    Raises:
        ValueError: If ``nu`` is at most 2.

    References:
        Kim et al., 2024; Eguchi, Pythagoras theorem in information geometry and applications to
        generalized linear models, 2021 (the divergence).
    """
    if nu <= 2.0:
        raise ValueError(f"the power divergence needs nu above 2, not {nu:g}")
    m, n = rows.mean.shape[-1], len(rows.log_sigma)
    total = nu + m + n
    slope = -2.0 / (total - 2.0)  # gamma / (1 + gamma)
    trace = rows.log_variance.exp().sum(-1) * nu / (nu + n - 2.0)
    squares = rows.residual + rows.mean.square().sum(-1) + trace
    known = _log_constant(nu, m + n) - math.log1p((m + n) / (nu - 2.0))
    cross = slope * (known - rows.log_sigma.sum())
    own = 0.5 * m * math.log1p(n / nu) + _log_constant(nu + n, m)
    norm = slope * (own - 0.5 * rows.log_variance.sum(-1))
    norm = norm + total / (total - 2.0) * math.log1p(m / (nu + n - 2.0))
    # differences from one, which nearly cancel where nu is large
    return 0.5 * total * (cross.expm1() - norm.expm1() + cross.exp() * squares / nu)


class StudentVAE(nn.Module):
    r"""Encoder and decoder of each seed; Gaussian ones where ``nu`` is infinite.

    The decoder's location is a :class:`tailbench.networks.ray_mlp.RayMLP` of the latent, so that
    samples have the tail index ``nu``; untrained it is a line :math:`Wz`, and samples are exactly
    :math:`t_n(0, W^\top W + \mathrm{diag}(\sigma^2), \nu)`, with rows for vectors.

    Args:
        generators: One generator per seed, for the initial weights.
        nu: Degrees of freedom of each seed, shape ``(E,)``; infinite for Gaussian laws.
        dim: Columns ``n``.
        latent: Latent columns ``m``.
        width: Width of the hidden layers.
        num_blocks: Residual blocks of encoder and of decoder.
        sigma: Scale of the decoder's noise in every column; learned, from one on, if left out.
        power: Train by the power divergence where ``nu`` is above 2; else by the bound.
    """

    nu: Tensor
    log_sigma: Tensor
    output_parameters = ("line.weight",)

    def __init__(
        self,
        generators: Sequence[torch.Generator],
        nu: Tensor,
        dim: int,
        latent: int,
        width: int,
        num_blocks: int,
        sigma: float | None = None,
        power: bool = False,
    ) -> None:
        super().__init__()
        self.power, self.latent = power, latent
        self.line = Linear(generators, dim, latent)
        self.encoder = ResidualMLP(generators, 2 * dim + 1, 2 * latent, width, num_blocks)
        self.decoder = RayMLP(generators, latent, dim, width, num_blocks)
        scale = torch.full((len(generators), 1, dim), math.log(sigma or 1.0))
        if sigma is None:
            self.log_sigma = nn.Parameter(scale)
        else:
            self.register_buffer("log_sigma", scale, persistent=False)
        self.register_buffer("nu", nu.double().view(-1, 1, 1), persistent=False)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return location and log squared scale ``(E, B, m)`` of the latents of rows, float64."""
        x = x.double()
        far = radius(x)
        single = self.line.weight.dtype
        told = self.encoder(radial_features(x).to(single))
        shift, log_variance = told.double().chunk(2, dim=-1)
        return far * (self.line((x / far).to(single)).double() + shift), log_variance

    def forward(self, prior: Tensor, noise: Tensor) -> Tensor:
        """Map draws to data, shape ``(E, B, n)``, in double precision.

        Args:
            prior: Standard Student-t vectors of ``nu``, shape ``(E, B, m)``.
            noise: Standard Student-t vectors of ``nu + m``, shape ``(E, B, n)``.
        """
        far = 1.0 + prior.square().sum(-1, keepdim=True) / self.nu
        scale = (far / (1.0 + self.latent / self.nu)).sqrt() * self.log_sigma.double().exp()
        return self.decoder(prior) + scale * noise

    def loss(self, x: Tensor, noise: Tensor) -> Tensor:
        """Return the objective of each seed per column, shape ``(E,)``.

        Args:
            x: Data in the model's units, shape ``(E, B, n)``.
            noise: Standard Student-t vectors of ``nu + n``, shape ``(E, B, m)``.
        """
        mean, log_variance = self.encode(x)
        shrink = (1.0 + x.shape[-1] / self.nu).rsqrt()
        latent = mean + shrink * (0.5 * log_variance).exp() * noise
        log_sigma = self.log_sigma.double()
        residual = (x - self.decoder(latent)) * (-log_sigma).exp()
        squares, norms = residual.square().sum(-1), latent.square().sum(-1)
        losses = [
            self._objective(
                Encoded(squares[e], norms[e], mean[e], log_variance[e], log_sigma[e, 0]), nu
            ).mean()
            for e, nu in enumerate(self.nu.flatten().tolist())
        ]
        return torch.stack(losses).float() / x.shape[-1]

    def _objective(self, rows: Encoded, nu: float) -> Tensor:
        """Return the objective of the rows of one seed."""
        if math.isinf(nu):
            return gaussian_bound(rows)
        if self.power and nu > 2.0:
            return power_divergence(rows, nu)
        return student_bound(rows, nu)
