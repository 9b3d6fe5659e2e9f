"""The stage that writes the tables, as CSV and as LaTeX."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tailbench.io.atomic import replacing
from tailbench.pipeline.stages.options import Results

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["run"]


def run(results: Results) -> None:
    """Write the tables of a results folder into its folder ``tables``, which is replaced.

    ``summary``, ``ranking``, ``scores``, ``pairwise``, ``profiles``, ``verdicts``, ``paired``,
    ``decomposition``, ``budgets``, ``published``, ``risks`` and ``missing`` are written as
    ``.csv`` and ``.tex``, and ``dataset_<name>.tex`` holds the means and standard deviations of
    the key metrics on one dataset, ``dataset_<name>_all.tex`` those of all metrics.

    Raises:
        InputError: If the metrics are missing or lack a column.
    """
    from tailbench.pipeline.reporting import latex, tables
    from tailbench.pipeline.reporting.budgets import budgets
    from tailbench.pipeline.reporting.decomposition import decomposition
    from tailbench.pipeline.reporting.leaderboard import Leaderboard
    from tailbench.pipeline.reporting.published.comparison import published_vs_ours
    from tailbench.pipeline.reporting.risks import risks
    from tailbench.pipeline.results.reader import ResultsReader

    inputs = ResultsReader(results)
    metrics, outputs = inputs.metrics, tables.directions()
    summary = tables.summary(metrics, outputs)
    specs = {name: inputs.specs(name) for name in inputs.datasets}
    with replacing(inputs.layout.tables) as folder:
        folder.mkdir()
        for name, table in {
            "summary": summary,
            **Leaderboard(metrics, outputs).tables(),
            "paired": tables.paired(metrics, outputs=outputs),
            "decomposition": decomposition(metrics, inputs.config),
            "budgets": budgets(metrics, inputs.config, specs),
            "published": published_vs_ours(metrics, inputs.config, outputs),
            "risks": risks(inputs),
            "missing": tables.missing_rows(inputs.plan, metrics),
        }.items():
            _write(table, folder / name)
        for dataset, group in summary.groupby("dataset", sort=False):
            there = list(group["metric"].unique())
            key = tables.key_metrics(there)
            for end, shown in {"": key, "_all": there}.items():
                text = latex.dataset_table(summary, str(dataset), shown, outputs)
                (folder / f"dataset_{dataset}{end}.tex").write_text(text, encoding="utf-8")


def _write(table: pd.DataFrame, path: Path) -> None:
    from tailbench.pipeline.reporting import latex

    table.to_csv(path.with_suffix(".csv"), index=False, lineterminator="\n")
    path.with_suffix(".tex").write_text(latex.plain_table(table), encoding="utf-8")
