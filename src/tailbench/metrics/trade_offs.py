"""What scores hide in one number: performance profiles, and what quality costs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tailbench.metrics.group_scores import QUALITY, costs
from tailbench.metrics.ranking import iqm
from tailbench.metrics.separation import complete

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FLOORS", "pareto", "profiles"]

FLOORS = (1.0, 1.25, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0)
"""Multiples of the floor that profiles are given at."""

_WHO = ["method", "variant", "name"]
_COLUMNS = ["group", "cost", *_WHO, "iqm", "amount", "missing", "front"]


def profiles(table: pd.DataFrame, floors: Sequence[float] = FLOORS) -> pd.DataFrame:
    """Compute the share of data sets times seeds on which each method is within ``t`` floors.

    A cell that a method lacks and another one has counts as not within: the share is of all cells
    of the group, and ``missing`` says how many there were none of.

    Args:
        table: The scores.
        floors: The multiples ``t``.

    Returns:
        One row for each ``group``, ``method``, ``variant`` and ``floors``: ``name``, ``share``,
        ``cells`` and ``missing``.

    References:
        Dolan and Moré, Benchmarking optimization software with performance profiles (2002).
    """
    import pandas as pd

    rows: list[dict[str, Any]] = []
    for group, of in table[table["group"].isin(QUALITY)].groupby("group", sort=False):
        cells = len(of[["dataset", "seed"]].drop_duplicates())
        for who, own in of.groupby(_WHO, sort=False):
            known = {"group": group, **dict(zip(_WHO, who, strict=True))}
            for floor in floors:
                within = int((own["score"] <= math.log(floor) + 1e-12).sum())
                share = {"floors": floor, "share": within / cells}
                rows.append(known | share | {"cells": cells, "missing": cells - len(own)})
    columns = ["group", *_WHO, "floors", "share", "cells", "missing"]
    return pd.DataFrame(rows, columns=columns)


def pareto(metrics: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """Find the methods that no other one beats in quality without costing more.

    Quality is the interquartile mean of the scores of a group over data sets and seeds, cost the
    median of its amounts over the same cells. A method is on the front if no other one is at most
    as bad and at most as expensive, and better in one of both. One that lacks a cell that another
    has, or an amount, is not compared.

    Args:
        metrics: The tidy metrics.
        table: The scores.

    Returns:
        One row for each ``group``, ``cost`` (``seconds`` of training and sampling, ``nfe``,
        ``peak_memory_mb``), ``method`` and ``variant`` of which the amount is known: ``name``,
        ``iqm``, ``amount``, ``missing`` (cells) and ``front``.

    Raises:
        InputError: If a column is missing.
    """
    import pandas as pd

    amounts = costs(metrics)
    keys = ["dataset", "method", "variant", "seed"]
    rows: list[dict[str, Any]] = []
    for group, of in table[table["group"].isin(QUALITY)].groupby("group", sort=False):
        cells = len(of[["dataset", "seed"]].drop_duplicates())
        whole = set(complete(of))
        joined = of.merge(amounts, on=keys, how="left")
        for cost in amounts.columns.drop(keys):
            found = []
            for who, own in joined.groupby(_WHO, sort=False):
                known = {"group": group, "cost": cost, **dict(zip(_WHO, who, strict=True))}
                amount = float(own[cost].median())
                if math.isfinite(amount):
                    quality = float(iqm(own["score"].to_numpy()))
                    known |= {"iqm": quality, "amount": amount, "missing": cells - len(own)}
                    found.append(known)
            compared = [row for row in found if row["name"] in whole]
            rows += [
                row | {"front": row["name"] in whole and _undominated(row, compared)}
                for row in found
            ]
    return pd.DataFrame(rows, columns=_COLUMNS)


def _undominated(row: dict[str, Any], others: list[dict[str, Any]]) -> bool:
    own = np.array([row["iqm"], row["amount"]])
    rest = np.array([[other["iqm"], other["amount"]] for other in others])
    return not bool(((rest <= own).all(axis=1) & (rest < own).any(axis=1)).any())
