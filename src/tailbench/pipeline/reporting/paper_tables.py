"""The LaTeX tables of a paper, from a file of metrics alone."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from tailbench.metrics.aggregate import summary
from tailbench.metrics.group_scores import QUALITY
from tailbench.metrics.outputs import GROUPS, directions
from tailbench.pipeline.reporting.latex import dataset_table, plain_table
from tailbench.pipeline.reporting.leaderboard import Leaderboard
from tailbench.pipeline.reporting.number_format import number

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["paper_tables", "write_tables"]


def paper_tables(metrics: pd.DataFrame, width: float) -> dict[str, str]:
    """Write the tables of a paper.

    Args:
        metrics: The tidy metrics.
        width: Points that the text, or its column, is wide.

    Returns:
        By name: ``overview_<group>`` (multiples of the floor, methods by data sets),
        ``ranking_<group>``, ``dataset_<name>_<group>`` (means and standard deviations of the
        metrics of a group), ``verdicts``, ``summary``, ``pairwise``.

    Raises:
        InputError: If a column is missing.
    """
    outputs = directions()
    board, table = Leaderboard(metrics, outputs), summary(metrics, outputs)
    found = {}
    for group in QUALITY:
        ranks = board.ranks[board.ranks["group"] == group]
        if len(ranks):
            found[f"overview_{group}"] = plain_table(_overview(board.judged, group, ranks), width)
            found[f"ranking_{group}"] = plain_table(_ranks(ranks), width)
    for dataset, of in table.groupby("dataset", sort=False):
        there = list(of["metric"].unique())
        for group in GROUPS:
            own = [m for m in there if (outputs[m].group if m in outputs else "other") == group]
            if own:
                name = f"dataset_{dataset}_{group}"
                found[name] = dataset_table(table, str(dataset), own, outputs, width)
    found["verdicts"] = plain_table(board.verdicts[["dataset", "sentence"]], width)
    found["summary"] = plain_table(table, width)
    found["pairwise"] = plain_table(board.pairs, width)
    return found


def write_tables(metrics: pd.DataFrame, folder: Path, width: float) -> list[Path]:
    """Write the tables of a paper into a folder; return the files.

    Raises:
        InputError: If a column is missing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, text in paper_tables(metrics, width).items():
        paths.append(folder / f"{name}.tex")
        paths[-1].write_text(text, encoding="utf-8")
    return paths


def _overview(judged: pd.DataFrame, group: str, ranks: pd.DataFrame) -> pd.DataFrame:
    """Return the multiples of the floor of one group, in the order of its ranks."""
    wide = judged.pivot(index="name", columns="dataset", values=group)
    wide = wide.reindex(index=list(ranks["name"]), columns=list(judged["dataset"].unique()))
    wide = wide.loc[:, wide.notna().any()]
    wide.columns.name = None
    return wide.map(lambda x: math.nan if math.isnan(x) else float(f"{x:.3g}")).reset_index()


def _ranks(ranks: pd.DataFrame) -> pd.DataFrame:
    """Return the ranks of one group as readers write them."""
    import numpy as np
    import pandas as pd

    floors = np.exp(ranks[["iqm", "low", "high"]].to_numpy(dtype=float))
    none, given = math.nan, ranks.to_dict("records")
    return pd.DataFrame(
        {
            "rank": [_whole(row.get("rank", none)) for row in given],
            "name": ranks["name"].to_numpy(),
            "floors": floors[:, 0],
            "interval": [_ends(*map(number, pair)) for pair in floors[:, 1:]],
            "ranks": [
                _ends(_whole(row.get("rank_low", none)), _whole(row.get("rank_high", none)))
                for row in given
            ],
            "won": [f"{100 * x:.0f} %" if x == x else "–" for x in ranks["won"].astype(float)],
            "not told apart": ranks["cliques"].fillna("").to_numpy(),
            "missing": ranks["missing"].to_numpy(),
        }
    )


def _whole(x: float) -> str:
    return "–" if math.isnan(x) else f"{x:.0f}"


def _ends(low: str, high: str) -> str:
    return "–" if "–" in (low, high) else f"{low} to {high}"
