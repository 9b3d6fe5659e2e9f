"""Cross-validation: which rows are trained on, which are held out."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["blocked_folds", "fold_count"]

Rows = NDArray[np.int64]

MANY = 500


def fold_count(rows: int) -> int:
    """Return the number of folds: five from 500 rows on, three below."""
    return 5 if rows >= MANY else 3


def blocked_folds(
    rows: int, count: int, ordered: bool, rng: np.random.Generator
) -> list[tuple[Rows, Rows]]:
    """Return the rows of each fold to train on and to hold out, both rising.

    Args:
        rows: Number of rows.
        count: Number of folds.
        ordered: Hold out blocks of neighbouring rows, so that what goes on over some rows is not
            in both parts; otherwise random rows.
        rng: What chooses the random rows.

    Returns:
        Pairs of training and held-out rows. Each row is held out once.

    References:
        Roberts et al., Cross-validation strategies for data with temporal, spatial, hierarchical,
        or phylogenetic structure, 2017.
    """
    order = np.arange(rows) if ordered else rng.permutation(rows)
    every = np.arange(rows)
    parts = [np.sort(part) for part in np.array_split(order, count)]
    return [(np.setdiff1d(every, part, assume_unique=True), part) for part in parts]
