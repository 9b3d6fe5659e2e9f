"""Tables of the benchmark, as functions from the tidy metrics to data frames.

``metrics`` is always the content of ``results/metrics.csv``: one row per dataset, method, seed
and metric. Orders are those of first appearance in it. Nothing here reads or writes a file.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from tailbench.interfaces import MetricOutput
from tailbench.metrics.aggregate import COLUMNS, finite, sign, summary
from tailbench.metrics.outputs import directions, key_metrics
from tailbench.pipeline.reporting.labels import names
from tailbench.pipeline.reporting.number_format import number

if TYPE_CHECKING:
    import pandas as pd
    import rich.table

__all__ = ["COLUMNS", "leaderboard", "missing_rows", "paired", "summary", "terminal_summary"]

FEW_SEEDS = 10


def paired(
    metrics: pd.DataFrame,
    bootstrap: int = 10_000,
    seed: int = 0,
    outputs: Mapping[str, MetricOutput] | None = None,
) -> pd.DataFrame:
    """Compare every method with the best one of its dataset, seed by seed.

    Methods share their data within a seed, so the differences are taken within seeds, and the
    interval is the 2.5 to 97.5 % percentile interval of their mean under resampling of the
    seeds. The best method is chosen by its mean on the same values, and the intervals are not
    adjusted for the number of comparisons: both make separations look surer than they are.

    Args:
        metrics: The tidy metrics.
        bootstrap: Number of resamples.
        seed: Seed of the resampling.
        outputs: Directions of the metrics; those registered if left out.

    Returns:
        One row per dataset, metric and method other than the best: ``difference`` (how much
        worse than ``best``, in units of the metric), ``low``, ``high``, ``excludes_zero``,
        ``wins`` (seeds on which the best is better), ``n`` (common seeds), ``note``.
    """
    import pandas as pd

    outputs = directions() if outputs is None else outputs
    table = summary(metrics, outputs)
    keys = ["dataset", "metric", "seed", "method", "variant"]
    good = finite(metrics).drop_duplicates(keys).set_index(keys)["value"].sort_index()
    rows = []
    for (dataset, metric), group in table.groupby(["dataset", "metric"], sort=False):
        if not group["best"].any():
            continue
        first = group[group["best"]].iloc[0]
        best = (first["method"], first["variant"])
        pair: Any = (dataset, metric)
        values = good.loc[pair].unstack(["method", "variant"])
        for row in group.drop(first.name).to_dict("records"):
            other = (row["method"], row["variant"])
            difference = (
                (sign(str(metric), outputs) * (values[other] - values[best])).dropna().to_numpy()
            )
            low, high = _interval(difference, bootstrap, seed)
            rows.append(
                {
                    "dataset": dataset,
                    "metric": metric,
                    "best": first["name"],
                    "method": row["method"],
                    "variant": row["variant"],
                    "name": row["name"],
                    "difference": difference.mean() if difference.size else math.nan,
                    "low": low,
                    "high": high,
                    "excludes_zero": bool(low > 0 or high < 0),
                    "wins": int((difference > 0).sum()),
                    "n": difference.size,
                    "note": _note(difference.size),
                }
            )
    return pd.DataFrame(
        rows,
        columns=_PAIRED,
    )


def leaderboard(table: pd.DataFrame, dataset: str, column: str = "mean") -> pd.DataFrame:
    """Lay out one column of a summary as methods by metrics, for one dataset."""
    of = table[table["dataset"] == dataset]
    wide = of.pivot(index="name", columns="metric", values=column)
    return wide.reindex(index=of["name"].unique(), columns=of["metric"].unique())


def missing_rows(plan: Mapping[str, Any], metrics: pd.DataFrame) -> pd.DataFrame:
    """List the planned cells of which the metrics hold no value.

    Args:
        plan: The plan; ``cells`` are lists ``[dataset, method, seeds]``, ``failures`` what is
            known of those that failed.
        metrics: The tidy metrics.
    """
    import pandas as pd

    from tailbench.pipeline.config.seed_blocks import parse_block

    there = metrics[["dataset", "method", "seed"]].drop_duplicates()
    present = set(there.itertuples(index=False, name=None))
    failed = {tuple(failure["cell"]): failure for failure in plan.get("failures") or []}
    rows = []
    for cell in plan.get("cells") or []:
        dataset, method, seeds = cell
        if any((dataset, method, seed) not in present for seed in parse_block(seeds)):
            failure = failed.get((dataset, method, seeds))
            reason = f"{failure['job']} failed: {failure['reason']}" if failure else "not run"
            rows.append((dataset, method, seeds, reason, failure["log"] if failure else ""))
    return pd.DataFrame(rows, columns=[*_CELL, "reason", "log"])


def terminal_summary(
    metrics: pd.DataFrame, outputs: Mapping[str, MetricOutput] | None = None
) -> rich.table.Table:
    """Lay out the first metrics for a terminal of 80 columns, the best of each dataset in bold."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    outputs = directions() if outputs is None else outputs
    table = summary(metrics, outputs)
    there = list(table["metric"].unique())
    shown, labels = key_metrics(there), names(there, outputs)
    caption = "mean over seeds (multiple of the floor, real against real); bold: best"
    if (of := table[table["metric"].isin(shown)])["n"].lt(of["seeds"]).any():
        caption += "; 2/3: finite on 2 of 3 seeds"
    grid = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), caption=caption)
    grid.add_column("dataset / method", overflow="fold", max_width=26)
    for metric in shown:
        grid.add_column(labels[metric], justify="right", max_width=16)
    for dataset, group in table.groupby("dataset", sort=False):
        grid.add_row(Text(str(dataset), style="bold cyan"))
        rows = group.set_index(["name", "metric"])
        for shown_row in group.drop_duplicates("name").to_dict("records"):
            name = shown_row["name"]
            cells = [Text(f"  {shown_row['method']} {shown_row['variant']}".rstrip())]
            for metric in shown:
                row = rows.loc[(name, metric)] if (name, metric) in rows.index else None
                cells.append(Text("–") if row is None else _cell(row))
            grid.add_row(*cells)
        grid.add_section()
    return grid


_PAIRED = ["dataset", "metric", "best", "method", "variant", "name", "difference", "low", "high"]
_PAIRED += ["excludes_zero", "wins", "n", "note"]
_CELL = ("dataset", "method", "seeds")


def _interval(x: Any, bootstrap: int, seed: int) -> tuple[float, float]:
    import numpy as np

    if x.size < 2:
        return math.nan, math.nan
    low, high = np.quantile(_resamples(x.size, bootstrap, seed) @ x, [0.025, 0.975])
    return float(low), float(high)


@lru_cache(maxsize=8)
def _resamples(n: int, bootstrap: int, seed: int) -> Any:
    """Return the weights of ``n`` seeds in each resample, shape ``(bootstrap, n)``."""
    import numpy as np

    return np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=bootstrap) / n


def _note(n: int) -> str:
    if n < 2:
        return f"{n or 'no'} common seed: no interval"
    if n <= 3:
        chance = 2 ** (n - 1)
        return (
            f"{n} seeds: only the range of the differences is shown, not a confidence interval; "
            f"without any true difference it excludes zero one time in {chance}"
        )
    return f"{n} seeds: the interval tends to be too narrow" if n < FEW_SEEDS else ""


def _cell(row: Any) -> Any:
    from rich.text import Text

    text = number(row["mean"])
    if math.isfinite(row["ratio"]):
        text += f" ({number(row['ratio'], 2)}×)"
    if row["n"] < row["seeds"]:
        text += f" {row['n']}/{row['seeds']}"
    return Text(text, style="bold green" if row["best"] else "")
