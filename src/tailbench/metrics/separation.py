"""Which methods can be told apart: comparisons of all pairs, and groups that cannot be."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ENOUGH_SEEDS", "FEW", "cliques", "complete", "few_seeds", "holm", "pairwise"]

ENOUGH_SEEDS = 5
"""Seeds below which methods are not ranked."""

FEW = "not enough seeds to rank"

_Array = NDArray[np.float64]
_COLUMNS = ["group", "first", "second", "difference", "low", "high", "p", "p_holm", "apart"]
_COLUMNS += ["test", "datasets", "seeds"]


def pairwise(
    table: pd.DataFrame, level: float = 0.05, bootstrap: int = 10_000, seed: int = 0
) -> pd.DataFrame:
    r"""Compare every pair of methods in each group.

    Of each pair the differences of scores are taken within data sets and seeds, on the cells that
    both have. Where there are enough data sets for it, the test is Wilcoxon's signed rank test of
    the means by data set, exact where scipy has it so. It can refuse nothing after Holm's
    adjustment for ``m`` pairs if ``2^(1 - D) m > level``: with fewer data sets ``D`` than that,
    the test is the bootstrap of the mean difference that draws seeds within data sets, whose
    verdict is about these data sets and not about others. Draws of ``n`` seeds have a variance
    that is ``(n - 1) / n`` of what it should be, and are stretched by the root of that.

    P-values are adjusted by Holm's method over the pairs of the group; the intervals are not.
    Below 5 seeds on a data set there is no test: ``low`` and ``high`` are then the range of the
    differences over seeds, of their means over data sets.

    Args:
        table: The scores.
        level: Error rate of each group.
        bootstrap: Number of resamples; more where there are so many pairs that fewer could
            refuse nothing.
        seed: Seed of the resampling.

    Returns:
        One row for each ``group`` and pair ``first``, ``second`` (names for readers):
        ``difference`` (mean of first less second: below zero, the first is better), ``low`` and
        ``high`` (95 % interval by the bootstrap), ``p``, ``p_holm``, ``apart``, ``test``
        (``wilcoxon``, ``bootstrap`` or ``range``), and the common ``datasets`` and least number
        of ``seeds`` in one.

    References:
        Wilcoxon, Individual comparisons by ranking methods (1945). Holm, A simple sequentially
        rejective multiple test procedure (1979). Benavoli, Corani and Mangili, Should we really
        use post-hoc tests based on mean-ranks? (2016), for pairs without the others in the pool.
    """
    import pandas as pd

    rows: list[dict[str, Any]] = []
    for group, of in table.groupby("group", sort=False):
        wide = of.pivot(index=["dataset", "seed"], columns="name", values="score")
        columns = {str(name): wide[name].to_numpy() for name in wide.columns}
        names = wide.index.get_level_values(0)
        sets = [np.flatnonzero(names == name) for name in names.unique()]
        pairs = list(itertools.combinations(columns, 2))
        # a p-value of resamples is at least 2 / (resamples + 1), which has to pass Holm's factor
        draws = max(bootstrap, math.ceil(4 * len(pairs) / level))
        found = []
        for first, second in pairs:
            difference = columns[first] - columns[second]
            parts = [difference[cells] for cells in sets]
            parts = [part[~np.isnan(part)] for part in parts]
            parts = [part for part in parts if len(part)]
            row = {"group": group, "first": first, "second": second}
            found.append(row | _compare(parts, len(pairs), level, draws, seed))
        adjusted = holm([row["p"] for row in found])
        rows += [
            row | {"p_holm": p, "apart": bool(p <= level)}
            for row, p in zip(found, adjusted, strict=True)
        ]
    return pd.DataFrame(rows, columns=_COLUMNS)


def holm(p: ArrayLike) -> _Array:
    """Return p-values adjusted for their number, shape ``(m,)``; ``nan`` stays, uncounted.

    The ``i``-th smallest of ``m`` is multiplied by ``m - i + 1``, raised to the one before it
    where that is more, and at most 1.

    References:
        Holm, A simple sequentially rejective multiple test procedure (1979).
    """
    values = np.asarray(p, dtype=np.float64)
    adjusted = np.full_like(values, np.nan)
    known = np.flatnonzero(~np.isnan(values))
    order = known[np.argsort(values[known], kind="stable")]
    stepped = values[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(stepped), 1.0)
    return adjusted


def cliques(order: Sequence[str], pairs: pd.DataFrame) -> list[list[str]]:
    """Return the groups of neighbours in an order of which no pair can be told apart.

    Each is as large as can be; a method that differs from all others is a group by itself, and
    one may be in several groups. Every method is in one.

    Args:
        order: Names of methods, the best first.
        pairs: The comparisons of one group, from ``pairwise``.
    """
    refused = pairs.loc[pairs["apart"], ["first", "second"]]
    apart = {frozenset(pair) for pair in refused.itertuples(index=False, name=None)}
    found: list[list[str]] = []
    end = 0
    for start in range(len(order)):
        stop = start + 1
        while stop < len(order) and not any(
            frozenset((name, order[stop])) in apart for name in order[start:stop]
        ):
            stop += 1
        if stop > end:
            found.append(list(order[start:stop]))
            end = stop
    return found


def complete(of: pd.DataFrame) -> list[str]:
    """Return the names that have a score in every cell of one group that any method has."""
    count = of[["dataset", "seed"]].drop_duplicates().shape[0]
    there = of.groupby("name", sort=False).size()
    return [str(name) for name in there.index[there == count]]


def few_seeds(of: pd.DataFrame) -> bool:
    """Whether a data set of one group has fewer than 5 seeds."""
    return bool(of.groupby("dataset")["seed"].nunique().min() < ENOUGH_SEEDS)


def _compare(
    parts: list[_Array], pairs: int, level: float, bootstrap: int, seed: int
) -> dict[str, Any]:
    """Test the differences of two methods, given by data set."""
    empty = {"difference": math.nan, "low": math.nan, "high": math.nan, "p": math.nan}
    row: dict[str, Any] = {**empty, "test": "", "datasets": len(parts), "seeds": 0}
    if not parts:
        return row
    means = np.array([part.mean() for part in parts])
    row |= {"difference": float(means.mean()), "seeds": min(len(part) for part in parts)}
    if row["seeds"] < ENOUGH_SEEDS:
        by_seed = [part[: row["seeds"]] for part in parts]
        ends = np.mean(by_seed, axis=0)
        return row | {"low": float(ends.min()), "high": float(ends.max()), "test": "range"}
    drawn = _drawn_means(parts, bootstrap, seed)
    row["low"], row["high"] = map(float, np.quantile(drawn, [0.025, 0.975]))
    if 2.0 ** (1 - len(parts)) * pairs <= level:
        return row | {"p": _wilcoxon(means), "test": "wilcoxon"}
    beyond = min(int((drawn <= 0).sum()), int((drawn >= 0).sum()))
    return row | {"p": min(1.0, 2 * (beyond + 1) / (bootstrap + 1)), "test": "bootstrap"}


def _drawn_means(parts: list[_Array], bootstrap: int, seed: int) -> _Array:
    """Draw the mean over data sets of the means over seeds, ``(bootstrap,)``."""
    total = np.zeros(bootstrap)
    for number, part in enumerate(parts):
        n = len(part)
        drawn = _weights(n, number, bootstrap, seed) @ (part - part.mean())
        total += part.mean() + math.sqrt(n / (n - 1)) * drawn
    return total / len(parts)


@lru_cache(maxsize=64)
def _weights(n: int, number: int, bootstrap: int, seed: int) -> _Array:
    """Return the weights of the seeds of one data set in each resample, ``(bootstrap, n)``."""
    rng = np.random.default_rng([seed, number])
    return rng.multinomial(n, np.full(n, 1 / n), size=bootstrap) / n


def _wilcoxon(means: _Array) -> float:
    from scipy.stats import wilcoxon

    if not means.any():
        return 1.0
    return float(wilcoxon(means).pvalue)
