"""The stage that writes the report: one HTML file that needs nothing else."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tailbench import registry
from tailbench.io.atomic import atomic_write
from tailbench.pipeline.stages.options import OutputFile, Results

if TYPE_CHECKING:
    import pandas as pd

    from tailbench.interfaces import MetricOutput
    from tailbench.pipeline.results.reader import ResultsReader

__all__ = ["run"]

BUDGET = 5_500_000  # bytes of pictures: a third more as base64, and the page stays below 8 MB


def run(results: Results, output: OutputFile) -> None:
    """Write the report of a results folder.

    Pictures are those found in its folder ``figures``; all else is computed from the metrics,
    the configuration, the plan, and the files beside data and models, as far as they exist.

    Raises:
        InputError: If the metrics are missing or lack a column.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    from tailbench.pipeline.results.reader import ResultsReader

    environment = Environment(
        loader=PackageLoader("tailbench.pipeline.reporting"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= _filters()
    page = environment.get_template("report.html.j2").render(_context(ResultsReader(results)))
    atomic_write(output, page)


def _context(inputs: ResultsReader) -> dict[str, Any]:
    from tailbench.pipeline.reporting import run_info, tables
    from tailbench.pipeline.reporting.published import citation
    from tailbench.pipeline.reporting.published.comparison import published_vs_ours

    metrics, outputs = inputs.metrics, tables.directions()
    if metrics.empty:  # experiments alone; columns without values have no types either
        numbers = metrics.columns.difference(
            ["dataset", "method", "variant", "settings", "model", "metric"]
        )
        metrics = metrics.astype(dict.fromkeys(numbers, float))
    theory = _theory(inputs)
    summary = tables.summary(metrics, outputs)
    paired = tables.paired(metrics, outputs=outputs)
    costs = metrics.groupby(["dataset", "method", "variant"], sort=False)[
        ["nfe", "train_seconds", "sample_seconds", "peak_memory_mb"]
    ].mean()
    by_variant = {key: row.to_dict() for key, row in costs.iterrows()}
    published = published_vs_ours(metrics, inputs.config, outputs)
    plan = inputs.plan
    failed = {failure["cell"][0] for failure in plan.get("failures") or []}
    there = {*summary["dataset"], *failed}
    names = [name for name in inputs.datasets if name in there]
    return {
        "datasets": [_dataset(inputs, name, summary, by_variant) for name in names],
        "benchmark": len(metrics) > 0,
        "theory": theory,
        **_leaderboard(metrics, outputs),
        "outputs": outputs,
        "summary": summary.to_dict("records"),
        "paired": paired.to_dict("records"),
        **_decomposition(metrics, inputs),
        **_budgets(metrics, inputs),
        "published": published.to_dict("records"),
        "sources": [citation(name) for name in published["table"].unique()],
        "missing": tables.missing_rows(plan, metrics).to_dict("records"),
        "cells": len(plan.get("cells") or []),
        "seeds": sorted(metrics["seed"].unique()),
        "methods": list(metrics["method"].unique()),
        "metric_names": list(metrics["metric"].unique()),
        "real": [name for name in names if _is_real(inputs, name)],
        "figures": _figures(inputs, names),
        "config": _yaml(inputs.config),
        "stages": plan.get("stages") or [],
        "sharing": run_info.sharing(inputs),
        "timings": run_info.timings(inputs.results),
        "versions": run_info.versions(),
        "machine": run_info.machine(),
        "trained_with": run_info.trained_with(inputs),
        "written": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    }


def _leaderboard(metrics: pd.DataFrame, outputs: Mapping[str, MetricOutput]) -> dict[str, Any]:
    from tailbench.pipeline.reporting.leaderboard import Leaderboard

    board = Leaderboard(metrics, outputs)
    return {"verdicts": board.verdicts.to_dict("records"), "groups": board.sections()}


def _decomposition(metrics: pd.DataFrame, inputs: ResultsReader) -> dict[str, Any]:
    from tailbench.pipeline.reporting import decomposition

    return {
        "decomposition": decomposition.decomposition(metrics, inputs.config).to_dict("records"),
        "decomposition_caption": decomposition.CAPTION,
    }


def _budgets(metrics: pd.DataFrame, inputs: ResultsReader) -> dict[str, Any]:
    from tailbench.pipeline.reporting import budgets

    specs = {name: inputs.specs(name) for name in inputs.datasets}
    return {
        "budgets": budgets.budgets(metrics, inputs.config, specs).to_dict("records"),
        "budgets_caption": budgets.CAPTION,
    }


def _dataset(
    inputs: ResultsReader, name: str, summary: pd.DataFrame, costs: Mapping[Any, dict[Any, Any]]
) -> dict[str, Any]:
    from tailbench.metrics.outputs import key_metrics
    from tailbench.pipeline.reporting import run_info

    of = summary[summary["dataset"] == name]
    there = list(of["metric"].unique())
    key = key_metrics(there)
    cells = {(row["name"], row["metric"]): row for row in of.to_dict("records")}
    meta = inputs.meta(name)
    settings = inputs.entry("datasets", name) or {**meta, **(meta.get("settings") or {})}
    shown = settings.keys() - meta.keys() - {"type", "dim", "methods", "seeds"}
    columns = meta.get("columns") or []
    return {
        "name": name,
        "type": settings.get("type", ""),
        "settings": {key: value for key, value in settings.items() if key in shown},
        "dim": len(columns),
        "key": key,
        "floors": {m: of.loc[of["metric"] == m, "floor"].mean() for m in key},
        "rows": [
            {
                "name": row["name"],
                "cells": [cells.get((row["name"], metric)) for metric in key],
                **costs[name, row["method"], row["variant"]],
            }
            for row in of.drop_duplicates("name").to_dict("records")
        ],
        "failed": [
            {**failure, "method": failure["cell"][1], "seeds": failure["cell"][2]}
            for failure in inputs.plan.get("failures") or []
            if len(failure["cell"]) == 3 and failure["cell"][0] == name
        ],
        "tails": run_info.tails(inputs, name),
    }


def _theory(inputs: ResultsReader) -> list[dict[str, Any]]:
    """Collect what each experiment on a theorem claims and found."""
    from tailbench.pipeline.reporting.embedded_images import embed
    from tailbench.pipeline.stages.claims import slopes

    found = slopes(inputs.results)
    if found is None:
        return []
    entries = []
    for name, group in found.groupby("experiment", sort=False):
        claims = registry.load("claims", str(inputs.entry("theory", str(name))["type"]))
        picture = Path(inputs.layout.theory(str(name)), "figure.png")
        texts = ("title", "theorem", "assumption", "measured", "refuted_by", "caption")
        entries.append(
            {
                "name": name,
                "slopes": group.to_dict("records"),
                "picture": embed([picture], BUDGET // 4)[picture] if picture.is_file() else None,
                **{key: getattr(claims, key) for key in texts},
            }
        )
    return entries


def _figures(inputs: ResultsReader, names: list[str]) -> dict[str | None, list[dict[str, Any]]]:
    """Collect the pictures that were drawn, by dataset; those of all datasets under ``None``."""
    from tailbench.pipeline.reporting.embedded_images import embed

    order = (
        "ranking",
        "pareto",
        "comparison",
        "samples",
        "survival",
        "qq_tail",
        "sigma_t",
        "nfe",
        "cost",
        "training",
    )
    found = sorted(Path(inputs.layout.figures).glob("*/*.png"))
    found.sort(key=lambda p: order.index(p.parent.name) if p.parent.name in order else 99)
    pictures = embed(found, BUDGET)
    by_dataset: dict[str | None, list[dict[str, Any]]] = {name: [] for name in [*names, "", None]}
    for path in found:
        figure, dataset = path.parent.name, path.stem
        part = registry.load("figures", figure) if figure in registry.names("figures") else None
        place = None if part and part.across else dataset if dataset in names else ""
        by_dataset[place].append(
            {
                "figure": figure,
                "dataset": dataset,
                "title": registry.first_line(part) if part else figure.replace("_", " "),
                "caption": getattr(part, "caption", ""),
                "picture": pictures[path],
            }
        )
    return by_dataset


def _is_real(inputs: ResultsReader, name: str) -> bool:
    meta = inputs.meta(name)
    entry = inputs.entry("datasets", name) or meta
    return not meta.get("synthetic", entry.get("type") not in registry.names("datasets"))


def _yaml(config: dict[str, Any]) -> str:
    import yaml

    return yaml.safe_dump(config, sort_keys=False, allow_unicode=True) if config else ""


def _filters() -> dict[str, Any]:
    from tailbench.pipeline.reporting.labels import label_html
    from tailbench.pipeline.reporting.number_format import mean_std, number

    return {
        "number": number,
        "mean_std": mean_std,
        "math": label_html,
        "clock": _clock,
        "key": _key,
        "count": lambda value: "–" if math.isnan(value) else f"{value:.4g}",
    }


def _clock(seconds: float) -> str:
    """Write a time as people read it: ``0.4 s``, ``12 s``, ``3 min 20 s``, ``2 h 05 min``."""
    if seconds is None or not math.isfinite(seconds):
        return "–"
    if seconds < 60:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.2g} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def _key(value: Any) -> str:
    """Return the sort key of a number for the page's script; nothing if it is not a number."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return repr(float(value))
