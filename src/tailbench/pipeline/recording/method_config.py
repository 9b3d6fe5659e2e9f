"""The configuration that runs new methods on the data of a record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tailbench.pipeline.config.model import Config, ConfigError
from tailbench.pipeline.config.parse import parse, read_mapping
from tailbench.pipeline.config.seed_blocks import parse_block
from tailbench.pipeline.recording.record import Record
from tailbench.registry import nearest

__all__ = ["KEYS", "merged_config", "method_config"]

OWN = ("models", "methods", "plugins")
KEYS = (*OWN, "device", "threads", "processes", "processes_per_node")
"""What a file for ``tailbench rank`` may hold."""


def method_config(
    file: Path, record: Record, datasets: Sequence[str] = (), lite: bool = False
) -> Config:
    """Complete the entries of new methods by the data, budget and metrics of a record.

    The models of the record are there too, for new methods that sample from one of them.

    Args:
        file: YAML file with ``methods`` and, where they are new, ``models`` and ``plugins``.
        record: The record.
        datasets: The data sets to run; those of the record if there are none.
        lite: Whether to run the part of the record that was chosen for it.

    Returns:
        The configuration, named ``rank-`` and the name of the file, with absolute paths.

    Raises:
        ConfigError: If the file holds a mistake, a name that the record has, or a key that is the
            record's; if the record lacks a data set, or has no part for ``lite``.
    """
    given = read_mapping(file)
    known = record.about.config
    for key in given:
        if key not in KEYS:
            said = " is the record's" if key in known else f": unknown key{nearest(str(key), KEYS)}"
            raise ConfigError(f"{file}: {key}{said}; a new method has {', '.join(OWN)}")
    new = {section: _entries(given, section, file) for section in ("models", "methods")}
    if not new["methods"]:
        raise ConfigError(f"{file}: methods: at least one entry is required")
    for section, entries in new.items():
        for name in entries:
            if name in (known.get(section) or {}):
                raise ConfigError(
                    f"{file}: {section}.{name}: the record {record.name} has one of this name; "
                    "give yours another"
                )
    return parse(
        {
            **{key: given[key] for key in KEYS if key in given},
            "name": f"rank-{file.stem}",
            **_data(record, datasets, lite),
            "budget": known.get("budget") or {},
            "models": {**(known.get("models") or {}), **new["models"]},
            "methods": new["methods"],
            "metrics": known["metrics"],
            "figures": [],
        },
        str(file),
        file,
        absolute=True,
    )


def merged_config(config: Config, record: Record) -> Config:
    """Return the configuration of new methods together with those of the record.

    Args:
        config: That of the new methods, from ``method_config``.
        record: The record.
    """
    raw, known = config.raw(), record.about.config
    methods = {**(known.get("methods") or {}), **raw["methods"]}
    for name, entry in raw["datasets"].items():
        of_record = (known["datasets"][name]).get("methods") or list(known["methods"])
        entry["methods"] = [*of_record, *config.methods]
    return parse({**raw, "methods": methods})


def _data(record: Record, datasets: Sequence[str], lite: bool) -> dict[str, Any]:
    """Return the data sets and the seeds to run."""
    known, chosen, seeds = record.about.config, list(datasets), record.about.config["seeds"]
    for name in chosen:
        if name not in known["datasets"]:
            hint = nearest(name, known["datasets"])
            raise ConfigError(f"the record {record.name} has no data set {name!r}{hint}")
    if lite:
        part = record.about.lite
        if part is None:
            raise ConfigError(f"the record {record.name} has no part for --lite")
        chosen = [name for name in chosen or part.datasets if name in part.datasets]
        if not chosen:
            raise ConfigError(
                f"--lite has none of the data sets {', '.join(datasets)}; it has "
                f"{', '.join(part.datasets)}"
            )
        seeds = list(part.seeds)
    entries = {name: known["datasets"][name] for name in chosen or known["datasets"]}
    left_out = ("methods", "seeds") if lite else ("methods",)
    entries = {
        name: {key: value for key, value in entry.items() if key not in left_out}
        for name, entry in entries.items()
    }
    _check_seeds(record, entries, seeds)
    return {"datasets": entries, "seeds": list(seeds)}


def _check_seeds(record: Record, entries: Mapping[str, Any], seeds: Sequence[str]) -> None:
    """Check that the record knows the data of all seeds."""
    for name, entry in entries.items():
        there = record.about.data.get(name) or {}
        for block in entry.get("seeds") or seeds:
            for seed in parse_block(block):
                if seed not in there:
                    raise ConfigError(
                        f"the record {record.name} has no digest of {name}, seed {seed}"
                    )


def _entries(given: Mapping[str, Any], section: str, file: Path) -> dict[str, Any]:
    """Return the entries of a section, which may be a list of names."""
    value = given.get(section)
    if value is None:
        return {}
    if isinstance(value, list) and all(isinstance(name, str) for name in value):
        return dict.fromkeys(value)
    if not isinstance(value, Mapping):
        raise ConfigError(
            f"{file}: {section}: must be a mapping of names to settings, or a list of names"
        )
    return dict(value)
