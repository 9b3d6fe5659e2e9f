"""LaTeX tables of results, as wide as a page has room for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tailbench.pipeline.reporting.latex_layout import TEXT, Column, tables
from tailbench.pipeline.reporting.number_format import mean_std, number
from tailbench.pipeline.reporting.tables import leaderboard

if TYPE_CHECKING:
    import pandas as pd

    from tailbench.interfaces import MetricOutput

__all__ = ["dataset_table", "plain_table"]

ARROWS = {"lower": "↓", "higher": "↑"}
KEYS = ("group", "dataset", "metric", "name", "first", "second", "column", "tail", "level")
"""Columns that say what a row is of, and are repeated where a table is parted."""
SAID = ("method", "variant")
"""Columns that ``name`` says again."""


def dataset_table(
    table: pd.DataFrame,
    dataset: str,
    metrics: Sequence[str],
    outputs: Mapping[str, MetricOutput],
    width: float = TEXT,
) -> str:
    """Write methods by metrics for one dataset: mean ± std, the best in bold, the floor last.

    Args:
        table: A summary.
        dataset: The dataset.
        metrics: The metrics to show; where they are too wide together, in tables below each other.
        outputs: Labels and directions of the metrics.
        width: Points that the text is wide.
    """
    wide = {c: leaderboard(table, dataset, c) for c in ("mean", "std", "best", "n", "seeds")}
    names = list(map(str, wide["mean"].index))
    floors = leaderboard(table, dataset, "floor").mean()
    columns = [
        Column(
            f"{outputs[m].label} {ARROWS[outputs[m].better]}" if m in outputs else m,
            [*(_cell(wide, name, m) for name in names), number(floors[m])],
            {i for i, name in enumerate(names) if wide["best"].loc[name, m] == 1},
            number=True,
        )
        for m in metrics
    ]
    return tables([Column("method", [*names, "floor"])], columns, width)


def plain_table(table: pd.DataFrame, width: float = TEXT) -> str:
    """Write a data frame, numbers with three digits.

    Columns that do not fit beside each other are in tables below each other, each of which begins
    with what its rows are of; long texts are broken, and many rows go on over pages. ``method`` and
    ``variant`` are left out where ``name`` is there, which has both.

    Args:
        table: The data frame.
        width: Points that the text is wide.
    """
    if "name" in table:
        table = table.drop(columns=[c for c in SAID if c in table])
    columns = {
        str(name): Column(
            str(name).replace("_", " "),
            [_plain(value) for value in table[name]],
            number=table[name].dtype.kind in "fiu",
        )
        for name in table
    }
    keys = [columns[name] for name in KEYS if name in columns] or list(columns.values())[:1]
    return tables(keys, [column for column in columns.values() if column not in keys], width)


def _cell(wide: Mapping[str, pd.DataFrame], name: str, metric: str) -> str:
    n, seeds = (float(str(wide[key].loc[name, metric])) for key in ("n", "seeds"))
    if not seeds > 0:
        return "–"
    mean, std = (float(str(wide[key].loc[name, metric])) for key in ("mean", "std"))
    text = mean_std(mean, std)
    return f"{text} ({n:.0f}/{seeds:.0f})" if n < seeds else text


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return number(value) if isinstance(value, float) else str(value)
