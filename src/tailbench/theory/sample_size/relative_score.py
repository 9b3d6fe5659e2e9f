r"""Score networks for the density relative to the standard Gaussian, and the law they generate.

Relative to :math:`N(0, I)` the noised law of the Ornstein-Uhlenbeck process has the log-density
:math:`\log h_t`, and its score is :math:`-x + \nabla \log h_t(x)`. The network gives the second
part as :math:`e^{-t} \sum_j a_j \tanh(w_j \cdot (e^{-t} x, e^{-t}, 1))`, whose divergence is known
in closed form; so is then the density of what the probability-flow equation generates, up to the
error of its integration. The networks of a stack (``E``) are trained side by side.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

__all__ = ["Network", "log_generated", "train"]

Field = Callable[[Tensor, float], tuple[Tensor, Tensor]]
"""Gives the gradient of ``log h_t``, shape ``(E, n, d)``, and its divergence, shape ``(E, n)``."""


class Network(torch.nn.Module):
    """Two-layer networks of a stack.

    Args:
        networks: Number of networks ``E``.
        dim: Dimension ``d`` of the points.
        width: Number of neurons.
        generator: Generator of the initial weights.
    """

    def __init__(self, networks: int, dim: int, width: int, generator: torch.Generator) -> None:
        super().__init__()
        inner = torch.randn(1, dim + 2, width, generator=generator, dtype=torch.float32)
        inner = inner.repeat(networks, 1, 1) / math.sqrt(dim)
        self.inner = torch.nn.Parameter(inner)
        self.outer = torch.nn.Parameter(torch.zeros(networks, width, dim))

    def forward(self, x: Tensor, decay: Tensor) -> Tensor:
        """Return the gradient of ``log h_t`` at ``x``.

        Args:
            x: Points, shape ``(E, n, d)``.
            decay: ``exp(-t)`` for each point, shape ``(E, n, 1)``.
        """
        inputs = torch.cat([decay * x, decay, torch.ones_like(decay)], dim=-1)
        return decay * torch.bmm(torch.tanh(torch.bmm(inputs, self.inner)), self.outer)

    def field(self, x: Tensor, t: float) -> tuple[Tensor, Tensor]:
        """Return the gradient and its divergence at one time."""
        decay = math.exp(-t)
        ones = torch.ones_like(x[..., :1])
        inputs = torch.cat([decay * x, decay * ones, ones], dim=-1)
        hidden = torch.tanh(torch.bmm(inputs, self.inner.to(x)))
        outer = self.outer.to(x)
        dim = x.shape[-1]
        trace = (self.inner.to(x)[:, :dim].transpose(1, 2) * outer).sum(dim=-1)  # (E, width)
        divergence = torch.einsum("enw,ew->en", 1 - hidden**2, trace) * decay**2
        return decay * torch.bmm(hidden, outer), divergence

    def path_norm(self) -> Tensor:
        """Return the sum over neurons of the products of their two norms, shape ``(E,)``."""
        return (self.inner.norm(dim=1) * self.outer.norm(dim=2)).sum(dim=1)


def train(
    data: list[Tensor],
    width: int,
    steps: int,
    batch: int,
    rate: float,
    penalty: float,
    times: tuple[float, float],
    seed: int,
    device: str = "cpu",
) -> Network:
    """Train one network per set of data by empirical score matching, with fresh noise.

    The loss weighs each time by the variance of its noise, and has the path norm times
    ``penalty / sqrt(n)`` added: the bound on the parameters that the theory asks for.

    Args:
        data: The training points of each network, shape ``(n, d)``.
        width: Number of neurons.
        steps: Steps of Adam, with a rate that falls to 0 by a cosine.
        batch: Batch size.
        rate: Learning rate at the start.
        penalty: Weight of the path norm.
        times: Least and greatest forward time.
        seed: Seed of weights, batches and noise.
        device: Where to compute.
    """
    generator = torch.Generator().manual_seed(seed)
    sizes = torch.tensor([len(x) for x in data])
    networks, dim = len(data), data[0].shape[1]
    network = Network(networks, dim, width, generator).to(device)
    optimizer = torch.optim.Adam(network.parameters(), lr=rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    offsets = torch.cat([torch.zeros(1, dtype=torch.long), sizes.cumsum(0)[:-1]])
    points = torch.cat(data).to(device, torch.float32)
    weight = (penalty / sizes.sqrt()).to(device)
    low, high = times
    for _ in range(steps):
        picks = (torch.rand(networks, batch, generator=generator) * sizes[:, None]).long()
        x = points[(picks + offsets[:, None]).to(device)]
        t = low + (high - low) * torch.rand(networks, batch, 1, generator=generator)
        noise = torch.randn(networks, batch, dim, generator=generator).to(device)
        decay = torch.exp(-t).to(device)
        std = torch.sqrt(1 - decay**2)
        y = decay * x + std * noise
        error = std * (network(y, decay) - y) + noise
        loss = (error.square().sum(dim=-1).mean(dim=1) + weight * network.path_norm()).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return network.requires_grad_(False)


def log_generated(field: Field, x: Tensor, times: tuple[float, float], steps: int = 40) -> Tensor:
    r"""Return the log-density of what the probability-flow equation makes of ``N(0, I)``.

    Points go forward by :math:`\dot x = -\nabla \log \hat h_t(x)`, by the classical method of Runge
    and Kutta, and the divergence is integrated beside them.

    Args:
        field: Gradient and divergence.
        x: Points at the least time, shape ``(E, n, d)``.
        times: Least and greatest forward time.
        steps: Steps of the integration.

    Returns:
        Log-densities at the least time, shape ``(E, n)``.
    """
    low, high = times
    # the same share of each step in log(1 - exp(-2t)): the field changes fastest near time 0
    u = torch.linspace(math.log(low), math.log(high), steps + 1, dtype=torch.float64).exp()
    total = torch.zeros_like(x[..., 0])
    for t, s in zip(u[:-1].tolist(), u[1:].tolist(), strict=True):
        h = s - t
        k1, d1 = field(x, t)
        k2, d2 = field(x - 0.5 * h * k1, t + 0.5 * h)
        k3, d3 = field(x - 0.5 * h * k2, t + 0.5 * h)
        k4, d4 = field(x - h * k3, s)
        x = x - h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        total = total - h / 6 * (d1 + 2 * d2 + 2 * d3 + d4)
    return total - 0.5 * x.square().sum(dim=-1) - 0.5 * x.shape[-1] * math.log(2 * math.pi)
