"""Scores of methods by group of metrics: multiples of the floor, on a logarithmic scale."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from tailbench.data import Variant
from tailbench.exceptions import InputError
from tailbench.interfaces import MetricOutput
from tailbench.metrics.aggregate import COLUMNS, sign
from tailbench.metrics.outputs import directions

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["GROUP_NAMES", "LIMITS", "QUALITY", "costs", "missing", "scores"]

QUALITY = ("bulk", "margins", "joint")
"""The groups that methods are ranked by; those of copies and of images are tables of their own."""

GROUP_NAMES = {
    "bulk": "bulk",
    "margins": "margins' tails",
    "joint": "joint tails",
    "cost": "cost",
}
"""Names of the ranked groups for readers, in the order of tables."""

LIMITS = (0.5, 100.0)
"""Multiples of the floor at which a single output is capped."""

COSTS = ("seconds", "nfe", "peak_memory_mb")

_CELL = ["dataset", "method", "variant", "seed"]


def scores(
    metrics: pd.DataFrame,
    outputs: Mapping[str, MetricOutput] | None = None,
    limits: tuple[float, float] = LIMITS,
) -> pd.DataFrame:
    r"""Compute the score of each method, data set and seed in each group of metrics.

    .. math:: s = \operatorname{median}_k \log \operatorname{clip}(v_k / f_k, a, b)

    over the outputs ``k`` of the group, with value ``v``, floor ``f``, and ``f_k / v_k`` where
    higher is better. Zero is real data, ``log 2`` twice the floor, lower is better. Each output
    is capped at the ``limits`` ``(a, b)``: less than half of a floor is chance or a bias of the
    metric, and one output that is beyond all bounds says no more than that it failed. Outputs
    without a finite floor above zero are left out. So is a value that is ``nan``, which ``used``
    below ``there`` says; one that is infinite counts as ``b``.

    The group ``cost`` has no floor. Its score is the logarithm of the seconds of training and
    sampling over the least of all methods on the same data set and seed, not capped; evaluations
    and memory are not mixed into it, ``costs`` has them.

    Args:
        metrics: The tidy metrics; of ``cost``, ``train_seconds`` and ``sample_seconds``.
        outputs: Directions and groups of the metrics; those registered if left out.
        limits: Least and largest multiple of the floor that an output counts for.

    Returns:
        One row for each ``dataset``, ``method``, ``variant``, ``seed`` and ``group`` that has a
        score: ``name`` (method and variant for readers), ``score``, ``used`` (outputs in it) and
        ``there`` (outputs of the group that any method has with a floor on this data set and
        seed).

    Raises:
        InputError: If a column is missing, or a value of one variant is there twice.
    """
    import numpy as np
    import pandas as pd

    outputs = directions() if outputs is None else outputs
    metrics = _checked(metrics)
    known = metrics["metric"].isin(list(outputs))
    group = metrics["metric"].map({name: output.group for name, output in outputs.items()})
    rows = metrics[known & group.isin(QUALITY) & np.isfinite(metrics["floor"])]
    rows = rows.assign(group=group)[lambda table: table["floor"] > 0]
    signs = np.array([sign(name, outputs) for name in rows["metric"]], dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):  # an estimate of a distance below zero
        log = np.log(rows["value"].where(~(rows["value"] < 0), 0.0) / rows["floor"])
    rows = rows.assign(score=(signs * log).clip(math.log(limits[0]), math.log(limits[1])))
    place = ["dataset", "seed", "group"]
    there = rows.groupby(place)["metric"].nunique().rename("there").reset_index()
    table = (
        rows.groupby([*_CELL, "group"], sort=False)
        .agg(score=("score", "median"), used=("score", "count"))
        .reset_index()
        .merge(there, on=place, how="left")
    )
    seconds = costs(metrics)[[*_CELL, "seconds"]]
    seconds = seconds[np.isfinite(seconds["seconds"]) & (seconds["seconds"] > 0)]
    least = seconds.groupby(["dataset", "seed"])["seconds"].transform("min")
    cost = seconds[_CELL].assign(
        group="cost", score=np.log(seconds["seconds"] / least), used=1, there=1
    )
    table = pd.concat([table[table["score"].notna()], cost], ignore_index=True)
    pairs = zip(table["method"], table["variant"], strict=True)
    table.insert(3, "name", [Variant(method, label).text for method, label in pairs])
    order = table["group"].map(list(GROUP_NAMES).index)
    return table.loc[order.sort_values(kind="stable").index].reset_index(drop=True)


def costs(metrics: pd.DataFrame) -> pd.DataFrame:
    """Compute what each method costs on each data set and seed.

    Returns:
        One row for each ``dataset``, ``method``, ``variant`` and ``seed``: ``seconds`` (of
        training and sampling), ``nfe`` (network evaluations for a sample) and
        ``peak_memory_mb``; ``nan`` where the metrics do not say.

    Raises:
        InputError: If a column is missing.
    """
    import numpy as np

    metrics = _checked(metrics)
    table = metrics.drop_duplicates(_CELL)[_CELL].reset_index(drop=True)
    given = metrics.drop_duplicates(_CELL).reset_index(drop=True)
    parts = [given[key] for key in ("train_seconds", "sample_seconds") if key in given]
    seconds = sum(part.fillna(0) for part in parts) if parts else np.nan
    table["seconds"] = seconds
    table["seconds"] = table["seconds"].where(table["seconds"] > 0)
    for key in COSTS[1:]:
        table[key] = given.get(key, np.nan)
    return table


def missing(table: pd.DataFrame) -> pd.DataFrame:
    """Return the cells of scores that a method lacks and another one has.

    Args:
        table: The scores.

    Returns:
        One row for each ``group``, ``method``, ``variant``, ``name``, ``dataset`` and ``seed``.
    """
    import pandas as pd

    keys = ["method", "variant", "name"]
    rows = []
    everyone = table[keys].drop_duplicates()
    for group, of in table.groupby("group", sort=False):
        every = everyone.merge(of[["dataset", "seed"]].drop_duplicates(), how="cross")
        marked = every.merge(of[[*keys, "dataset", "seed"]], how="left", indicator=True)
        lacking = marked[marked["_merge"] == "left_only"].drop(columns="_merge")
        rows.append(lacking.assign(group=group))
    columns = ["group", *keys, "dataset", "seed"]
    return pd.concat(rows, ignore_index=True)[columns] if rows else pd.DataFrame(columns=columns)


def _checked(metrics: pd.DataFrame) -> pd.DataFrame:
    """Return the metrics with variants that are never missing, after a check of the columns."""
    for column in COLUMNS:
        if column not in metrics.columns:
            raise InputError(f"the metrics have no column {column!r}")
    metrics = metrics.reset_index(drop=True)
    metrics = metrics.assign(
        variant=metrics["variant"].astype(object).fillna(""),
        value=metrics["value"].astype(float),  # columns without rows have no types
        floor=metrics["floor"].astype(float),
    )
    twice = metrics[metrics.duplicated([*_CELL, "metric"])]
    if len(twice):
        cell = [str(twice.iloc[0][key]) for key in [*_CELL, "metric"]]
        raise InputError(f"the metrics have {', '.join(filter(None, cell))} twice")
    return metrics
