r"""How steep the maps of columns are: what turns a density on the line into one of the data."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tailbench.exceptions import InputError
from tailbench.margins.atoms import AtomMap
from tailbench.margins.column_maps import ColumnMaps
from tailbench.margins.support import SupportMap

__all__ = ["line_and_slope"]

Array = NDArray[np.float64]
ROWS = 3  # that a message names


def line_and_slope(maps: ColumnMaps, x: Array, names: Sequence[str]) -> tuple[Array, Array]:
    r"""Compute where data are on the line, and how steep the maps are there.

    A density :math:`q` of the line is

    .. math:: p(x) = q(y(x)) \prod_j \frac{dy_j}{dx_j}

    of the data. The slope is zero where the maps never arrive: on a bound and beyond it, beyond
    an atom with no rows behind it, and between two atoms with none between them.

    Args:
        maps: The maps of the columns.
        x: Data, shape ``(n, d)``, finite.
        names: Names of the columns, for messages.

    Returns:
        The rows on the line, shape ``(n, d)``, zero in columns whose slope is zero, and
        :math:`\sum_j \log dy_j/dx_j`, shape ``(n,)``.

    Raises:
        InputError: If a row is on an atom, where data have a probability and no density.
    """
    y, total = np.array(x, dtype=np.float64), np.zeros(len(x))
    for j, one in enumerate(maps.columns):
        if one is None:
            continue
        with np.errstate(all="ignore"):  # rows where the slope is zero
            if isinstance(one, AtomMap):
                _refuse_atoms(one, y[:, j], names[j])
                slope = _atom_slope(one, y[:, j])
                line = one.to_line(y[:, j], np.full(len(y), 0.5))
            else:
                slope, line = _support_slope(one, y[:, j]), one.to_line(y[:, j])
        total += slope
        y[:, j] = np.where(np.isfinite(slope), line, 0.0)
    return y, total


def _support_slope(one: SupportMap, x: Array) -> Array:
    """Return the logarithm of the slope of the map of a column with bounds."""
    t, u = (x - one.low) / one.scale, (one.high - x) / one.scale
    slope = np.log(1.0 / -np.expm1(-t) + 1.0 / np.expm1(u)) - math.log(one.scale)
    return np.where((t > 0) & (u > 0), slope, -math.inf)


def _atom_slope(one: AtomMap, x: Array) -> Array:
    """Return the logarithm of the slope of the map of a column with atoms, at rows off them."""
    slope = np.full(len(x), -math.inf)
    steps = np.log(np.diff(one.z) / np.diff(one.x))
    inside = (x >= one.x[0]) & (x <= one.x[-1]) & (len(steps) > 0)
    k = np.searchsorted(one.x, x[inside], "right") - 1
    slope[inside] = steps[np.minimum(k, len(steps) - 1)]
    for sign, knot, (rise, bound) in zip((-1, 1), one.x[[0, -1]], one.ends, strict=True):
        beyond = sign * (x - knot) > 0
        if rise > 0:
            room, left = sign * (bound - knot), sign * (bound - x[beyond])
            bend = np.log(room / left) if math.isfinite(room) else 0.0
            slope[beyond] = np.where(left > 0, bend - math.log(rise), -math.inf)
    return slope


def _refuse_atoms(one: AtomMap, x: Array, name: str) -> None:
    rows = np.flatnonzero(np.isin(x, one.values))
    if len(rows):
        shown = ", ".join(str(row + 1) for row in rows[:ROWS])
        more = f" and {len(rows) - ROWS} more" if len(rows) > ROWS else ""
        raise InputError(
            f"column {name!r} has the value {x[rows[0]]:.10g}, which has a probability and no "
            f"density, in row{'s' if len(rows) > 1 else ''} {shown}{more}"
        )
