"""Training data as the loop takes them: rows by their numbers, from memory or from the disk."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from tailbench.io.lazy_rows import LazyRows

__all__ = ["HELD", "InMemoryRows", "OnDiskRows", "Prepare", "Rows", "stored"]

HELD = 2**30
"""Bytes of stored rows up to which they are held in memory, or on the GPU."""

PIECE = 1000  # rows that are read at once

Prepare = Callable[[Tensor, Sequence[int]], Tensor]
"""From stored rows ``(E, B, d)`` of some seeds, and their numbers, to what a model learns."""


class Rows(ABC):
    """The rows of a seed block.

    Attributes:
        shape: ``(E, n, d)``.
    """

    shape: tuple[int, int, int]

    @abstractmethod
    def of(self, positions: Sequence[int], device: torch.device) -> Rows:
        """Return the rows of some positions, as tensors on a device."""

    @abstractmethod
    def take(self, index: Tensor) -> Tensor:
        """Return the rows of the numbers ``(E, B)``, shape ``(E, B, d)``, on the device."""


class InMemoryRows(Rows):
    """Rows in memory.

    Args:
        x: Shape ``(E, n, d)``, as they are stored.
        prepare: Makes of them what the model learns, batch by batch; nothing if left out.
        positions: Positions of the rows in the block, for ``prepare``.
    """

    def __init__(
        self, x: Tensor, prepare: Prepare | None = None, positions: Sequence[int] | None = None
    ) -> None:
        self._x, self._prepare = x, prepare
        self._positions = list(range(len(x)) if positions is None else positions)
        self.shape = (x.shape[0], x.shape[1], x.shape[2])

    def of(self, positions: Sequence[int], device: torch.device) -> InMemoryRows:
        """Return the rows of some positions, as tensors on a device."""
        first, last = positions[0], positions[-1] + 1
        neighbours = list(positions) == list(range(first, last))  # a view, no copy
        x = self._x[first:last] if neighbours else self._x[list(positions)]
        return InMemoryRows(x.to(device), self._prepare, [self._positions[e] for e in positions])

    def take(self, index: Tensor) -> Tensor:
        """Return the rows of the numbers ``(E, B)``, shape ``(E, B, d)``, on the device."""
        found = self._x.gather(1, index.unsqueeze(-1).expand(-1, -1, self.shape[2]))
        return found if self._prepare is None else self._prepare(found, self._positions)


class OnDiskRows(Rows):
    """Rows on the disk, of which a batch is read when it is taken.

    Args:
        x: The rows of each seed, each of shape ``(n, d)``.
        prepare: Makes of stored rows what the model learns.
        device: Where they go.
        positions: Positions of the rows in the block, for ``prepare``.
    """

    def __init__(
        self,
        x: Sequence[LazyRows | NDArray[Any]],
        prepare: Prepare,
        device: torch.device | None = None,
        positions: Sequence[int] | None = None,
    ) -> None:
        self._x, self._prepare, self._device = list(x), prepare, device or torch.device("cpu")
        self._positions = list(range(len(x)) if positions is None else positions)
        self.shape = (len(x), x[0].shape[0], x[0].shape[1])

    def of(self, positions: Sequence[int], device: torch.device) -> OnDiskRows:
        """Return the rows of some positions, as tensors on a device."""
        own = [self._positions[e] for e in positions]
        return OnDiskRows([self._x[e] for e in positions], self._prepare, device, own)

    def take(self, index: Tensor) -> Tensor:
        """Return the rows of the numbers ``(E, B)``, shape ``(E, B, d)``, on the device."""
        numbers = index.cpu().numpy()
        read = np.stack([rows[own] for rows, own in zip(self._x, numbers, strict=True)])
        return self._prepare(torch.from_numpy(read).to(self._device), self._positions)


def stored(x: Sequence[LazyRows | NDArray[Any]], prepare: Prepare) -> Rows:
    """Return stored rows, held in memory if they are few.

    Args:
        x: The rows of each seed, each of shape ``(n, d)``.
        prepare: Makes of stored rows what the model learns.
    """
    size = sum(rows.shape[0] * rows.shape[1] * rows.dtype.itemsize for rows in x)
    if size > HELD:
        return OnDiskRows(x, prepare)
    held = np.empty((len(x), *x[0].shape), x[0].dtype)
    for own, rows in zip(held, x, strict=True):
        for begin in range(0, len(own), PIECE):
            own[begin : begin + PIECE] = rows[begin : begin + PIECE]
    return InMemoryRows(torch.from_numpy(held), prepare)
