"""Value at risk and expected shortfall of every column, real rows against each method."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tailbench.exceptions import InputError
from tailbench.stats.tail_risks import tail_risks

if TYPE_CHECKING:
    import pandas as pd

    from tailbench.pipeline.results.reader import ResultsReader

__all__ = ["CAPTION", "COLUMNS", "FEW", "LEVELS", "REAL", "read_risks", "risks"]

LEVELS = (0.95, 0.99, 0.999)
RESAMPLES = 200
REAL = "real data"
FEW = 10
"""Rows beyond a level below which an estimate rests on single rows."""

COLUMNS = [
    "dataset", "column", "tail", "level", "method", "variant", "name", "var", "var_low", "var_high",
    "es", "es_low", "es_high", "rows", "beyond",
]  # fmt: skip
CAPTION = (
    "Value at risk is the quantile at the level, expected shortfall the mean beyond it, both in "
    "units of the data; of the lower tail both are measured downwards. Medians over seeds. The "
    "interval is what one seed's rows would give in 95 of 100 cases: rows are resampled within "
    "each seed, and the draws of all seeds put together, so that differences between trainings "
    "are in it."
)
_SIDES = (("upper", 1.0), ("lower", -1.0))


def risks(inputs: ResultsReader) -> pd.DataFrame:
    """Compute the risks of each column and tail of the data sets that have samples.

    Images are left out. A level with less than one row beyond it has none, and neither has an
    expected shortfall of a column that is known to have no mean.

    Args:
        inputs: The results.

    Returns:
        One row for each ``dataset``, ``column``, ``tail`` (``upper`` or ``lower``), ``level`` and
        ``name`` (``real data``, whose ``method`` is empty, or a variant): ``var`` and ``es``, each
        with ``low`` and ``high``; ``rows`` of one seed, and those ``beyond`` the level.
    """
    import pandas as pd

    tables = [pd.DataFrame(_of_dataset(inputs, name)) for name in inputs.datasets]
    tables = [table for table in tables if len(table)]
    return (
        pd.concat(tables, ignore_index=True)[COLUMNS] if tables else pd.DataFrame(columns=COLUMNS)
    )


def read_risks(path: Path) -> pd.DataFrame:
    """Read the risks from the CSV file that they were written to.

    Args:
        path: The file.
    """
    import pandas as pd

    texts = ("dataset", "column", "tail", "method", "variant", "name")  # a column called NA is one
    numbers = [name for name in COLUMNS if name not in texts]
    return pd.read_csv(
        path,
        dtype=dict.fromkeys(texts, str),
        keep_default_na=False,
        na_values={name: [""] for name in numbers},
    )


def _of_dataset(inputs: ResultsReader, dataset: str) -> list[dict[str, Any]]:
    meta = inputs.meta(dataset)
    samples = inputs.samples(dataset)
    if not samples or meta.get("images"):
        return []
    try:
        test = inputs.test(dataset)
    except InputError:
        return []
    names = meta.get("columns") or [f"x{j + 1}" for j in range(test.shape[-1])]
    index = meta.get("tail_index") or [None] * len(names)
    rows: list[dict[str, Any]] = []
    for variant in (None, *samples):
        x = test if variant is None else samples[variant]
        who = {"method": "", "variant": "", "name": REAL}
        if variant is not None:
            who = {"method": variant.method, "variant": variant.label, "name": variant.text}
        for tail, values in _estimates(x).items():
            rows += _rows(
                values, names, index, x.shape[1], {"dataset": dataset, "tail": tail, **who}
            )
    return sorted(rows, key=lambda row: names.index(row["column"]))


def _estimates(x: NDArray[np.floating]) -> dict[str, NDArray[np.float64]]:
    """Return medians over seeds and ends of intervals by tail, each of shape ``(3, 2, L, d)``."""
    rng = np.random.default_rng(0)  # the same resamples for everybody: differences are the data's
    found = {}
    for tail, sign in _SIDES:
        parts = [tail_risks(sign * seed, LEVELS, RESAMPLES, rng) for seed in x]
        middle = np.median([part[0] for part in parts], axis=0)
        draws = np.concatenate([part[1] for part in parts])
        ends = np.quantile(draws, [0.025, 0.975], axis=0)
        low, high = ends if sign > 0 else ends[::-1]
        found[tail] = sign * np.stack([middle, low, high])
    return found


def _rows(
    values: NDArray[np.float64],
    names: list[str],
    index: list[float | None],
    size: int,
    known: dict[str, Any],
) -> Iterator[dict[str, Any]]:
    for j, column in enumerate(names):
        heavy = index[j] is not None and float(index[j] or math.inf) <= 1
        for i, level in enumerate(LEVELS):
            beyond = (1 - level) * size
            if beyond < 1 - 1e-9:
                continue
            row = {**known, "column": column, "level": level, "rows": size, "beyond": beyond}
            for k, end in enumerate(("", "_low", "_high")):
                row |= {f"var{end}": values[k, 0, i, j]}
                row |= {f"es{end}": math.nan if heavy else values[k, 1, i, j]}
            yield row
