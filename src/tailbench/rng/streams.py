"""Random streams of a seed block.

Every seed has generators of its own, so its draws do not depend on the seeds beside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor

from tailbench.rng.seeds import seed_for

__all__ = ["IndexedStreams", "Streams", "uniform"]

CHUNK = 256
SMALLEST = 2.0**-54  # half of the spacing of the uniform numbers, in the place of their zero


def uniform(
    shape: Sequence[int],
    generator: torch.Generator | None = None,
    device: str | torch.device = "cpu",
) -> Tensor:
    """Draw uniform numbers of (0, 1), open at both ends, in double precision."""
    draws = torch.rand(*shape, generator=generator, device=device, dtype=torch.float64)
    return draws.clamp_(min=SMALLEST)


class Streams:
    """One generator per seed.

    Args:
        seeds: One random seed for each seed of the block.
        device: Where the draws are made.
        purpose: Name of what the draws are for; each purpose has its own stream.
    """

    def __init__(self, seeds: Sequence[int], device: torch.device, purpose: str) -> None:
        self.device = device
        self._part, self._rows = slice(None), 0
        self.generators = [
            torch.Generator(device).manual_seed(seed_for(purpose, seed)) for seed in seeds
        ]

    @contextmanager
    def part(self, rows: slice, total: int) -> Iterator[None]:
        """Draw numbers for some of ``total`` rows, those that these rows get among all of them.

        So the processes that share a batch draw together what one process alone would draw, and
        their generators stay in step. Inside, every shape begins with the number of the rows.
        """
        self._part, self._rows = rows, total
        try:
            yield
        finally:
            self._part, self._rows = slice(None), 0

    def share(self, rows: Tensor) -> Tensor:
        """Return those of all rows ``(E, B, ...)`` that numbers are drawn for."""
        return rows[:, self._part]

    def randn(self, *shape: int) -> Tensor:
        """Draw standard Gaussian numbers, shape ``(E, *shape)``."""
        whole = self._whole(shape)
        draws = [torch.randn(whole, generator=g, device=self.device) for g in self.generators]
        return torch.stack(draws)[:, self._part]

    def uniform(self, *shape: int) -> Tensor:
        """Draw uniform numbers of (0, 1) in double precision, shape ``(E, *shape)``."""
        whole = self._whole(shape)
        return torch.stack([uniform(whole, g, self.device) for g in self.generators])[:, self._part]

    def _whole(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return (self._rows, *shape[1:]) if self._rows else shape

    def integers(self, high: int, *shape: int) -> Tensor:
        """Draw integers of ``[0, high)``, shape ``(E, *shape)``."""
        return torch.stack(
            [torch.randint(high, shape, generator=g, device=self.device) for g in self.generators]
        )

    def state(self) -> list[Tensor]:
        """The state of every generator."""
        return [g.get_state() for g in self.generators]

    def restore(self, states: Sequence[Tensor]) -> None:
        """Put every generator back into a state that ``state`` has given."""
        for generator, state in zip(self.generators, states, strict=True):
            generator.set_state(state)


class IndexedStreams:
    """Streams by the index of the sample: 256 consecutive samples share one generator.

    The numbers that sample ``i`` gets depend on its random seed and on ``i`` alone, whatever
    the number of samples and the size of a batch.

    Args:
        seeds: One random seed for each seed of the block.
        start: Index of the first sample, a multiple of 256.
        n: Number of samples.
        dim: Dimension ``d``.
        device: Where the draws go. They are made on the CPU, so that all devices agree.
        purpose: Name of what the draws are for.

    Raises:
        ValueError: If ``start`` is not a multiple of 256.
    """

    def __init__(
        self,
        seeds: Sequence[int],
        start: int,
        n: int,
        dim: int,
        device: torch.device,
        purpose: str = "sample",
    ) -> None:
        if start % CHUNK:
            raise ValueError(f"samples start at a multiple of {CHUNK}, not at {start}")
        self.n, self.dim, self.device = n, dim, device
        chunks = range(start // CHUNK, (start + n + CHUNK - 1) // CHUNK)
        self._generators = [
            [torch.Generator().manual_seed(seed_for(purpose, seed, c)) for c in chunks]
            for seed in seeds
        ]

    def randn(self, dtype: torch.dtype = torch.float32) -> Tensor:
        """Draw standard Gaussian numbers, shape ``(E, n, d)``."""
        draws = [
            torch.cat([torch.randn(CHUNK, self.dim, generator=g, dtype=dtype) for g in row])
            for row in self._generators
        ]
        return torch.stack(draws)[:, : self.n].to(self.device)

    def uniform(self, *shape: int) -> Tensor:
        """Draw uniform numbers of (0, 1) in double precision, shape ``(E, n, *shape)``."""
        draws = [torch.cat([uniform((CHUNK, *shape), g) for g in row]) for row in self._generators]
        return torch.stack(draws)[:, : self.n].to(self.device)
