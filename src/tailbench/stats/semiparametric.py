r"""The law of one column: what the data say between two thresholds, and power laws beyond.

A probability is given as a pair ``p`` and ``q = 1 - p``, each of which is exact where it is
small: a far quantile of the upper side needs ``q``, which ``1 - p`` does not have.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from tailbench.stats.generalised_pareto import MIN_TAIL, ParetoTail, fit_pareto_tail

__all__ = [
    "KNOTS",
    "SemiparametricLaw",
    "fit_laws",
    "has_atom",
    "pseudo_levels",
    "stack_laws",
    "stacked_quantiles",
    "unstack_laws",
]

Array = NDArray[np.float64]

KNOTS = 1000
ATOM = 0.005  # share of equal values that are an atom: fewer are ties of rounding


@dataclass(frozen=True)
class SemiparametricLaw:
    r"""Smoothed empirical distribution function with generalised Pareto tails.

    Between the thresholds the quantile function is a line between knots: of the empirical one, at
    even levels. A flat piece is an atom. Beyond, each side has a tail of its own.

    Attributes:
        levels: Probabilities of the knots, rising, shape ``(K,)``.
        values: Values there, in units of the data, not falling, shape ``(K,)``.
        low: The tail of the column with its sign changed.
        high: The upper tail.

    References:
        Carmona and Morrisson, Heavy tails and copulas with Evanesce, 2000.
    """

    levels: Array
    values: Array
    low: ParetoTail
    high: ParetoTail

    @classmethod
    def fit(cls, x: Array, fraction: float = 0.05) -> Self:
        """Train the law on a column.

        Args:
            x: Values, shape ``(n,)``, finite.
            fraction: Share of the values beyond each threshold; at least 30 of them, but at most a
                quarter of all. A threshold in an atom moves to its outer end.
        """
        x = np.sort(np.asarray(x, dtype=np.float64))
        high, low = _fit_side(x, fraction), _fit_side(-x[::-1], fraction)
        levels, values, atoms = _line(x)
        even = np.linspace(low.mass, 1.0 - high.mass, KNOTS)
        grid, knots = even.copy(), np.interp(even, levels, values)
        for begin, end, value in atoms:
            first = np.searchsorted(even, begin - 1e-12)
            last = np.searchsorted(even, end + 1e-12) - 1
            if first <= last:
                grid[first], grid[last] = max(begin, even[0]), min(end, even[-1])
                knots[first : last + 1] = value
        knots[0] = -low.threshold if low.mass else x[0]
        knots[-1] = high.threshold if high.mass else x[-1]
        return cls(grid, knots, low, high)

    def cdf(self, x: Array) -> Array:
        r"""Return :math:`P(X \le x)`, exact where it is small, of the shape of ``x``."""
        return self._probabilities(x)[0]

    def survival(self, x: Array) -> Array:
        """Return :math:`P(X > x)`, exact where it is small, of the shape of ``x``."""
        return self._probabilities(x)[1]

    def _probabilities(self, x: Array) -> tuple[Array, Array]:
        x = np.asarray(x, dtype=np.float64)
        after = np.clip(np.searchsorted(self.values, x, side="right"), 1, len(self.values) - 1)
        start, end = self.values[after - 1], self.values[after]
        with np.errstate(invalid="ignore", divide="ignore"):
            share = np.where(end > start, np.clip((x - start) / (end - start), 0.0, 1.0), 1.0)
        p = self.levels[after - 1] + share * (self.levels[after] - self.levels[after - 1])
        p = np.where(x < self.values[0], 0.0, p)
        q = 1.0 - p
        if self.low.mass:
            below = x < -self.low.threshold
            p[below] = self.low.survival(-x[below])
            q[below] = 1.0 - p[below]
        if self.high.mass:
            above = x > self.high.threshold
            q[above] = self.high.survival(x[above])
            p[above] = 1.0 - q[above]
        return p, q

    def quantile(self, p: Array, q: Array | None = None) -> Array:
        """Return the quantiles of some levels, in units of the data, of the shape of ``p``.

        Args:
            p: Levels in [0, 1].
            q: Their distances from 1, where these are known to more digits than ``1 - p`` has.
        """
        p = np.asarray(p, dtype=np.float64)
        q = 1.0 - p if q is None else np.asarray(q, dtype=np.float64)
        x = np.interp(p, self.levels, self.values)
        below, above = p < self.low.mass, q < self.high.mass
        x[below] = 0.0 - self.low.inverse(p[below])
        x[above] = self.high.inverse(q[above])
        return x


def _line(x: Array) -> tuple[Array, Array, Array]:
    """Return levels and values of the empirical quantile function of sorted values, and its atoms.

    A value is at the middle of its levels, an atom has both ends. The atoms are rows of both levels
    and the value.
    """
    n = len(x)
    values, counts = np.unique(x, return_counts=True)
    atoms = counts >= _least_count(n)
    upto = np.cumsum(counts)
    below = upto - counts
    knots = 1 + atoms
    levels = np.repeat(np.where(atoms, below, 0.5 * (below + upto)), knots)
    levels[(np.cumsum(knots) - 1)[atoms]] = upto[atoms]
    found = np.stack([below / n, upto / n, values], axis=1)[atoms]
    return levels / n, np.repeat(values, knots), found


def _least_count(n: int) -> float:
    """Return how many of ``n`` values have to be equal to be an atom."""
    return max(3.0, ATOM * n)


def has_atom(x: Array) -> bool:
    """Return whether a value of a column is an atom: one in two hundred is equal to it."""
    return bool(np.unique(x, return_counts=True)[1].max() >= _least_count(len(x)))


def _fit_side(x: Array, fraction: float) -> ParetoTail:
    """Train the upper tail of sorted values, and choose its threshold."""
    n = len(x)
    k = min(max(int(fraction * n), MIN_TAIL), n // 4)
    levels, values, atoms = _line(x)
    threshold = float(np.interp(1.0 - k / n, levels, values))
    if len(atoms) and atoms[-1, 1] > 1.0 - k / n:
        threshold = float(atoms[-1, 2])
        k = int(np.count_nonzero(x > threshold))
    return fit_pareto_tail(x, threshold, k / n)


def fit_laws(x: Array, fraction: float = 0.05) -> list[SemiparametricLaw]:
    """Train the laws of the columns of data ``(n, d)``; see ``SemiparametricLaw.fit``."""
    return [SemiparametricLaw.fit(column, fraction) for column in x.T]


def stack_laws(laws: Sequence[SemiparametricLaw]) -> dict[str, Array]:
    """Return laws as arrays: ``levels`` and ``values`` ``(d, K)``, ``tails`` ``(d, 2, 6)``."""
    return {
        "levels": np.stack([law.levels for law in laws]),
        "values": np.stack([law.values for law in laws]),
        "tails": np.array([[astuple(law.low), astuple(law.high)] for law in laws], np.float64),
    }


def stacked_quantiles(arrays: Mapping[str, Any], p: Array, q: Array | None = None) -> Array:
    """Return quantiles of stacked laws, column by column; see ``SemiparametricLaw.quantile``.

    Args:
        arrays: What ``stack_laws`` has returned.
        p: Levels, shape ``(n, d)``.
        q: Their distances from 1.

    Returns:
        Shape ``(n, d)``, in units of the data.
    """
    rest = 1.0 - p if q is None else q
    laws = enumerate(unstack_laws(arrays))
    return np.stack([law.quantile(p[:, j], rest[:, j]) for j, law in laws], axis=1)


def unstack_laws(arrays: Mapping[str, Any]) -> list[SemiparametricLaw]:
    """Build laws from what ``stack_laws`` has made of them."""
    return [
        SemiparametricLaw(levels, values, *(_tail_of(side) for side in tails))
        for levels, values, tails in zip(
            arrays["levels"], arrays["values"], arrays["tails"], strict=True
        )
    ]


def _tail_of(numbers: Array) -> ParetoTail:
    mass, threshold, scale, xi, bound, ends = numbers.tolist()
    return ParetoTail(mass, threshold, scale, xi, bound, bool(ends))


def pseudo_levels(x: Array, rng: np.random.Generator) -> Array:
    r"""Compute the ranks of data over :math:`n + 1`, column by column; ties are in random order.

    Args:
        x: Data, shape ``(n, d)``.
        rng: What orders equal values.

    Returns:
        Levels in (0, 1), shape ``(n, d)``.

    References:
        Rüschendorf, On the distributional transform, Sklar's theorem, and the empirical copula
        process, 2009.
    """
    ranks = np.empty(x.shape)
    for j, column in enumerate(x.T):
        ranks[np.lexsort((rng.random(len(x)), column)), j] = np.arange(1, len(x) + 1)
    return ranks / (len(x) + 1.0)
