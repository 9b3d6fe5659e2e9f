"""Linear layers between couplings, which mix columns without making light ones heavy."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["LinearMixing"]


class LinearMixing(nn.Module):
    r"""One invertible matrix of each seed and layer, the identity at first.

    With the light columns first, a matrix from data to the base is

    .. math::
        M = L U = \begin{pmatrix} A & 0 \\ B & C \end{pmatrix},

    ``L`` unit lower and ``U`` upper triangular with a positive diagonal, so that a light column of
    the data is made of light columns of the base alone, and a heavy one of all. Its inverse has
    the same form. Heavy columns share the tail of the heaviest among those that they are mixed of.

    Args:
        heavy: Which columns are heavy, shape ``(E, d)``. With none or all of them, ``M`` is full.
        layers: Number of matrices.

    References:
        Laszkiewicz, Lederer and Fischer, Marginal tail-adaptive normalizing flows, 2022 (the
        blocks); Kingma and Dhariwal, Glow, 2018 (triangular factors).
    """

    order: Tensor
    above: Tensor

    def __init__(self, heavy: Tensor, layers: int) -> None:
        super().__init__()
        seeds, dim = heavy.shape
        order = heavy.to(torch.uint8).argsort(dim=-1, stable=True)
        sides = heavy.gather(-1, order)
        crosses = ~sides.unsqueeze(-1) & sides.unsqueeze(-2)  # light row, heavy column
        above = torch.ones(dim, dim, device=heavy.device).triu(1) * ~crosses
        self.register_buffer("order", order, persistent=False)
        self.register_buffer("above", above, persistent=False)
        self.lower = nn.Parameter(torch.zeros(seeds, layers, dim, dim))
        self.upper = nn.Parameter(torch.zeros(seeds, layers, dim, dim))
        self.log_diagonal = nn.Parameter(torch.zeros(seeds, layers, dim))

    def _factors(self, layer: int) -> tuple[Tensor, Tensor]:
        """Return ``L`` and ``U`` of a layer, each ``(E, d, d)``, light columns first."""
        lower = self.lower[:, layer].tril(-1)
        eye = torch.eye(lower.shape[-1], dtype=lower.dtype, device=lower.device)
        upper = self.upper[:, layer] * self.above
        return lower + eye, upper + self.log_diagonal[:, layer].exp().diag_embed()

    def _sorted(self, x: Tensor, invert: bool = False) -> Tensor:
        order = self.order.argsort(-1) if invert else self.order
        return x.gather(-1, order.unsqueeze(1).expand_as(x))

    def inverse(self, x: Tensor, layer: int) -> tuple[Tensor, Tensor]:
        """Multiply ``(E, n, d)`` by ``M``, towards the base; the log-determinant is ``(E, 1)``."""
        lower, upper = self._factors(layer)
        mixed = self._sorted(x) @ (lower @ upper).mT
        return self._sorted(mixed, invert=True), self.log_diagonal[:, layer].sum(-1, keepdim=True)

    def forward(self, z: Tensor, layer: int) -> Tensor:
        """Solve for what ``inverse`` maps to ``z`` ``(E, n, d)``."""
        lower, upper = self._factors(layer)
        rows = torch.linalg.solve_triangular(
            lower, self._sorted(z).mT, upper=False, unitriangular=True
        )
        rows = torch.linalg.solve_triangular(upper, rows, upper=True)
        return self._sorted(rows.mT, invert=True)
