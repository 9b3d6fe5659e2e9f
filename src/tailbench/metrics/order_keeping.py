"""Parts of a benchmark, some of its data sets and seeds, that keep the order of its methods."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from tailbench.exceptions import InputError
from tailbench.metrics.group_scores import QUALITY, costs
from tailbench.metrics.ranking import iqm
from tailbench.metrics.separation import complete, pairwise

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Part", "cheapest", "kendall", "order_keeping"]

LEAST = 4
"""Methods without which there is no order to keep."""

_Array = NDArray[np.float64]


@dataclass(frozen=True)
class Part:
    """Some data sets and seeds, and how well they keep the order of all.

    Attributes:
        datasets: Names of data sets.
        seeds: Numbers of seeds, the first ones.
        share: Seconds of training and sampling (medians over methods), as a share of the whole.
        agreement: By group of metrics: ``kendall`` and ``spearman``, the correlations of the
            interquartile means of the part with those of the whole. Then of each method in a part
            that was chosen without it: ``held_out``, Kendall's correlation; ``apart``, the share
            of the pairs that the whole tells apart which stand in the same order, 1 if there are
            none; ``moved``, the most places that a method moves.
    """

    datasets: tuple[str, ...]
    seeds: tuple[int, ...]
    share: float
    agreement: dict[str, dict[str, float]]

    def least(self, key: str) -> float:
        """Return the least value of ``agreement`` in a group, such as of ``held_out``."""
        return min(of[key] for of in self.agreement.values())


@dataclass(frozen=True)
class _Scores:
    """Scores of shape ``(groups, methods, data sets, seeds)``, and the names along the axes.

    ``apart`` says which pairs of methods all scores tell apart, ``(groups, methods, methods)``.
    """

    groups: tuple[str, ...]
    methods: tuple[str, ...]
    datasets: tuple[str, ...]
    seeds: tuple[int, ...]
    values: _Array
    apart: NDArray[np.bool_]


def order_keeping(table: pd.DataFrame, metrics: pd.DataFrame) -> list[Part]:
    """Find the part of each size that best keeps the order of the methods in each group.

    For the first ``S`` seeds, data sets are added one after another: each time the one with which
    the least of the groups' Kendall correlations, of interquartile means of the part and of the
    whole, is largest. The same is done without each method in turn, and that method is then placed
    among the others by the part: one that was chosen for some methods has to place another.

    Methods count that have a score in every cell, and data sets that all groups have.

    Args:
        table: The scores.
        metrics: The tidy metrics, for the costs.

    Returns:
        One part for each number of seeds and of data sets.

    Raises:
        InputError: If fewer than 4 methods have a score in every cell, or data sets do not have
            the same seeds.
    """
    known = _arrays(table)
    seconds = costs(metrics).groupby("dataset")["seconds"].median()
    weights = seconds.reindex(list(known.datasets)).fillna(0.0).to_numpy()
    weights = weights / max(weights.sum(), 1e-300) / len(known.seeds)
    whole = _means(known.values, range(len(known.datasets)))
    everyone = np.arange(len(known.methods))
    found = []
    for count in range(1, len(known.seeds) + 1):
        cells = known.values[..., :count]
        path = _greedy(cells, whole, everyone)
        without = [_greedy(cells, whole, np.delete(everyone, m)) for m in everyone]
        for size in range(1, len(known.datasets) + 1):
            held_out = np.stack([_means(cells, other[:size]) for other in without])
            agreement = _agreement(_means(cells, path[:size]), whole, held_out, known.apart)
            found.append(
                Part(
                    tuple(known.datasets[d] for d in sorted(path[:size])),
                    known.seeds[:count],
                    float(weights[path[:size]].sum() * count),
                    dict(zip(known.groups, agreement, strict=True)),
                )
            )
    return found


def cheapest(
    parts: Sequence[Part], correlation: float = 0.8, apart: float = 0.95, least_seeds: int = 1
) -> Part:
    """Return the part of the least cost that keeps the order in every group.

    Args:
        parts: The parts, from ``order_keeping``.
        correlation: Least Kendall correlation of methods held out.
        apart: Least share of the pairs told apart that stand in the same order.
        least_seeds: Least number of seeds.

    Raises:
        InputError: If there is none.
    """
    good = [
        part
        for part in parts
        if part.least("held_out") >= correlation
        and part.least("apart") >= apart
        and len(part.seeds) >= least_seeds
    ]
    if not good:
        raise InputError(
            f"no part has a correlation of {correlation:g} and {apart:.0%} of the pairs told apart"
        )
    return min(good, key=lambda part: (part.share, -part.least("held_out")))


def kendall(one: _Array, other: _Array) -> _Array:
    """Compute Kendall's tau-b over the last axis, that of ``scipy.stats.kendalltau``, for many.

    Where all values are equal there is no order, and the correlation is 0.

    Args:
        one: Values, shape ``(..., n)``.
        other: Values, of a shape that fits.
    """
    i, j = np.triu_indices(one.shape[-1], 1)
    a, b = np.sign(one[..., i] - one[..., j]), np.sign(other[..., i] - other[..., j])
    size = np.sqrt((a * a).sum(-1) * (b * b).sum(-1))
    return np.asarray((a * b).sum(-1) / np.where(size > 0, size, 1.0))


def _arrays(table: pd.DataFrame) -> _Scores:
    """Lay the scores out as an array."""
    of = {group: table[table["group"] == group] for group in QUALITY}
    of = {group: rows for group, rows in of.items() if len(rows)}
    methods = list(dict.fromkeys(table["name"]))
    datasets = list(dict.fromkeys(table["dataset"]))
    for rows in of.values():
        whole = set(complete(rows))
        methods = [name for name in methods if name in whole]
        datasets = [name for name in datasets if name in set(rows["dataset"])]
    seeds = sorted(table["seed"].unique())
    if len(methods) < LEAST:
        raise InputError(f"{len(methods)} methods have all scores, and {LEAST} are needed")
    places = [(dataset, seed) for dataset in datasets for seed in seeds]
    layers = []
    for rows in of.values():
        wide = rows.pivot(index=["dataset", "seed"], columns="name", values="score")
        values = wide.reindex(index=places, columns=methods).to_numpy().T
        if np.isnan(values).any():
            raise InputError("the data sets do not have the same seeds")
        layers.append(values.reshape(len(methods), len(datasets), len(seeds)))
    return _Scores(
        tuple(of),
        tuple(methods),
        tuple(datasets),
        tuple(int(seed) for seed in seeds),
        np.stack(layers),
        np.stack([_apart(rows, methods) for rows in of.values()]),
    )


def _apart(rows: pd.DataFrame, methods: list[str]) -> NDArray[np.bool_]:
    """Return which pairs of methods the scores of a group tell apart."""
    pairs = pairwise(rows)
    found = pairs.loc[pairs["apart"], ["first", "second"]]
    told = {frozenset(pair) for pair in found.itertuples(index=False, name=None)}
    return np.array([[frozenset((a, b)) in told for b in methods] for a in methods])


def _means(cells: _Array, datasets: Sequence[int]) -> _Array:
    """Return the interquartile means over some data sets and all seeds, ``(groups, methods)``."""
    chosen = cells[:, :, list(datasets)]
    return iqm(chosen.reshape(*chosen.shape[:2], -1))


def _greedy(cells: _Array, whole: _Array, methods: NDArray[np.intp]) -> list[int]:
    """Return all data sets in the order in which they are added, for the order of some methods."""
    path: list[int] = []
    own, cells = whole[:, methods], cells[:, methods]
    while len(path) < cells.shape[2]:
        left = [d for d in range(cells.shape[2]) if d not in path]
        taus = {d: kendall(_means(cells, [*path, d]), own) for d in left}
        # of equal ones the first, so that nothing depends on last digits
        found = {d: np.round([tau.min(), tau.mean()], 12).tolist() for d, tau in taus.items()}
        path.append(max(left, key=found.__getitem__))
    return path


def _agreement(
    part: _Array, whole: _Array, held_out: _Array, apart: NDArray[np.bool_]
) -> list[dict[str, float]]:
    """Compare interquartile means of a part with those of the whole, group by group.

    Args:
        part: Those of the part, shape ``(groups, methods)``.
        whole: Those of the whole.
        held_out: Those of the parts that were chosen without a method, by this method,
            ``(methods, groups, methods)``.
        apart: Which pairs the whole tells apart.
    """
    from scipy.stats import rankdata, spearmanr

    found = []
    for g in range(len(whole)):
        places = rankdata(whole[g])
        every = np.arange(len(places))
        placed = np.array([rankdata(held_out[m, g])[m] for m in every])
        order = np.sign(whole[g][:, None] - whole[g])
        # row m has the method m beside the others, in the part that was chosen without it
        same = order * np.sign(held_out[every, g, every][:, None] - held_out[:, g])
        found.append(
            {
                "kendall": float(kendall(part[g], whole[g])),
                "spearman": float(spearmanr(part[g], whole[g]).statistic),
                "held_out": float(same.sum() / max(np.abs(order).sum(), 1.0)),
                "apart": float((same[apart[g]] > 0).mean()) if apart[g].any() else 1.0,
                "moved": float(np.abs(placed - places).max()),
            }
        )
    return found
