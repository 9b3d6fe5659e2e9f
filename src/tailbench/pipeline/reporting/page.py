"""What the template of the report is filled with."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tailbench import registry
from tailbench.metrics.outputs import GROUPS
from tailbench.pipeline.reporting import budgets, decomposition, run_info, tables
from tailbench.pipeline.reporting.charts import HEIGHT, WIDTH, charts
from tailbench.pipeline.reporting.dataset_sections import DatasetSections
from tailbench.pipeline.reporting.identical import identical
from tailbench.pipeline.reporting.labels import names as reader_names
from tailbench.pipeline.reporting.leaderboard import Leaderboard
from tailbench.pipeline.reporting.links import beside
from tailbench.pipeline.reporting.packed_tables import packed
from tailbench.pipeline.reporting.page_figures import page_figures, theory_picture
from tailbench.pipeline.reporting.published import citation
from tailbench.pipeline.reporting.published.comparison import published_vs_ours
from tailbench.pipeline.reporting.risks import CAPTION, read_risks, risks

if TYPE_CHECKING:
    import pandas as pd

    from tailbench.interfaces import MetricOutput
    from tailbench.pipeline.results.reader import ResultsReader

__all__ = ["context"]


def context(inputs: ResultsReader, page: Path) -> dict[str, Any]:
    """Return what the report shows of a results folder.

    Args:
        inputs: The results.
        page: The file that the report is written to, beside which its links lead.

    Raises:
        InputError: If the metrics are missing or lack a column.
    """
    metrics, outputs = _typed(inputs.metrics), tables.directions()
    summary = tables.summary(metrics, outputs)
    failed = {failure["cell"][0] for failure in inputs.plan.get("failures") or []}
    there = {*summary["dataset"], *failed}
    names = [name for name in inputs.datasets if name in there]
    board = Leaderboard(metrics, outputs)
    methods = list(metrics["method"].unique())
    return {
        "benchmark": len(metrics) > 0,
        "theory": _theory(inputs),
        "seeds": sorted(metrics["seed"].unique()),
        "methods": _coloured(methods, inputs),
        "links": beside(inputs.layout, page),
        **_summary(board, methods),
        **_datasets(inputs, board, summary, names),
        **_details(inputs, metrics, outputs),
        **_figures(inputs, names, page),
        **_run(inputs, page),
    }


def _summary(board: Leaderboard, methods: list[str]) -> dict[str, Any]:
    same = identical(board.metrics)
    return {
        "verdicts": board.verdicts.to_dict("records"),
        "groups": board.sections(),
        "charts": charts(board, methods),
        "canvas": {"width": WIDTH, "height": HEIGHT},
        "identical": [{"dataset": dataset, "names": names} for dataset, names in same],
    }


def _datasets(
    inputs: ResultsReader, board: Leaderboard, summary: pd.DataFrame, names: list[str]
) -> dict[str, Any]:
    """Return the sections of data sets, and the long tables of all of them."""
    metrics, outputs = board.metrics, tables.directions()
    labels = reader_names(list(metrics["metric"].unique()), outputs)
    sections = DatasetSections(inputs, board, summary, _risks(inputs), outputs)
    datasets = [sections.of(name) for name in names]
    paired = tables.paired(metrics, outputs=outputs)
    return {
        "datasets": datasets,
        "risk_caption": CAPTION,
        "outputs": outputs,
        "labels": labels,
        "group_names": GROUPS,
        "packed": packed(
            summary, paired, labels, outputs, {d["name"]: d["unfit"] for d in datasets}
        )
        | {"risks": {d["name"]: d["risks"]["cells"] for d in datasets if d["risks"]}},
        "results": len(summary),
        "comparisons": len(paired),
        "notes": list(dict.fromkeys(note for note in paired["note"] if note)),
    }


def _details(
    inputs: ResultsReader, metrics: pd.DataFrame, outputs: Mapping[str, MetricOutput]
) -> dict[str, Any]:
    published = published_vs_ours(metrics, inputs.config, outputs)
    specs = {name: inputs.specs(name) for name in inputs.datasets}
    return {
        "decomposition": decomposition.decomposition(metrics, inputs.config).to_dict("records"),
        "decomposition_caption": decomposition.CAPTION,
        "budgets": budgets.budgets(metrics, inputs.config, specs).to_dict("records"),
        "budgets_caption": budgets.CAPTION,
        "published": published.to_dict("records"),
        "sources": [citation(name) for name in published["table"].unique()],
        "missing": tables.missing_rows(inputs.plan, metrics).to_dict("records"),
    }


def _figures(inputs: ResultsReader, names: list[str], page: Path) -> dict[str, Any]:
    figures, linked = page_figures(inputs, names, page)
    return {"figures": figures, "linked": linked}


def _run(inputs: ResultsReader, page: Path) -> dict[str, Any]:
    plan = inputs.plan
    return {
        "cells": len(plan.get("cells") or []),
        "real": [name for name in inputs.datasets if _is_real(inputs, name)],
        "config": _yaml(inputs.config),
        "name": page.resolve().parent.name,
        "stages": plan.get("stages") or [],
        "sharing": run_info.sharing(inputs),
        "timings": run_info.timings(inputs.results),
        "versions": run_info.versions(),
        "machine": run_info.machine(),
        "commit": run_info.commit(),
        "trained_with": run_info.trained_with(inputs),
        "written": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    }


def _typed(metrics: pd.DataFrame) -> pd.DataFrame:
    """Return the table with typed columns: of experiments alone no value has a type."""
    if len(metrics):
        return metrics
    texts = ["dataset", "method", "variant", "settings", "model", "metric"]
    return metrics.astype(dict.fromkeys(metrics.columns.difference(texts), float))


def _coloured(methods: list[str], inputs: ResultsReader) -> list[dict[str, str]]:
    """Return methods with the colours that figures give them."""
    from tailbench.plots.style import colour

    return [{"name": name, "colour": colour(name, inputs.methods)} for name in methods]


def _risks(inputs: ResultsReader) -> pd.DataFrame:
    """Read the table of risks, or compute it where there is none."""
    path = Path(inputs.layout.tables, "risks.csv")
    return read_risks(path) if path.is_file() else risks(inputs)


def _theory(inputs: ResultsReader) -> list[dict[str, Any]]:
    """Collect what each experiment on a theorem claims and found."""
    from tailbench.pipeline.stages.claims import slopes

    found = slopes(inputs.results)
    if found is None:
        return []
    texts = ("title", "theorem", "assumption", "measured", "refuted_by", "caption")
    entries = []
    for name, group in found.groupby("experiment", sort=False):
        claims = registry.load("claims", str(inputs.entry("theory", str(name))["type"]))
        entries.append(
            {
                "name": name,
                "slopes": group.to_dict("records"),
                "picture": theory_picture(inputs, str(name)),
                **{key: getattr(claims, key) for key in texts},
            }
        )
    return entries


def _is_real(inputs: ResultsReader, name: str) -> bool:
    meta = inputs.meta(name)
    entry = inputs.entry("datasets", name) or meta
    return not meta.get("synthetic", entry.get("type") not in registry.names("datasets"))


def _yaml(config: dict[str, Any]) -> str:
    import yaml

    return yaml.safe_dump(config, sort_keys=False, allow_unicode=True) if config else ""
