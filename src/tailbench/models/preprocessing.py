"""What models take: blocks of tables, stored images, and the units of their columns."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tailbench.data import ImageLayout
from tailbench.exceptions import InputError
from tailbench.io.lazy_rows import LazyRows

__all__ = ["Stored", "as_block", "as_images", "is_lazy", "robust_units"]

Stored = list[LazyRows | NDArray[Any]]
"""The rows of each seed, as they are stored."""
AGREE = 15.0
"""Quantiles agree nearly if wider ones give a scale larger by this factor."""


def as_block(x: ArrayLike) -> NDArray[np.float64]:
    """Convert data to a block ``(E, n, d)``; a table ``(n, d)`` is a block of one seed.

    Raises:
        InputError: If the data have another number of axes, are not finite, too few, or constant.
    """
    block = _as_seed_block(np.require(x, np.float64, "W"))  # torch wants to own what it reads
    constant = np.flatnonzero((block == block[:, :1]).all(1).any(0))
    if len(constant):
        raise InputError(f"column {int(constant[0])} of the data is constant")
    return block


def as_images(x: ArrayLike | Sequence[LazyRows], images: ImageLayout) -> Stored:
    """Return images as stored rows of each seed; those that lie on the disk stay there.

    Args:
        x: Images ``(n, d)`` or ``(E, n, d)``, or one lazy array per seed. Bytes are pixels, from
            0 to 255.
        images: What the rows are.

    Raises:
        InputError: If the data do not fit the images, are not finite or too few.
    """
    if is_lazy(x):
        rows: Stored = list(x)
    else:
        given = np.asarray(x)
        block = _as_seed_block(given if given.dtype == np.uint8 else given.astype(np.float64))
        if images.pixels and block.dtype != np.uint8 and np.abs(block).max() > 1.0:
            raise InputError("the pixels of images are from -1 to 1")
        rows = list(block)
    if math.prod(images.shape) != rows[0].shape[1]:
        raise InputError(f"images of shape {images.shape} do not have {rows[0].shape[1]} values")
    return rows


def is_lazy(x: ArrayLike | Sequence[LazyRows]) -> TypeGuard[Sequence[LazyRows]]:
    """Return whether data are lazy arrays, one per seed."""
    return isinstance(x, Sequence) and all(isinstance(rows, LazyRows) for rows in x)


def _as_seed_block(block: NDArray[Any]) -> NDArray[Any]:
    if block.ndim not in (2, 3):
        raise InputError(f"data have the shape (n, d) or (E, n, d), not {block.shape}")
    block = block if block.ndim == 3 else block[None]
    if block.shape[1] < 2 or block.shape[2] < 1:
        raise InputError(f"data need at least two rows and one column, not {block.shape[1:]}")
    if not np.isfinite(block).all():
        raise InputError("data must not hold NaN or infinity")
    return block


def robust_units(x: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Compute the median and the scale of each coordinate, each of shape ``(E, d)``.

    The scale is the distance of the quartiles divided by that of a standard Gaussian; where the
    quartiles agree, or nearly (many values are equal), that of wider quantiles. Mean and standard
    deviation would not do: laws with heavy tails may have neither.

    Args:
        x: Data, shape ``(E, n, d)``, with no constant column.
    """
    from scipy.special import ndtri

    scales = []
    for p in (0.25, 0.1, 0.01, 0.0):
        low, high = np.quantile(x, [p, 1.0 - p], axis=1)
        scales.append((high - low) / (2.0 * ndtri(1.0 - max(p, 1.0 / (2 * x.shape[1])))))
    quarters, tenths, hundredths, scale = scales
    scale = np.where(hundredths > 0, hundredths, scale)
    scale = np.where(tenths > hundredths / AGREE, tenths, scale)
    return np.median(x, axis=1), np.where(quarters > tenths / AGREE, quarters, scale)
