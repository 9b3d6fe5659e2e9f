r"""Columns some of whose values come again and again: dry days, deductibles, limits."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from tailbench.stats.tail_index import estimate_side

__all__ = ["SHARE", "AtomMap", "atoms_of", "reference_nu"]

Array = NDArray[np.float64]

SHARE = 0.02
"""Share of the rows from which a value that repeats is an atom."""

FEWEST = 3  # rows of an atom
KNOTS = 100  # of the continuous part between the tails
TAIL = 0.05  # share of the values off the atoms that are beyond the last knot of a side
FEWEST_BEYOND = 10
LARGEST_NU = 100.0  # from which a Student-t law counts as Gaussian
SMALLEST_NU = 0.5
NEAREST = 1.0 - 2.0**-53  # to a bound, as a share of the way from the last knot


@dataclass(frozen=True)
class AtomMap:
    r"""An increasing map between a column with atoms and a line on which it has none.

    On the line the column has a reference law :math:`G`, in the body by its ranks: a Student-t
    law with the index of the column's heavier tail, or a Gaussian one where both are light. An
    atom of probability ``p`` above a share ``q`` of the rows is the whole interval
    :math:`[G^{-1}(q), G^{-1}(q + p)]`, unbounded if nothing is beyond the atom: what a model draws
    there is the atom exactly. Between, the map is a line between at most 100 knots; the last 5 %
    of the values off the atoms, on a side without an atom at its end, go on

    - in a straight line, so that the tail keeps its index and its shape, whatever model learns it;
    - or, where the side has a bound, by :math:`b - (b - x_K) e^{-r (z - z_K)}`, which is a straight
      line while the bound is far, and does not reach it.

    Slope and ``r`` are such that the median of these rows goes to that of :math:`G` there.

    Attributes:
        x: Values at the knots, not falling, shape ``(K,)``, in units of the data; two of each atom,
            one of an atom at an end.
        z: The knots on the line, not falling, shape ``(K,)``.
        values: The atoms, rising, shape ``(k,)``.
        levels: The shares below and up to each atom, shape ``(k, 2)``.
        nu: Degrees of freedom of the reference law, infinite for a Gaussian one.
        ends: For the lower and the upper side, the slope of ``x`` over ``z`` at the last knot, zero
            where an atom is beyond, and the bound, infinite without one.

    References:
        Rüschendorf, On the distributional transform, Sklar's theorem, and the empirical copula
        process, 2009; Glasbey and Nevison, Rainfall modelling using a latent Gaussian variable,
        1997.
    """

    x: Array
    z: Array
    values: Array
    levels: Array
    nu: float
    ends: tuple[tuple[float, float], tuple[float, float]]

    @classmethod
    def fit(
        cls,
        x: Array,
        atoms: Array,
        low: float = -math.inf,
        high: float = math.inf,
        nu: float = math.inf,
    ) -> Self:
        """Fit the map to a column.

        Args:
            x: Values, shape ``(n,)``, finite, within the bounds.
            atoms: The atoms, rising, each of them the value of a row; a bound that rows lie on is
                one of them.
            low: Lower bound, minus infinity without one.
            high: Upper bound, infinity without one.
            nu: Degrees of freedom of the reference law, infinite for a Gaussian one.
        """
        x = np.sort(x)
        spans = [np.searchsorted(x, atoms, side) / len(x) for side in ("left", "right")]
        levels = np.stack(spans, axis=1)
        free = ~np.isin(x, atoms)
        rest, rank = x[free], ((np.arange(len(x)) + 0.5) / len(x))[free]
        ends = []
        for sign, bound in ((-1.0, -low), (1.0, high)):
            own, share = (sign * rest)[:: int(sign)], rank if sign > 0 else 1.0 - rank[::-1]
            outer = float(sign * atoms[-1 if sign > 0 else 0])
            edge = levels[-1, 1] if sign > 0 else 1.0 - levels[0, 0]
            ends.append(_fit_end(own, share, outer, float(edge), bound, nu))
        inside = (rest >= -ends[0].knot) & (rest <= ends[1].knot)
        knots, shares = _thinned(rest[inside], rank[inside])
        inner = (levels > 0) & (levels < 1)
        knots = np.concatenate([knots, np.stack([atoms, atoms], axis=1)[inner]])
        shares = np.concatenate([shares, levels[inner]])
        order = np.lexsort((knots, shares))
        return cls(
            knots[order],
            _quantile(shares[order], nu),
            np.asarray(atoms, np.float64),
            levels,
            nu,
            ((ends[0].slope, -ends[0].bound), (ends[1].slope, ends[1].bound)),
        )

    def to_line(self, x: Array, levels: Array) -> Array:
        """Map values to the line.

        Args:
            x: Values, shape ``(n,)``.
            levels: For each row on an atom its level on the line, between those of the atom;
                ignored for the others. Shape ``(n,)``.
        """
        z = np.interp(x, self.x, self.z)
        for sign, (slope, bound) in zip((-1.0, 1.0), self.ends, strict=True):
            k = 0 if sign < 0 else -1
            beyond = sign * (x - self.x[k]) > 0
            if slope > 0 and beyond.any():
                far = sign * (x[beyond] - self.x[k])
                room = abs(bound - self.x[k])
                if math.isfinite(room):
                    far = -room * np.log1p(-np.minimum(far / room, NEAREST))
                z[beyond] = self.z[k] + sign * far / slope
        on = np.isin(x, self.values)
        z[on] = _quantile(levels[on], self.nu)
        return z

    def to_data(self, z: Array) -> Array:
        """Map the line to values; those on the interval of an atom are equal to it."""
        x = np.interp(z, self.z, self.x)
        for sign, (slope, bound) in zip((-1.0, 1.0), self.ends, strict=True):
            k = 0 if sign < 0 else -1
            beyond = sign * (z - self.z[k]) > 0
            if slope > 0 and beyond.any():
                far = slope * sign * (z[beyond] - self.z[k])
                room = abs(bound - self.x[k])
                if math.isfinite(room):
                    # From the bound, which a sum from the knot could pass by rounding.
                    x[beyond] = bound - sign * room * np.exp(-far / room)
                else:
                    x[beyond] = self.x[k] + sign * far
        return x

    def intervals(self, x: Array) -> tuple[Array, Array]:
        """Return the levels between which each row is on the line: one alone off the atoms.

        Args:
            x: Values, shape ``(n,)``.

        Returns:
            Lower and upper levels, each of shape ``(n,)``; those of a row off the atoms are equal.
        """
        on = np.isin(x, self.values)
        which = np.searchsorted(self.values, x[on])
        z = self.to_line(x, np.full(len(x), 0.5))
        low = _level(z, self.nu)
        high = low.copy()
        low[on], high[on] = self.levels[which].T
        return low, high

    def as_dict(self) -> dict[str, Any]:
        """Return the map as plain data, without infinities."""
        return {
            "x": self.x.tolist(),
            "z": self.z.tolist(),
            "values": self.values.tolist(),
            "levels": self.levels.tolist(),
            "nu": _finite(self.nu),
            "ends": [[slope, _finite(bound)] for slope, bound in self.ends],
        }

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Self:
        """Build the map that ``as_dict`` has described."""
        low, high = (
            (float(slope), sign * math.inf if bound is None else float(bound))
            for sign, (slope, bound) in zip((-1.0, 1.0), plain["ends"], strict=True)
        )
        nu = math.inf if plain["nu"] is None else float(plain["nu"])
        x, z, values, levels = (
            np.array(plain[key], np.float64) for key in ("x", "z", "values", "levels")
        )
        return cls(x, z, values, levels, nu, (low, high))


@dataclass(frozen=True)
class _End:
    """How a side goes on beyond its last knot: the knot, the slope there, and the bound."""

    knot: float
    slope: float
    bound: float


def _fit_end(x: Array, share: Array, atom: float, edge: float, bound: float, nu: float) -> _End:
    """Fit the upper end: values off the atoms, rising, with their levels, and the last atom.

    ``edge`` is the level up to the last atom. The lower end is the upper one of the column's mirror
    image.
    """
    above = x > atom
    count, rows = int(above.sum()), len(x)
    if not count:
        return _End(math.inf, 0.0, bound)
    own, levels = x[above], share[above]
    beyond = min(max(math.ceil(TAIL * rows), FEWEST_BEYOND), (count + 1) // 2)
    if beyond < count:
        knot, level = float(own[-beyond - 1]), float(levels[-beyond - 1])
    else:
        knot, level = atom, edge
    tail = own[own > knot]
    if not len(tail):  # ties at the end
        knot, level, tail = atom, edge, own
    start = float(_quantile(np.array([level]), nu)[0])
    middle = float(_quantile(np.array([1.0 - 0.5 * (1.0 - level)]), nu)[0])
    far, room = float(np.median(tail)) - knot, bound - knot
    if math.isfinite(room):
        far = -room * math.log1p(-far / room)
    return _End(knot, far / (middle - start), bound)


def _thinned(x: Array, rank: Array) -> tuple[Array, Array]:
    """Return distinct values with their middle levels, at most ``KNOTS`` of them, and both ends."""
    values, inverse, counts = np.unique(x, return_inverse=True, return_counts=True)
    middle = np.bincount(inverse, rank, len(values)) / np.maximum(counts, 1)
    if len(values) > KNOTS:
        chosen = np.unique(np.linspace(0, len(values) - 1, KNOTS).round().astype(int))
        values, middle = values[chosen], middle[chosen]
    return values, middle


def reference_nu(columns: Sequence[tuple[Array, Array]]) -> float:
    r"""Compute the degrees of freedom of the reference law of the columns of a table with atoms.

    One over the mean, over the columns, of the extreme value index of the heavier side of the
    median, by the values off the atoms; infinite where the mean is below 0.01. It is one law for
    all columns, since models such as Student-t laws have one index for all.

    Args:
        columns: Values, shape ``(n,)``, and atoms of each column.
    """
    indices = []
    for x, atoms in columns:
        y = x[~np.isin(x, atoms)] - np.median(x)
        sides = [estimate_side(side[side > 0]) for side in (y, -y)]
        indices.append(max((tail.xi for tail in sides if tail is not None), default=0.0))
    mean = float(np.mean(np.maximum(indices, 0.0)))
    return math.inf if mean < 1.0 / LARGEST_NU else max(1.0 / mean, SMALLEST_NU)


def _quantile(p: Array, nu: float) -> Array:
    """Return quantiles of the reference law."""
    from scipy.special import ndtri, stdtrit

    return np.asarray(ndtri(p) if math.isinf(nu) else stdtrit(nu, p), dtype=np.float64)


def _level(z: Array, nu: float) -> Array:
    """Return the distribution function of the reference law."""
    from scipy.special import ndtr, stdtr

    return np.asarray(ndtr(z) if math.isinf(nu) else stdtr(nu, z), dtype=np.float64)


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def atoms_of(x: Array, share: float = SHARE) -> Array:
    """Return the values of a column that are atoms, rising.

    Args:
        x: Values, shape ``(n,)``.
        share: Share of the rows, and at least three of them, that an atom is equal to.
    """
    values, counts = np.unique(x, return_counts=True)
    return np.asarray(values[counts >= max(FEWEST, share * len(x))])
