"""What each method was given: size, training, sampling, and what was tuned by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tailbench import registry
from tailbench.data import Variant

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CAPTION", "budgets"]

COLUMNS = [
    "dataset", "method", "variant", "name", "models", "parameters", "rows_seen", "train_seconds",
    "nfe", "sample_seconds", "tuned",
]  # fmt: skip
CAPTION = (
    "Parameters and rows seen in training (optimiser steps times batch; each row of the data as "
    "often as it was drawn) are sums over the models of a method, for one seed. Closed forms see "
    "each row as often as their fit reads it, which is not counted. Seconds are means over seeds: "
    "those that processors worked, on a CPU, and time that passed, on a GPU; those of samples are "
    "for as many as are held out."
)


def budgets(
    metrics: pd.DataFrame,
    config: Mapping[str, Any],
    specs: Mapping[str, Mapping[str, Sequence[Mapping[str, Any]]]],
) -> pd.DataFrame:
    """List what every variant of every method cost, and what was tuned for it.

    Args:
        metrics: The tidy metrics.
        config: The completed configuration.
        specs: What is written beside the models, by dataset and model: see
            ``ResultsReader.specs``.

    Returns:
        One row per dataset, method and variant with the ``COLUMNS``; ``rows_seen`` is missing for
        methods none of whose models is trained step by step, and both it and ``parameters`` of
        models that another run has trained.
    """
    import pandas as pd

    costs = metrics.groupby(["dataset", "method", "variant"], sort=False)[
        ["nfe", "train_seconds", "sample_seconds"]
    ].mean()
    rows = []
    for key, cost in costs.iterrows():
        dataset, method, variant = (str(part) for part in key)  # type: ignore[attr-defined]
        names = _models(metrics, dataset, method)
        written = [specs.get(dataset, {}).get(name, [{}])[0] for name in names]
        known = all(written)  # not of models that another run has trained
        seen = [count for spec in written if known and (count := _rows_seen(spec)) is not None]
        parameters = sum(int(spec.get("parameters", 0)) for spec in written)
        rows.append(
            {
                "dataset": dataset,
                "method": method,
                "variant": variant,
                "name": Variant(method, variant).text,
                "models": ", ".join(names),
                "parameters": parameters if known else float("nan"),
                "rows_seen": float(sum(seen)) if seen else float("nan"),
                **cost.to_dict(),
                "tuned": _tuned(config, method),
            }
        )
    return pd.DataFrame(rows, columns=COLUMNS)


def _models(metrics: pd.DataFrame, dataset: str, method: str) -> list[str]:
    """Return the names of the models of a method, as the metrics have them."""
    own = metrics[(metrics["dataset"] == dataset) & (metrics["method"] == method)]["model"]
    first = own.iloc[0] if len(own) else ""
    return first.split("+") if isinstance(first, str) and first else []


def _rows_seen(spec: Mapping[str, Any]) -> int | None:
    """Return the rows that a training has seen, by its settings."""
    settings = spec.get("settings") or {}
    if "batch_size" not in settings or settings.get("epochs"):
        return None
    return int(settings["train_steps"]) * int(settings["batch_size"])


def _tuned(config: Mapping[str, Any], method: str) -> str:
    """Return what was tuned for the model of a method, once and for all data."""
    type_ = (config.get("methods") or {}).get(method, {}).get("type", method)
    known = registry.method_types()
    if type_ not in known:
        return ""
    return str(registry.load("models", known[type_]).tuning)
