"""Whether a run and a record speak of the same data, by the same metrics."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tailbench.exceptions import InputError
from tailbench.metrics.merging import CLOSE
from tailbench.pipeline.planning.plan import Plan
from tailbench.pipeline.recording.facts import (
    Facts,
    check_alike,
    facts_of_results,
    metric_versions,
)
from tailbench.pipeline.recording.record import Record
from tailbench.pipeline.stages.collect import floor_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["check_agreement", "check_versions"]


def check_versions(plan: Plan, record: Record) -> None:
    """Check that this package computes the metrics that the record has, before anything runs.

    Raises:
        InputError: If a metric has another version or other settings.
    """
    config = plan.config.raw()
    entries, versions = config["metrics"], metric_versions(config)
    here = Facts(metrics={name: (entries[name], versions[name]) for name in entries})
    check_alike({_named(record): record.facts, "this package": here})


def check_agreement(results: Path, plan: Plan, record: Record) -> None:
    """Check that the data of a run and their floors are those of a record.

    Rows are compared by digests that do not hang on the processor, floors up to ``CLOSE``.

    Args:
        results: The results folder, of which data and floors have been computed.
        plan: The plan of the run.
        record: The record.

    Raises:
        InputError: If they are not; names the data set, the seed, and what differs.
    """
    known, data = record.facts.data, facts_of_results(results, plan.config.raw()).data
    check_alike(
        {
            _named(record): Facts({name: known.get(name, {}) for name in data}),
            f"the run in {results}": Facts(data),
        }
    )
    for dataset in plan.config.datasets:
        for block in plan.blocks_on(dataset):
            _check_floors(floor_of(results, dataset, block), dataset, record)


def _check_floors(found: pd.DataFrame, dataset: str, record: Record) -> None:
    """Compare the floors of a block of seeds with those of the record."""
    import numpy as np

    of = record.metrics[record.metrics["dataset"] == dataset]
    recorded = of.drop_duplicates(["seed", "metric"])[["seed", "metric", "floor"]]
    recorded = recorded[recorded["seed"].isin(found["seed"])]
    both: Any = recorded.merge(
        found.drop_duplicates(["seed", "metric"]),
        on=["seed", "metric"],
        how="left",
        suffixes=("", "_here"),
    )
    same = np.isclose(both["floor"], both["floor_here"], rtol=CLOSE, atol=0, equal_nan=True)
    if not same.all():
        row = both.loc[~same].iloc[0]
        raise InputError(
            f"the floor of {dataset}, seed {row['seed']}, metric {row['metric']} is "
            f"{row['floor']:.12g} in {_named(record)} and {row['floor_here']:.12g} here, of the "
            "same data: the metric is not computed in the same way"
        )


def _named(record: Record) -> str:
    return f"the record {record.name}"
