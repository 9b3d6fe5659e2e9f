"""Coupling flows of rational-quadratic splines.

References:
    Durkan, Bekasov, Murray and Papamakarios, Neural spline flows, 2019.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from tailbench.flows.linear import LinearMixing
from tailbench.flows.spline import spline, spline_inverse
from tailbench.networks.mlp import ResidualMLP

__all__ = ["CouplingFlow"]


class CouplingFlow(nn.Module):
    """An invertible map of each seed, by layers that transform one half given the other.

    In one dimension there is no other half, and each layer's spline is unconditional. Beyond
    ``bound`` a spline is the identity, and each layer undoes its permutation, so the tail of
    every coordinate of the base is that of the same coordinate of the output.

    Args:
        generators: One generator per seed, for the initial weights and the permutations.
        dim: Dimension ``d``.
        layers: Number of pairs of couplings: each pair transforms every coordinate once.
        bins: Bins of each spline.
        bound: Splines act on ``[-bound, bound]``.
        width: Width of the conditioning networks.
        num_blocks: Residual blocks of the conditioning networks.
        context: Number of further values that every conditioning network is given.
        mixing: A linear layer after each pair, towards the base; the tails are then its matter.
    """

    permutations: Tensor

    def __init__(
        self,
        generators: Sequence[torch.Generator],
        dim: int,
        layers: int,
        bins: int,
        bound: float,
        width: int,
        num_blocks: int,
        context: int = 0,
        mixing: LinearMixing | None = None,
    ) -> None:
        super().__init__()
        self.dim, self.bins, self.bound = dim, bins, bound
        self.mixing = mixing
        self.front = dim - dim // 2  # transformed by a layer; the rest conditions it
        draws = [
            torch.stack([torch.randperm(dim, generator=g) for _ in range(layers)])
            for g in generators
        ]
        self.register_buffer("permutations", torch.stack(draws))  # (E, layers, d)
        self.conditioners = nn.ModuleList(
            ResidualMLP(
                generators,
                inputs=max(2 * (dim - size) + context, 1),
                outputs=size * (3 * bins - 1),
                width=width,
                num_blocks=num_blocks,
            )
            for _ in range(layers)
            for size in self._sizes()
        )

    def _sizes(self) -> tuple[int, ...]:
        return (self.front, self.dim - self.front) if self.dim > 1 else (1,)

    def _knots(self, index: int, given: Tensor, size: int, context: Tensor | None) -> Tensor:
        """Compute the parameters of a layer's splines, ``(E, n, size, 3 bins - 1)``."""
        further = [] if context is None else [context]
        features = torch.cat(
            [given.clamp(-self.bound, self.bound), given.asinh(), *further], dim=-1
        )
        if features.shape[-1] == 0:
            features = given.new_zeros(*given.shape[:-1], 1)
        return self.conditioners[index](features).unflatten(-1, (size, 3 * self.bins - 1))

    def _gather(self, x: Tensor, layer: int, invert: bool = False) -> Tensor:
        order = self.permutations[:, layer]
        if invert:
            order = order.argsort(-1)
        return x.gather(-1, order.unsqueeze(1).expand_as(x))

    def inverse(self, x: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Map data to the base: ``(E, n, d)`` and the log-determinant ``(E, n)``.

        Args:
            x: Data, shape ``(E, n, d)``.
            context: What the flow is conditional on, shape ``(E, n, c)``.
        """
        ladj = x.new_zeros(x.shape[:-1])
        sizes = self._sizes()
        for layer in range(self.permutations.shape[1]):
            x = self._gather(x, layer)
            first, second = x[..., : self.front], x[..., self.front :]
            parameters = self._knots(len(sizes) * layer, second, first.shape[-1], context)
            first, change = spline(parameters, first, self.bins, self.bound)
            ladj = ladj + change.sum(-1)
            if self.dim > 1:
                parameters = self._knots(len(sizes) * layer + 1, first, second.shape[-1], context)
                second, change = spline(parameters, second, self.bins, self.bound)
                ladj = ladj + change.sum(-1)
            x = self._gather(torch.cat([first, second], dim=-1), layer, invert=True)
            if self.mixing is not None:
                x, change = self.mixing.inverse(x, layer)
                ladj = ladj + change
        return x, ladj

    def forward(self, z: Tensor, context: Tensor | None = None) -> Tensor:
        """Map the base to data, ``(E, n, d)``, as ``inverse`` back: each network once."""
        sizes = self._sizes()
        for layer in reversed(range(self.permutations.shape[1])):
            if self.mixing is not None:
                z = self.mixing(z, layer)
            z = self._gather(z, layer)
            first, second = z[..., : self.front], z[..., self.front :]
            if self.dim > 1:
                parameters = self._knots(len(sizes) * layer + 1, first, second.shape[-1], context)
                second = spline_inverse(parameters, second, self.bins, self.bound)
            parameters = self._knots(len(sizes) * layer, second, first.shape[-1], context)
            first = spline_inverse(parameters, first, self.bins, self.bound)
            z = self._gather(torch.cat([first, second], dim=-1), layer, invert=True)
        return z
