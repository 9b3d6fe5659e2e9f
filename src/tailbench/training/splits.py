"""How a seed block is split: into what is computed together, and rows to train and validate on."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from tailbench.rng.streams import Streams

__all__ = ["seed_groups", "split_rows"]


def seed_groups(count: int, device: torch.device) -> list[list[int]]:
    """Return the positions of a block that are computed together.

    On a GPU that is the whole block. On a CPU each seed is computed alone, which is faster there
    and makes its result independent of its block to the last bit.
    """
    everyone = list(range(count))
    return [everyone] if device.type == "cuda" else [[e] for e in everyone]


def split_rows(n: int, held: int, seeds: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Split ``n`` rows into training and validation rows by a permutation of each seed.

    Fewer validation rows are the first of more.

    Args:
        n: Number of rows.
        held: Number ``h`` of rows that are held out, less than ``n``.
        seeds: Seed of each permutation.

    Returns:
        Numbers of the training rows and of the validation rows of each seed, ``(E, n - h)`` and
        ``(E, h)``.
    """
    streams = Streams(seeds, torch.device("cpu"), "split")
    order = torch.stack([torch.randperm(n, generator=g) for g in streams.generators])
    return order[:, held:].contiguous(), order[:, :held].contiguous()
