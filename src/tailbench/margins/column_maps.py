"""Maps between the columns of data and the whole line, where columns have bounds or atoms."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from tailbench.exceptions import InputError
from tailbench.margins.atoms import AtomMap, atoms_of, reference_nu
from tailbench.margins.latent_levels import latent_levels
from tailbench.margins.support import SupportMap, bounds_of
from tailbench.registry import nearest

__all__ = ["ColumnMaps", "check_atoms", "check_support"]

Array = NDArray[np.float64]
ROWS = 3  # that a message names


@dataclass(frozen=True)
class ColumnMaps:
    """The maps of the columns of one table: onto their support, and off their atoms.

    A column with atoms has an :class:`~tailbench.margins.atoms.AtomMap`, which knows its bounds
    too; one with bounds alone a :class:`~tailbench.margins.support.SupportMap`. The others are left
    as they are, to the bit.

    Attributes:
        columns: The map of each column, ``None`` of one that is left as it is.
    """

    columns: tuple[AtomMap | SupportMap | None, ...]

    @classmethod
    def fit(
        cls, x: Array, names: Sequence[str], support: Any, atoms: Any, scale: Array
    ) -> Self | None:
        """Fit the maps to data; ``None`` if no column needs one.

        A bound that rows lie on is an atom, whatever their share and whatever ``atoms`` says.

        Args:
            x: Data, shape ``(n, d)``, finite, with no constant column.
            names: Names of the columns, which the settings use.
            support: Bounds by column, ``"auto"`` for those of the data, or ``None``: see
                :func:`tailbench.margins.column_settings.checked_support`.
            atoms: Atoms by column, ``"auto"`` for values that 2 % of the rows are equal to, or
                ``None``.
            scale: Robust scale of each column, shape ``(d,)``.

        Raises:
            InputError: If a column is not there, a row is beyond a bound, or no row is equal to an
                atom.
        """
        check_support(x, names, support)
        check_atoms(x, names, atoms)
        plans = [
            _Plan(np.ascontiguousarray(x[:, j]), name, support, atoms)
            for j, name in enumerate(names)
        ]
        if not any(len(plan.values) or plan.bounded for plan in plans):
            return None
        with_atoms = [(plan.x, plan.values) for plan in plans if len(plan.values)]
        nu = reference_nu(with_atoms) if with_atoms else math.inf
        return cls(tuple(plan.fit(float(s), nu) for plan, s in zip(plans, scale, strict=True)))

    @property
    def bounds(self) -> dict[int, tuple[float, float]]:
        """Lower and upper bounds of the columns that have one, by their numbers."""
        every = {
            j: (one.low, one.high)
            if isinstance(one, SupportMap)
            else (one.ends[0][1], one.ends[1][1])
            for j, one in enumerate(self.columns)
            if one is not None
        }
        return {j: both for j, both in every.items() if any(map(math.isfinite, both))}

    @property
    def has_atoms(self) -> bool:
        """Whether a column has atoms."""
        return any(isinstance(one, AtomMap) for one in self.columns)

    def to_line(self, x: Array, rng: np.random.Generator) -> Array:
        """Map data ``(n, d)`` to the line; where rows on atoms are on it is drawn at random.

        Args:
            x: Data, shape ``(n, d)``.
            rng: What the places of atoms are drawn by: see
                :func:`tailbench.margins.latent_levels.latent_levels`.
        """
        y = np.array(x, dtype=np.float64)
        for j, one in enumerate(self.columns):
            if isinstance(one, SupportMap):
                y[:, j] = one.to_line(y[:, j])
        with_atoms = {j: one for j, one in enumerate(self.columns) if isinstance(one, AtomMap)}
        if with_atoms:
            spans = {j: one.intervals(y[:, j]) for j, one in with_atoms.items()}
            levels = latent_levels(y, spans, rng)
            for j, one in with_atoms.items():
                y[:, j] = one.to_line(y[:, j], levels[j])
        return y

    def to_data(self, y: Array) -> Array:
        """Map values ``(n, d)`` of the line to data: within bounds, and equal to atoms on them."""
        x = np.array(y, dtype=np.float64)
        for j, one in enumerate(self.columns):
            if one is not None:
                x[:, j] = one.to_data(x[:, j])
        return x

    def as_list(self) -> list[dict[str, Any] | None]:
        """Return the maps as plain data, without infinities."""
        return [_as_dict(one) for one in self.columns]

    @classmethod
    def from_list(cls, plain: Sequence[Mapping[str, Any] | None]) -> Self:
        """Build the maps that ``as_list`` has described."""
        return cls(tuple(_from_dict(one) for one in plain))


def check_support(x: Array, names: Sequence[str], support: Any, source: str = "the data") -> None:
    """Check that no row is beyond the bounds of its columns.

    Args:
        x: Data, shape ``(n, d)``.
        names: Names of the columns.
        support: Bounds by column, ``"auto"`` or ``None``.
        source: What messages call the data.

    Raises:
        InputError: If one is, or a column is not there: one sentence on all such columns, with the
            first rows.
    """
    _check_names(names, support, "support")
    if not isinstance(support, Mapping):
        return
    wrong = []
    for name, (low, high) in support.items():
        column = x[:, list(names).index(name)]
        least, most = -math.inf if low is None else low, math.inf if high is None else high
        rows = np.flatnonzero((column < least) | (column > most))
        if len(rows):
            shown = ", ".join(str(row + 1) for row in rows[:ROWS])
            more = f" and {len(rows) - ROWS} more" if len(rows) > ROWS else ""
            plural = "s" if len(rows) > 1 else ""
            wrong.append(
                f"column {name!r} of {source} has {column[rows[0]]:.10g}, beyond its support "
                f"[{least:g}, {most:g}], in row{plural} {shown}{more}"
            )
    if wrong:
        raise InputError("; ".join(wrong))


def check_atoms(x: Array, names: Sequence[str], atoms: Any) -> None:
    """Check that each atom is the value of a row.

    Args:
        x: Data, shape ``(n, d)``.
        names: Names of the columns.
        atoms: Atoms by column, ``"auto"`` or ``None``.

    Raises:
        InputError: If one is not, or a column is not there.
    """
    _check_names(names, atoms, "atoms")
    for name, values in atoms.items() if isinstance(atoms, Mapping) else ():
        column = x[:, list(names).index(name)]
        for value in values:
            if not (column == value).any():
                raise InputError(f"atoms: no row of column {name!r} is equal to {value:g}")


def _check_names(names: Sequence[str], setting: Any, key: str) -> None:
    for name in setting if isinstance(setting, Mapping) else ():
        if name not in names:
            raise InputError(f"{key}: the data have no column {name!r}{nearest(name, names)}")


class _Plan:
    """What is to be done with a column: its bounds and its atoms, infinite and none without."""

    def __init__(self, x: Array, name: str, support: Any, atoms: Any) -> None:
        self.x = x
        if support == "auto":
            self.low, self.high = bounds_of(x)
        else:
            low, high = (support or {}).get(name, (None, None))
            self.low = -math.inf if low is None else float(low)
            self.high = math.inf if high is None else float(high)
        touched = [b for b in (self.low, self.high) if math.isfinite(b) and (x == b).any()]
        found = atoms_of(x) if atoms == "auto" else (atoms or {}).get(name, ())
        self.values = np.union1d(np.asarray(found, np.float64), touched)

    @property
    def bounded(self) -> bool:
        return math.isfinite(self.low) or math.isfinite(self.high)

    def fit(self, scale: float, nu: float) -> AtomMap | SupportMap | None:
        if len(self.values):
            return AtomMap.fit(self.x, self.values, self.low, self.high, nu)
        return SupportMap(self.low, self.high, scale) if self.bounded else None


def _as_dict(one: AtomMap | SupportMap | None) -> dict[str, Any] | None:
    if isinstance(one, AtomMap):
        return {"atoms": one.as_dict()}
    if one is None:
        return None
    bounds = [b if math.isfinite(b) else None for b in (one.low, one.high)]
    return {"support": [*bounds, one.scale]}


def _from_dict(plain: Mapping[str, Any] | None) -> AtomMap | SupportMap | None:
    if plain is None:
        return None
    if "atoms" in plain:
        return AtomMap.from_dict(plain["atoms"])
    low, high, scale = plain["support"]
    return SupportMap(-math.inf if low is None else low, math.inf if high is None else high, scale)
