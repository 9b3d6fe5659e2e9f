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
"""From stored rows ``(E, B, d)`` of some members, and their numbers, to what a model learns."""


class Rows(ABC):
    """The rows of a block of members.

    Attributes:
        shape: ``(E, n, d)``.
    """

    shape: tuple[int, int, int]

    @abstractmethod
    def of(self, members: Sequence[int], device: torch.device) -> Rows:
        """Return the rows of some members, as tensors on a device."""

    @abstractmethod
    def take(self, index: Tensor) -> Tensor:
        """Return the rows of the numbers ``(E, B)``, shape ``(E, B, d)``, on the device."""


class InMemoryRows(Rows):
    """Rows in memory.

    Args:
        x: Shape ``(E, n, d)``, as they are stored.
        prepare: Makes of them what the model learns, batch by batch; nothing if left out.
        members: Numbers of the members, for ``prepare``.
    """

    def __init__(
        self, x: Tensor, prepare: Prepare | None = None, members: Sequence[int] | None = None
    ) -> None:
        self._x, self._prepare = x, prepare
        self._members = list(range(len(x)) if members is None else members)
        self.shape = (x.shape[0], x.shape[1], x.shape[2])

    def of(self, members: Sequence[int], device: torch.device) -> InMemoryRows:
        """Return the rows of some members, as tensors on a device."""
        first, last = members[0], members[-1] + 1
        neighbours = list(members) == list(range(first, last))  # a view, no copy
        x = self._x[first:last] if neighbours else self._x[list(members)]
        return InMemoryRows(x.to(device), self._prepare, [self._members[e] for e in members])

    def take(self, index: Tensor) -> Tensor:
        """Return the rows of the numbers ``(E, B)``, shape ``(E, B, d)``, on the device."""
        found = self._x.gather(1, index.unsqueeze(-1).expand(-1, -1, self.shape[2]))
        return found if self._prepare is None else self._prepare(found, self._members)


class OnDiskRows(Rows):
    """Rows on the disk, of which a batch is read when it is taken.

    Args:
        x: The rows of each member, each of shape ``(n, d)``.
        prepare: Makes of stored rows what the model learns.
        device: Where they go.
        members: Numbers of the members, for ``prepare``.
    """

    def __init__(
        self,
        x: Sequence[LazyRows | NDArray[Any]],
        prepare: Prepare,
        device: torch.device | None = None,
        members: Sequence[int] | None = None,
    ) -> None:
        self._x, self._prepare, self._device = list(x), prepare, device or torch.device("cpu")
        self._members = list(range(len(x)) if members is None else members)
        self.shape = (len(x), x[0].shape[0], x[0].shape[1])

    def of(self, members: Sequence[int], device: torch.device) -> OnDiskRows:
        """Return the rows of some members, as tensors on a device."""
        own = [self._members[e] for e in members]
        return OnDiskRows([self._x[e] for e in members], self._prepare, device, own)

    def take(self, index: Tensor) -> Tensor:
        """Return the rows of the numbers ``(E, B)``, shape ``(E, B, d)``, on the device."""
        numbers = index.cpu().numpy()
        read = np.stack([rows[own] for rows, own in zip(self._x, numbers, strict=True)])
        return self._prepare(torch.from_numpy(read).to(self._device), self._members)


def stored(x: Sequence[LazyRows | NDArray[Any]], prepare: Prepare) -> Rows:
    """Return stored rows, held in memory if they are few.

    Args:
        x: The rows of each member, each of shape ``(n, d)``.
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
