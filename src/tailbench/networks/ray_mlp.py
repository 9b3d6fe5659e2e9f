"""A perceptron of a seed block that is linear along every ray far out."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from tailbench.networks.mlp import Linear, ResidualMLP

__all__ = ["RayMLP", "radius"]


def radius(x: Tensor) -> Tensor:
    r"""Return :math:`\rho(x) = \sqrt{1 + \frac1d \sum_j x_j^2}` of ``(..., d)``: ``(..., 1)``."""
    return (1.0 + x.square().mean(-1, keepdim=True)).sqrt()


class RayMLP(nn.Module):
    r"""A perceptron times the radius of its input.

    .. math:: f(x) = \rho(x)\, (W u + F(u)), \qquad u = x / \rho(x), \qquad
        \rho(x) = \sqrt{1 + \tfrac1d \|x\|^2}.

    The point ``u`` lies in a ball, on which ``F`` is bounded, so that
    :math:`f(rx)/r \to f_\infty(x)` as ``r`` grows: a power law of the input keeps its tail index,
    and its far values may be of any size and sign in each direction. Radius and product are in
    double precision, the network in single.

    Args:
        generators: One generator per seed, for the initial weights.
        inputs: Width ``d`` of the input.
        outputs: Width of the output.
        width: Width of the hidden layers of ``F``, which starts as zero.
        num_blocks: Number of its residual blocks.
    """

    output_parameters = ("line.weight",)

    def __init__(
        self,
        generators: Sequence[torch.Generator],
        inputs: int,
        outputs: int,
        width: int,
        num_blocks: int,
    ) -> None:
        super().__init__()
        self.line = Linear(generators, inputs, outputs)
        self.network = ResidualMLP(generators, inputs, outputs, width, num_blocks)

    def forward(self, x: Tensor) -> Tensor:
        """Evaluate at ``x`` ``(E, n, inputs)``, shape ``(E, n, outputs)``, in double precision."""
        far = radius(x.double())
        u = (x / far).to(self.line.weight.dtype)
        return far * (self.line(u) + self.network(u)).double()
