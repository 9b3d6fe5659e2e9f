"""Arrays whose rows lie on the disk until they are asked for."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

__all__ = ["LazyRows"]


class LazyRows:
    """Rows that are read from the disk when they are asked for, and not kept.

    It is indexed like an array, by a number, a slice or an array of numbers along its first
    axis, and gives arrays. ``np.asarray`` reads all of it.

    Args:
        read: Reads the rows of the given numbers, in the given order, shape ``(k, *shape)`` or
            any other with the same values; raises ``InputError`` for a row that cannot be used.
        rows: Numbers of the rows, shape ``(n,)``.
        shape: Shape of one row.
        dtype: Type of what ``read`` gives.

    Attributes:
        shape: Number of rows, and the shape of one.
        dtype: Type of the values.
    """

    def __init__(
        self,
        read: Callable[[NDArray[np.int64]], NDArray[Any]],
        rows: NDArray[np.int64],
        shape: tuple[int, ...],
        dtype: DTypeLike,
    ) -> None:
        self._read, self._rows = read, rows
        self.shape = (len(rows), *shape)
        self.dtype: np.dtype[Any] = np.dtype(dtype)

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self._rows)

    def __getitem__(self, index: int | slice | NDArray[np.int64]) -> NDArray[Any]:
        """Read some of the rows."""
        rows = np.asarray(self._rows[index])
        return self._read(rows.reshape(-1)).reshape(*rows.shape, *self.shape[1:])

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> NDArray[Any]:
        """Read all rows."""
        if copy is False:
            raise ValueError("rows that lie on the disk cannot be an array without a copy")
        return self[:].astype(self.dtype if dtype is None else dtype, copy=False)

    def take(self, rows: NDArray[np.int64]) -> LazyRows:
        """Return some of the rows, without reading them."""
        return LazyRows(self._read, self._rows[rows], self.shape[1:], self.dtype)

    def reshape(self, *shape: int) -> LazyRows:
        """Return the rows as vectors, shape ``(n, d)``, ``d`` written out or as -1.

        Raises:
            ValueError: If another shape is asked for.
        """
        flat = math.prod(self.shape[1:])
        if shape not in ((len(self), -1), (len(self), flat)):
            raise ValueError(f"rows of shape {self.shape[1:]} become vectors only, not {shape}")
        return LazyRows(self._read, self._rows, (flat,), self.dtype)
