"""A coupling flow with a tail layer and a base, as one module."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from tailbench.flows.coupling import CouplingFlow
from tailbench.margins.tail_transform import TailTransform

__all__ = ["TailedFlow", "student_from_gaussian", "student_log_prob"]

LEAST = 1e-3  # degrees of freedom that can be learned


def student_log_prob(z: Tensor, index: Tensor) -> Tensor:
    r"""Return the log-density of Student-t of :math:`\nu = 1/\lambda`, Gaussian where it is 0.

    Args:
        z: Values, shape ``(E, n, d)``.
        index: :math:`\lambda`, broadcast against ``z``.
    """
    gaussian = -0.5 * z.square() - 0.5 * math.log(2.0 * math.pi)
    heavy = index > 0
    nu = 1.0 / torch.where(heavy, index, torch.ones_like(index))
    half = 0.5 * (nu + 1.0)
    student = (
        torch.lgamma(half)
        - torch.lgamma(0.5 * nu)
        - 0.5 * (math.pi * nu).log()
        - half * (z.square() / nu).log1p()
    )
    return torch.where(heavy, student, gaussian)


def student_from_gaussian(z: Tensor, index: Tensor) -> Tensor:
    """Map standard Gaussian values to Student-t ones by their quantiles, in double precision."""
    heavy = index > 0
    if not bool(heavy.any()):
        return z.double()
    from scipy.special import stdtrit

    nu = 1.0 / torch.where(heavy, index, torch.ones_like(index))
    tail = 0.5 * torch.special.erfc(z.double().abs() / math.sqrt(2.0))  # ndtr is inexact beyond 6
    nu, tail = torch.broadcast_tensors(nu, tail)
    t = torch.from_numpy(-stdtrit(nu.cpu().numpy(), tail.cpu().numpy())).to(z.device)
    return torch.where(heavy, z.sign() * t, z.double())


class TailedFlow(nn.Module):
    r"""Base, coupling layers and tail transform of each seed.

    Args:
        coupling: The coupling layers.
        location: Location of the tail transform, shape ``(E, d)``, in units of the data.
        scale: Its scale, shape ``(E, d)``, in units of the data.
        shape: Its tail index, shape ``(E, d)``; 0 is an affine map.
        student: Inverse degrees of freedom of the base, shape ``(E, d)``; 0 is Gaussian.
        noise: Standard deviation of the noise that training adds, ``(E, d)``, in units of the data.
        learned: Let the training change the degrees of freedom of the base, which are
            :math:`\nu = \log(1 + e^r) + 0.001` of a parameter ``r``, from those of ``student``.
        low_shape: Tail index of the lower side of the tail transform, if it has its own.
    """

    location: Tensor
    scale: Tensor
    shape: Tensor
    student: Tensor
    noise: Tensor
    low_shape: Tensor | None

    def __init__(
        self,
        coupling: CouplingFlow,
        location: Tensor,
        scale: Tensor,
        shape: Tensor,
        student: Tensor,
        noise: Tensor,
        learned: bool = False,
        low_shape: Tensor | None = None,
    ) -> None:
        super().__init__()
        self.coupling = coupling
        constants = {
            "location": location,
            "scale": scale,
            "shape": shape,
            "student": student,
            "noise": noise,
        }
        for name, value in constants.items():
            self.register_buffer(name, value, persistent=False)
        self.register_buffer("low_shape", low_shape, persistent=False)
        self.degrees: nn.Parameter | None = None
        if learned:
            excess = 1.0 / student - LEAST
            self.degrees = nn.Parameter((excess + torch.log(-torch.expm1(-excess))).float())

    @property
    def inputs(self) -> int:
        """Gaussian values of a sample."""
        return self.coupling.dim

    @property
    def index(self) -> Tensor:
        """Inverse degrees of freedom of the base, shape ``(E, d)``; 0 is Gaussian."""
        if self.degrees is None:
            return self.student
        return 1.0 / (nn.functional.softplus(self.degrees) + LEAST)

    @property
    def tail(self) -> TailTransform:
        """The tail transform."""
        return TailTransform(self.location, self.scale, self.shape, self.low_shape)

    def latent_log_prob(self, z: Tensor) -> Tensor:
        """Return the log-density of what the tail layer leaves, ``z`` ``(E, n, d)``: ``(E, n)``."""
        base, ladj = self.coupling.inverse(z)
        index = self.index.unsqueeze(-2).to(base.dtype)
        return student_log_prob(base, index).sum(-1) + ladj

    def log_prob(self, x: Tensor) -> Tensor:
        """Return the log-density of data ``x`` ``(E, n, d)``, shape ``(E, n)``, in float64."""
        z = self.tail.inverse(x)
        dtype = next(self.parameters()).dtype
        inner = self.latent_log_prob(z.to(dtype)).double()
        return inner - self.tail.log_abs_det_jacobian(z)

    def forward(self, gaussian: Tensor) -> Tensor:
        """Map standard Gaussian values ``(E, n, d)`` to data, in double precision."""
        base = student_from_gaussian(gaussian, self.index.detach().unsqueeze(-2))
        dtype = next(self.parameters()).dtype
        return self.tail(self.coupling(base.to(dtype)))

    def loss(self, batch: Tensor, draw: Tensor | None = None) -> Tensor:
        """Return minus the mean log-density per dimension of each seed, shape ``(E,)``.

        Args:
            batch: Latent values; or data, in double precision, if noise is drawn.
            draw: Standard Gaussian noise to add to the data, of the shape of ``batch``.
        """
        if draw is not None:
            noisy = batch + self.noise.unsqueeze(-2) * draw
            batch = self.tail.inverse(noisy).to(draw.dtype)
        return -self.latent_log_prob(batch).mean(-1) / batch.shape[-1]
