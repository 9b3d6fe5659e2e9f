"""What runs have to share to be compared: their data, and how their metrics were computed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tailbench import registry
from tailbench.exceptions import InputError
from tailbench.io.arrays import open_array
from tailbench.io.checksums import read_record
from tailbench.io.row_digests import rows_digest
from tailbench.pipeline.results.failures import read_failure
from tailbench.pipeline.results.layout import DATA_FILES
from tailbench.pipeline.results.reader import ResultsReader

__all__ = ["Facts", "check_alike", "facts_of_results", "metric_versions"]


@dataclass(frozen=True)
class Facts:
    """What a run has computed on, and by.

    Attributes:
        data: Digest of the rows by data set and seed.
        metrics: Settings and version of each metric, by its name.
    """

    data: Mapping[str, Mapping[int, str]] = field(default_factory=dict)
    metrics: Mapping[str, tuple[Any, int]] = field(default_factory=dict)


def metric_versions(config: Mapping[str, Any]) -> dict[str, int]:
    """Return the version of each metric of a completed configuration, by its name.

    It is the attribute ``version`` of its class, 1 without one: whoever changes the values of a
    metric raises it by hand.
    """
    entries = config.get("metrics") or {}
    return {
        name: int(getattr(registry.load("metrics", entry["type"]), "version", 1))
        for name, entry in entries.items()
    }


def facts_of_results(results: Path, config: Mapping[str, Any] | None = None) -> Facts:
    """Compute the facts of a results folder from its data; versions are those of this package.

    Args:
        results: The folder.
        config: The completed configuration; that of the folder if left out.

    Raises:
        InputError: If an array is missing or corrupt.
    """
    reader = ResultsReader(results)
    config = reader.config if config is None else config
    data: dict[str, dict[int, str]] = {}
    for dataset, entry in (config.get("datasets") or {}).items():
        for block in entry.get("seeds") or config["seeds"]:
            folder = Path(reader.layout.data(dataset, block))
            if (folder / "meta.json").is_file() and read_failure(folder) is None:
                data.setdefault(dataset, {}).update(_digests(folder))
    entries, versions = config.get("metrics") or {}, metric_versions(config)
    return Facts(data, {name: (entries[name], version) for name, version in versions.items()})


def _digests(folder: Path) -> dict[int, str]:
    """Return the digests of a block of seeds."""
    arrays = [open_array(folder / name) for name in DATA_FILES if name.endswith(".npy")]
    seeds = read_record(folder / "meta.json")["seeds"]
    return {seed: rows_digest(array[e] for array in arrays) for e, seed in enumerate(seeds)}


def check_alike(runs: Mapping[str, Facts]) -> None:
    """Check that runs share what both know of: rows of a data set and seed, and metrics.

    Args:
        runs: The facts, by names for messages.

    Raises:
        InputError: If two differ; names the data set and the seed, or the metric.
    """
    rows: dict[tuple[str, int], tuple[str, str]] = {}
    metrics: dict[str, tuple[str, tuple[Any, int]]] = {}
    for run, facts in runs.items():
        for dataset, by_seed in facts.data.items():
            for seed, found in by_seed.items():
                first, expected = rows.setdefault((dataset, seed), (run, found))
                if found != expected:
                    raise InputError(
                        f"the data of {dataset}, seed {seed}, are not the same in {first} and in "
                        f"{run}: their digests are {expected} and {found}"
                    )
        for name, how in facts.metrics.items():
            first, known = metrics.setdefault(name, (run, how))
            if how[1] != known[1]:
                raise InputError(
                    f"the metric {name} has version {known[1]} in {first} and {how[1]} in {run}"
                )
            if _differ(how[0], known[0]):
                raise InputError(f"the metric {name} has other settings in {first} than in {run}")


def _differ(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether settings differ; one that a later version of the package has added does not count."""
    return any(one[key] != other[key] for key in one.keys() & other.keys())
