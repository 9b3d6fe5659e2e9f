"""Columns that are linear functions of others: copies, other units, sums."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["dependent_column", "dependent_columns"]

Array = NDArray[np.float64]

TOLERANCE = 1e-10  # of what is left of a column, as a share of it
ROUNDING = 64  # units in the last place


def dependent_column(x: Array) -> tuple[int, Array] | None:
    r"""Return the first column that is a linear function of those before it, and its weights.

    With :math:`z` the columns about their medians in robust units, the columns of :math:`[1, z]`,
    each row divided by one plus its largest entry so that far rows do not decide alone, are
    orthogonalised one after another; a column of which nothing but rounding is left is dependent.

    Args:
        x: Data, shape ``(n, d)``, finite. Constant columns are passed over.

    Returns:
        The number ``j`` of the column, and ``(b, w_0, ..., w_{j-1})`` such that it is
        :math:`b + \sum_i w_i x_i`; ``None`` if there is none, or there are fewer than ``d + 2``
        rows, of which columns are always dependent.
    """
    largest = np.abs(x).max(axis=0)
    error = ROUNDING * np.spacing(largest)
    kept = np.flatnonzero(np.ptp(x, axis=0) > error)
    if len(x) < len(kept) + 2:
        return None
    location = np.median(x[:, kept], axis=0)
    wide = np.quantile(x[:, kept], [0.25, 0.75], axis=0)
    far = np.abs(x[:, kept] - location).max(axis=0)
    spread = np.where(wide[1] > wide[0], wide[1] - wide[0], far)
    design = np.column_stack([np.ones(len(x)), (x[:, kept] - location) / spread])
    design /= 1.0 + np.abs(design[:, 1:]).max(axis=1, keepdims=True, initial=0.0)
    norms = np.linalg.norm(design, axis=0)
    left = np.abs(np.diag(np.linalg.qr(design / norms, mode="r")))[1:]
    rounded = np.maximum.accumulate(error[kept] / spread)
    found = np.flatnonzero(left <= TOLERANCE + rounded)
    if not len(found):
        return None
    k = int(found[0])
    weights = np.linalg.lstsq(design[:, : k + 1], design[:, k + 1], rcond=None)[0]
    slopes = weights[1:] * spread[k] / spread[:k]
    slopes[np.abs(weights[1:]) < 1e-7] = 0.0
    full = np.zeros(kept[k])
    full[kept[:k]] = slopes
    start = location[k] + spread[k] * weights[0] - slopes @ location[:k]
    return int(kept[k]), np.concatenate([[start], full])


def dependent_columns(x: Array, names: Sequence[str]) -> dict[str, str]:
    """Return what each column is that is a linear function of columns before it.

    Args:
        x: Data, shape ``(n, d)``, finite.
        names: Names of the columns.

    Returns:
        By the name of the column the end of a sentence, such as ``is 2 times 'a' plus 1``.
    """
    found: dict[str, str] = {}
    kept = list(range(len(names)))
    while (one := dependent_column(x[:, kept])) is not None:
        column, weights = one
        others = {names[kept[i]]: float(w) for i, w in enumerate(weights[1:]) if w}
        found[names[kept[column]]] = _said(others, float(weights[0]), x[:, kept[column]])
        del kept[column]
    return found


def _said(others: dict[str, float], start: float, x: Array) -> str:
    """Say what a column is of others."""
    if len(others) > 1:
        listed = [f"{w:.6g} times {name!r}" for name, w in others.items()]
        return f"is a sum: {', '.join(listed[:-1])} and {listed[-1]}"
    ((name, weight),) = others.items()
    moved = abs(start) > 1e-7 * float(np.abs(x).max())
    if abs(weight - 1.0) < 1e-9 and not moved:
        return f"is a copy of {name!r}"
    plus = f" {'plus' if start > 0 else 'minus'} {abs(start):.6g}" if moved else ""
    return f"is {weight:.6g} times {name!r}{plus}"
