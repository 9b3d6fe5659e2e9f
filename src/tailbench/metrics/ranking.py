"""Ranks of methods over data sets and seeds, with intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tailbench.metrics.separation import FEW, cliques, complete, few_seeds, pairwise

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["iqm", "ranking"]

_Array = NDArray[np.float64]
_COLUMNS = ["group", "method", "variant", "name", "iqm", "low", "high", "rank", "rank_low"]
_COLUMNS += ["rank_high", "won", "cliques", "datasets", "seeds", "missing", "note"]


def ranking(
    table: pd.DataFrame,
    pairs: pd.DataFrame | None = None,
    bootstrap: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """Rank the methods in each group by the interquartile mean of their scores.

    The interquartile mean is the mean of the middle half of all cells, data sets times seeds,
    which neither one data set nor one seed decides. Intervals, at 95 %, are percentiles over
    resamples that draw data sets, then seeds within each, the same for all methods: they say what
    other data sets like these would give, and are too narrow for few of them: about 80 % of what is
    said to be 95 % for 3. One data set alone is kept, and its seeds are drawn.

    A method is ranked if it has a score in every cell of the group that any method has. Nothing is
    put in place of a cell that is missing: the method comes last, with what its own cells give, no
    rank, and a ``note``. Below 5 seeds on a data set nobody is ranked; ``low`` and ``high`` are
    then the range over seeds, and the note is "not enough seeds to rank".

    Args:
        table: The scores.
        pairs: The comparisons of all pairs; computed if left out.
        bootstrap: Number of resamples.
        seed: Seed of the resampling.

    Returns:
        One row for each ``group``, ``method`` and ``variant``, best first: ``name``, ``iqm``,
        ``low``, ``high``, ``rank`` (1 is best; ``nan`` without), ``rank_low``, ``rank_high``,
        ``won`` (share of data sets on which its mean is lowest, divided among equals),
        ``cliques`` (letters, with blanks between, of the groups it is in that cannot be told
        apart), ``datasets``, ``seeds`` (least number), ``missing`` (cells), ``note``.

    References:
        Agarwal et al., Deep reinforcement learning at the edge of the statistical precipice
        (2021), for the interquartile mean and the bootstrap of runs.
    """
    import pandas as pd

    pairs = pairwise(table) if pairs is None else pairs
    rows: list[dict[str, Any]] = []
    for group, of in table.groupby("group", sort=False):
        rows += _rank_group(of, pairs[pairs["group"] == group], bootstrap, seed)
    return pd.DataFrame(rows, columns=_COLUMNS)


def iqm(values: _Array) -> _Array:
    """Compute the interquartile mean over the last axis: of what is left without both quarters.

    A quarter is rounded down to whole values, as by ``scipy.stats.trim_mean``.
    """
    from scipy.stats import trim_mean

    return np.asarray(trim_mean(values, 0.25, axis=-1))


def _rank_group(
    of: pd.DataFrame, pairs: pd.DataFrame, bootstrap: int, seed: int
) -> list[dict[str, Any]]:
    """Rank the methods of one group."""
    wide = of.pivot(index=["dataset", "seed"], columns="name", values="score")
    whole, few = complete(of), few_seeds(of)
    known = of.drop_duplicates("name").set_index("name")
    rows: list[dict[str, Any]] = []
    for name in map(str, wide.columns):
        own = wide[name].dropna()
        lacking = len(wide) - len(own)
        rows.append(
            {
                "group": known.loc[name, "group"],
                "method": known.loc[name, "method"],
                "variant": known.loc[name, "variant"],
                "name": name,
                "iqm": float(iqm(own.to_numpy())),
                "datasets": own.index.get_level_values(0).nunique(),
                "seeds": int(own.groupby(level=0).size().min()),
                "missing": lacking,
                "note": _note(lacking, len(wide), few),
            }
        )
    # equal ones by name, so that nothing depends on the order of the table
    rows.sort(key=lambda row: (row["missing"] > 0, row["iqm"], row["name"]))
    if few:
        return [row | _range(wide[row["name"]].dropna()) for row in rows]
    scores = wide[whole].to_numpy().T
    names = wide.index.get_level_values(0)
    sets = [np.flatnonzero(names == name) for name in names.unique()]
    found = dict(zip(whole, _intervals(scores, sets, bootstrap, seed), strict=True))
    order = [row["name"] for row in rows if row["name"] in found]
    letters = _letters(cliques(order, pairs))
    return [row | found.get(row["name"], {}) | letters.get(row["name"], {}) for row in rows]


def _intervals(
    scores: _Array, sets: list[NDArray[np.intp]], bootstrap: int, seed: int
) -> list[dict[str, Any]]:
    """Compute ranks, their intervals and wins of scores ``(methods, cells)``, by method.

    Args:
        scores: The scores.
        sets: The cells of each data set.
        bootstrap: Number of resamples.
        seed: Seed of the resampling.
    """
    if not len(scores):
        return []
    rng = np.random.default_rng(seed)
    drawn = np.empty((bootstrap, len(scores)))
    resamples = [
        np.concatenate([rng.choice(sets[d], size=len(sets[d])) for d in chosen])
        for chosen in rng.integers(len(sets), size=(bootstrap, len(sets)))
    ]
    lengths = np.array([len(cells) for cells in resamples])
    for length in np.unique(lengths):  # one, where all data sets have the same seeds
        alike = np.flatnonzero(lengths == length)
        drawn[alike] = iqm(scores[:, np.stack([resamples[i] for i in alike])]).T
    means = np.stack([scores[:, cells].mean(axis=1) for cells in sets])
    first = np.isclose(means, means.min(axis=1, keepdims=True), rtol=0, atol=1e-12)
    won = (first / first.sum(axis=1, keepdims=True)).mean(axis=0)
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    rank_low, rank_high = np.quantile(
        _ranks(drawn), [0.025, 0.975], axis=0, method="closest_observation"
    )
    rank = _ranks(iqm(scores)[None])[0]
    columns = {"low": low, "high": high, "rank": rank, "rank_low": rank_low, "rank_high": rank_high}
    columns["won"] = won
    return [{key: float(values[k]) for key, values in columns.items()} for k in range(len(scores))]


def _ranks(values: _Array) -> _Array:
    """Return the rank of each value in its row, equal ones the least of theirs."""
    from scipy.stats import rankdata

    return np.asarray(rankdata(np.round(values, 12), method="min", axis=1), dtype=np.float64)


def _range(own: Any) -> dict[str, Any]:
    """Return the range over seeds of the interquartile mean over data sets."""
    by_seed = [float(iqm(part.to_numpy())) for _, part in own.groupby(level=1)]
    return {"low": min(by_seed), "high": max(by_seed), "cliques": ""}


def _letters(groups: list[list[str]]) -> dict[str, dict[str, str]]:
    """Return the letters of the groups that each method is in."""
    found: dict[str, str] = {}
    for number, names in enumerate(groups):
        for name in names:
            found[name] = f"{found.get(name, '')} {_letter(number)}".strip()
    return {name: {"cliques": text} for name, text in found.items()}


def _letter(number: int) -> str:
    """Return ``a`` to ``z``, then ``a1``, ``b1``, ..."""
    round_, place = divmod(number, 26)
    return chr(ord("a") + place) + (str(round_) if round_ else "")


def _note(lacking: int, cells: int, few: bool) -> str:
    parts = [FEW] if few else []
    if lacking:
        parts.append(f"not ranked: no score in {lacking} of {cells} data sets x seeds")
    return "; ".join(parts)
