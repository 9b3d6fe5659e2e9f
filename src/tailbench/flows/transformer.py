r"""An autoregressive flow of causal transformers.

A sample is a sequence of tokens :math:`x_1, ..., x_T` (patches of an image). One step gives every
token a shift and a scale that depend on the tokens before it,

.. math:: z_t = (x_t - \mu(x_{<t}))\, e^{-s(x_{<t})}, \qquad
    \log |\det| = -\sum_t s(x_{<t}),

where :math:`\mu` and :math:`s` come from a causal transformer. The next step reads the tokens in
the opposite order. All tokens are mapped to the base at once; the way back takes one after another.

References:
    Zhai et al., Normalizing flows are capable generative models (TarFlow), 2024.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["TransformerFlow", "from_patches", "to_patches"]

Cache = list[tuple[Tensor, Tensor]]


def to_patches(x: Tensor, shape: tuple[int, int, int], patch: int) -> Tensor:
    """Cut images into squares, row by row.

    Args:
        x: Images, shape ``(n, d)``.
        shape: Channels, height and width, whose product is ``d``.
        patch: Side of a square, a divisor of height and width.

    Returns:
        Shape ``(n, T, channels * patch^2)``.
    """
    c, h, w = shape
    squares = x.view(-1, c, h // patch, patch, w // patch, patch)
    return squares.permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(1, 2)


def from_patches(tokens: Tensor, shape: tuple[int, int, int], patch: int) -> Tensor:
    """Put images together again, ``(n, T, channels * patch^2)`` to ``(n, d)``."""
    c, h, w = shape
    squares = tokens.view(-1, h // patch, w // patch, c, patch, patch)
    return squares.permute(0, 3, 1, 4, 2, 5).flatten(1)


class TransformerFlow(nn.Module):
    """The flow of one seed.

    Args:
        tokens: Number ``T`` of tokens.
        size: Numbers of a token.
        steps: Steps of the flow, each in the order opposite to the one before.
        depth: Layers of the transformer of a step.
        width: Width of the transformers, a multiple of ``heads``.
        heads: Heads of the attention.
    """

    def __init__(
        self, tokens: int, size: int, steps: int, depth: int, width: int, heads: int
    ) -> None:
        super().__init__()
        self.steps = nn.ModuleList(_Step(tokens, size, depth, width, heads) for _ in range(steps))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map tokens ``(n, T, size)`` to the base; give them and the log-determinant ``(n,)``."""
        total = torch.zeros(len(x), device=x.device)
        for step in self.steps:
            x, ladj = step(x)
            x, total = x.flip(1), total + ladj
        return x, total

    def inverse(self, z: Tensor) -> Tensor:
        """Map the base ``(n, T, size)`` to tokens."""
        for step in reversed(self.steps):
            z = step.inverse(z.flip(1))  # type: ignore[operator]
        return z


class _Step(nn.Module):
    """Shift and scale of every token, given those before it."""

    def __init__(self, tokens: int, size: int, depth: int, width: int, heads: int) -> None:
        super().__init__()
        self.begin = nn.Parameter(torch.zeros(1, 1, size))
        self.enter = nn.Linear(size, width)
        self.place = nn.Parameter(0.02 * torch.randn(tokens, width))
        self.layers = nn.ModuleList(_Layer(width, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.leave = nn.Linear(width, 2 * size)
        nn.init.zeros_(self.leave.weight)  # the flow starts as the identity
        nn.init.zeros_(self.leave.bias)

    def told(self, before: Tensor, start: int, caches: list[Cache] | None) -> tuple[Tensor, Tensor]:
        """Return shift and log-scale of tokens from ``start`` on, given the token before each."""
        h = self.enter(before) + self.place[start : start + before.shape[1]]
        for index, layer in enumerate(self.layers):
            h = layer(h, None if caches is None else caches[index])
        shift, scale = self.leave(self.norm(h)).chunk(2, dim=-1)
        return shift, scale

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        before = torch.cat([self.begin.expand(len(x), -1, -1), x[:, :-1]], dim=1)
        shift, scale = self.told(before, 0, None)
        return (x - shift) * (-scale).exp(), -scale.sum((1, 2))

    def inverse(self, z: Tensor) -> Tensor:
        """Map the tokens back, one after another."""
        caches: list[Cache] = [[] for _ in self.layers]
        made: list[Tensor] = []
        before = self.begin.expand(len(z), -1, -1)
        for t in range(z.shape[1]):
            shift, scale = self.told(before, t, caches)
            before = z[:, t : t + 1] * scale.exp() + shift
            made.append(before)
        return torch.cat(made, dim=1)


class _Layer(nn.Module):
    """Causal attention and a perceptron, each with a residual."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.first, self.second = nn.LayerNorm(width), nn.LayerNorm(width)
        self.project = nn.Linear(width, 3 * width)
        self.join = nn.Linear(width, width)
        self.wide = nn.Linear(width, 4 * width)
        self.narrow = nn.Linear(4 * width, width)

    def forward(self, h: Tensor, cache: Cache | None) -> Tensor:
        """Attend to the tokens before, and to those that the cache remembers."""
        n, tokens, width = h.shape
        split = self.project(self.first(h)).view(n, tokens, 3, self.heads, width // self.heads)
        query, key, value = split.permute(2, 0, 3, 1, 4)  # (n, heads, T, width / heads)
        if cache is not None:
            cache.append((key, value))
            key, value = (torch.cat(part, dim=2) for part in zip(*cache, strict=True))
        seen = F.scaled_dot_product_attention(query, key, value, is_causal=cache is None)
        h = h + self.join(seen.transpose(1, 2).reshape(n, tokens, width))
        return h + self.narrow(F.gelu(self.wide(self.second(h))))
