"""Multilayer perceptrons of a seed block.

All parameters carry a leading axis ``E``: the seeds share no number, and one matrix product
serves all of them, which lets a GPU train many small networks at the price of one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tailbench.networks.embeddings import NOISE_FEATURES, noise_features, radial_features

__all__ = ["Linear", "ResidualMLP", "ScoreMLP"]


class Linear(nn.Module):
    r"""An affine map of each seed, :math:`x W_e + b_e`.

    Args:
        generators: One generator per seed, for the initial weights.
        inputs: Width of the input.
        outputs: Width of the output.
        gain: Factor on the initial weights, which are uniform of variance ``gain^2 / (3 inputs)``.
    """

    def __init__(
        self, generators: Sequence[torch.Generator], inputs: int, outputs: int, gain: float = 1.0
    ) -> None:
        super().__init__()
        bound = gain / math.sqrt(inputs)
        draws = [torch.rand(inputs, outputs, generator=g) for g in generators]
        self.weight = nn.Parameter((2.0 * torch.stack(draws) - 1.0) * bound)  # (E, in, out)
        self.bias = nn.Parameter(torch.zeros(len(generators), 1, outputs))

    def forward(self, x: Tensor) -> Tensor:
        """Map ``x`` ``(E, n, in)``, or ``(1, n, in)`` for all seeds, to ``(E, n, out)``."""
        seeds = self.weight.shape[0]
        if seeds == 1:
            return torch.addmm(self.bias[0], x[0], self.weight[0]).unsqueeze(0)
        return torch.baddbmm(self.bias, x.expand(seeds, -1, -1), self.weight)


class ResidualMLP(nn.Module):
    r"""A perceptron with residual blocks, each of which may be told a condition.

    .. math:: h_0 = W_{in} x, \quad
        h_{l+1} = h_l + W'_l \,\mathrm{silu}(W_l \,\mathrm{silu}(h_l) + V_l c), \quad
        y = W_{out} \,\mathrm{silu}(h_L)

    Args:
        generators: One generator per seed, for the initial weights.
        inputs: Width of the input.
        outputs: Width of the output.
        width: Width of the hidden layers.
        num_blocks: Number of residual blocks.
        condition: Width of the condition; 0 for none.
        zero: Start with an output of zero.
    """

    output_parameters = ("leave.weight",)

    def __init__(
        self,
        generators: Sequence[torch.Generator],
        inputs: int,
        outputs: int,
        width: int,
        num_blocks: int,
        condition: int = 0,
        zero: bool = True,
    ) -> None:
        super().__init__()
        self.enter = Linear(generators, inputs, width)
        self.first = nn.ModuleList(Linear(generators, width, width) for _ in range(num_blocks))
        self.second = nn.ModuleList(
            Linear(generators, width, width, gain=0.5) for _ in range(num_blocks)
        )
        self.told = nn.ModuleList(
            Linear(generators, condition, width) for _ in range(num_blocks if condition else 0)
        )
        self.leave = Linear(generators, width, outputs, gain=0.0 if zero else 1.0)

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """Evaluate at ``x`` ``(E, n, in)``; a condition ``(E or 1, n or 1, c)``."""
        h = self.enter(x)
        for index, (first, second) in enumerate(zip(self.first, self.second, strict=True)):
            inner = first(F.silu(h))
            if condition is not None:
                inner = inner + self.told[index](condition)
            h = h + second(F.silu(inner))
        return self.leave(F.silu(h))


class ScoreMLP(nn.Module):
    """A noise-conditional perceptron.

    Args:
        generators: One generator per seed, for the initial weights.
        dim: Dimension ``d``.
        width: Width of the hidden layers.
        num_blocks: Number of residual blocks.
    """

    def __init__(
        self, generators: Sequence[torch.Generator], dim: int, width: int, num_blocks: int
    ) -> None:
        super().__init__()
        self.network = ResidualMLP(
            generators,
            inputs=2 * dim + 1,
            outputs=dim,
            width=width,
            num_blocks=num_blocks,
            condition=NOISE_FEATURES,
        )

    def forward(self, x: Tensor, sigma: Tensor) -> Tensor:
        """Evaluate at ``x`` ``(E, n, d)`` and noise levels ``(E or 1, n or 1, 1)``."""
        return self.network(radial_features(x), noise_features(sigma))
