"""The source papers' numbers beside those of this run."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from tailbench.models.settings import MOST_VALIDATED
from tailbench.pipeline.config.entries import parts_of
from tailbench.pipeline.reporting.published import head, load, names

if TYPE_CHECKING:
    import pandas as pd

    from tailbench.interfaces import MetricOutput

__all__ = ["comparable", "published_vs_ours"]

NOT_RUN = "not run here"
AGREES, LOWER, HIGHER = "agrees", "ours is lower", "ours is higher"
EMPTY: Mapping[str, Any] = {
    "dataset": "",
    "method": "",
    "variant": "",
    "name": "",
    "metric": "",
    "ours": math.nan,
    "ours_std": math.nan,
    "n": 0,
    "floor": math.nan,
    "agreement": "",
    "reason": "",
    "note": NOT_RUN,
}


def published_vs_ours(
    metrics: pd.DataFrame,
    config: Mapping[str, Any] | None = None,
    outputs: Mapping[str, MetricOutput] | None = None,
) -> pd.DataFrame:
    """Compare every published number with the comparable ones of this run.

    Args:
        metrics: The tidy metrics.
        config: The completed configuration as a user would write it (``config.json``), which says
            what the names in the metrics stand for.
        outputs: Directions of the metrics; those registered if left out.

    Returns:
        One row per published number and comparable result: ``table``, ``data``,
        ``published_metric``, ``published_method``, ``alpha``, ``published``,
        ``published_std``, ``dataset``, ``method``, ``variant``, ``name``, ``metric``,
        ``ours``, ``ours_std``, ``n``, ``floor``, ``agreement``, ``reason``, ``note``. A
        published number without any has a row with ``NaN``. Where both have a standard
        deviation, ``agreement`` says whether the intervals of one standard deviation meet, and
        ``reason`` why they likely do not.

    Raises:
        InputError: If a column of the metrics is missing.
    """
    import pandas as pd

    from tailbench.metrics.aggregate import summary

    about = {name: head(name) for name in names()}
    shown = {metric for described in about.values() for metric in described["compared_with"]}
    ours: list[Any] = summary(metrics[metrics["metric"].isin(shown)], outputs).to_dict("records")
    rows: list[dict[str, Any]] = []
    for name in about:
        rows += _table(name, about[name], ours, config or {})
    return pd.DataFrame(rows)


def comparable(
    row: Mapping[str, Any],
    result: Mapping[str, Any],
    about: Mapping[str, Any],
    config: Mapping[str, Any],
) -> bool:
    """Return whether a result of ours is comparable with a published number.

    It is if the metric, the type and the settings of its dataset, the type of its method (or the
    method's name) and, where the source names one, the ``alpha`` of the model agree, and a metric
    that has other units besides is in those of the data.

    Args:
        row: The published number.
        result: A row of the aggregated metrics.
        about: The description of the published table.
        config: The configuration.
    """
    wanted = about["datasets"].get(row["data"])
    dataset = _entry(config, "datasets", result["dataset"])
    if wanted is None or result["metric"] not in about["compared_with"]:
        return False
    if any(dataset.get(k, v if k != "type" else "") != v for k, v in wanted.items()):
        return False
    for metric, outputs in about.get("raw", {}).items():
        units = _entry(config, "metrics", metric).get("units", "raw")
        if result["metric"] in outputs and units != "raw":
            return False
    if "type" in about:
        return _entry(config, "methods", result["method"]).get("type") == about["type"]
    model = _model(config, result["method"])
    same_alpha = float(model.get("alpha", math.nan)) == row["alpha"]
    return same_alpha and _plain(row["method"]) == _published_name(config, result, about["named"])


def _table(
    name: str, about: dict[str, Any], ours: list[Any], config: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    """Compare the numbers of one published table."""
    numbers = load(name).to_dict("records")
    (only, *_) = about["datasets"]
    common = {"data": only, "alpha": math.nan, "std": math.nan}
    common |= {key: about[key] for key in ("metric", "method") if key in about}
    rows: list[dict[Any, Any]] = [{**common, **number} for number in numbers]
    about["named"] = {_plain(row["method"]) for row in rows}
    types = {entry.get("type") for entry in (config.get("datasets") or {}).values()}
    for row in rows:
        if about.get("only_with_data") and about["datasets"][row["data"]]["type"] not in types:
            continue
        published = {
            "table": name,
            "data": row["data"],
            "published_metric": row["metric"],
            "published_method": row["method"],
            "alpha": row["alpha"],
            "published": row["value"],
            "published_std": row["std"],
        }
        met = [result for result in ours if comparable(row, result, about, config)]
        for result in met:
            yield {**published, **_ours(row, result, about, config)}
        if not met:
            yield {**published, **EMPTY}


def _ours(
    row: Mapping[str, Any],
    result: Mapping[str, Any],
    about: Mapping[str, Any],
    config: Mapping[str, Any],
) -> dict[str, Any]:
    """Describe a result of ours beside a published number."""
    agreement = _agreement(row["value"], row["std"], result["mean"], result["std"])
    steps = _entry(config, "methods", result["method"]).get("sampling_steps")
    note = about["note"].format(**row, steps_here=steps)
    if "budget" in about:
        note += f"; {_conditions(config, result, about['budget'])}"
    return {
        "dataset": result["dataset"],
        "method": result["method"],
        "variant": result["variant"],
        "name": result["name"],
        "metric": result["metric"],
        "ours": result["mean"],
        "ours_std": result["std"],
        "n": result["n"],
        "floor": result["floor"],
        "agreement": agreement,
        "reason": about.get("reasons", {}).get(agreement, ""),
        "note": note,
    }


def _conditions(
    config: Mapping[str, Any], result: Mapping[str, Any], budget: Mapping[str, int]
) -> str:
    """Return with how many runs and how much training ours and theirs were made."""
    model = _model(config, result["method"])
    batch, steps = model.get("batch_size"), model.get("train_steps")
    if model.get("epochs"):
        rows = _entry(config, "datasets", result["dataset"]).get("n_train", 0)
        rows -= min(round(model.get("validation_fraction", 0.0) * rows), MOST_VALIDATED)
        steps = model["epochs"] * math.ceil(rows / batch)
    ours, theirs = (result["n"], steps, batch), tuple(budget.values())
    if ours == theirs:
        return "same number of runs and budget of training"
    written = "{} runs of {} steps of {} points"
    return f"here {written.format(*ours)}, there {written.format(*theirs)}"


def _agreement(theirs: float, their_std: float, ours: float, our_std: float) -> str:
    """Return whether the intervals of one standard deviation meet; nothing if one is unknown."""
    if not all(map(math.isfinite, (theirs, their_std, ours, our_std))):
        return ""
    if abs(ours - theirs) <= their_std + our_std:
        return AGREES
    return LOWER if ours < theirs else HIGHER


def _entry(config: Mapping[str, Any], section: str, name: Any) -> Mapping[str, Any]:
    return (config.get(section) or {}).get(name) or {}


def _model(config: Mapping[str, Any], method: Any) -> Mapping[str, Any]:
    """Return the settings of the first model that a method samples from and that has an alpha."""
    entry = _entry(config, "methods", method)
    parts = parts_of(entry["type"], entry) if entry else {}
    models = (_entry(config, "models", name) for name in parts.values())
    return next((model for model in models if "alpha" in model), {})


def _published_name(
    config: Mapping[str, Any], result: Mapping[str, Any], published: set[str]
) -> str:
    """Return the published method that ours stands for: its own name if published, else its type.

    A median of M means and independent coordinates are part of the published name.
    """
    if _plain(result["method"]) in published:
        return _plain(result["method"])
    model = _model(config, result["method"])
    draws = model.get("median_of_means", 1)
    name = _entry(config, "methods", result["method"]).get("type", result["method"])
    name += f"_{draws}" if draws > 1 else ""
    return _plain(name + ("" if model.get("isotropic", True) else "_ni"))


def _plain(name: Any) -> str:
    return str(name).lower().replace("-", "_")
