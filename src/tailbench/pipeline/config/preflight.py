"""Checks of files and data that are made before the first job."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tailbench.exceptions import InputError
from tailbench.pipeline.config.model import Config, ConfigError
from tailbench.pipeline.config.seed_blocks import parse_block
from tailbench.pipeline.runtime.extras import how_to_install

if TYPE_CHECKING:
    from tailbench.data import DataSplits
    from tailbench.pipeline.planning.plan import Plan

__all__ = ["check_columns", "check_data", "check_files"]


def check_data(config: Config, source: str) -> None:
    """Read the data of every dataset and check that models can be trained on them.

    Args:
        config: The configuration.
        source: What to call the configuration in messages.

    Raises:
        ConfigError: If the data of a dataset cannot be used; one line per dataset, which names the
            key and the file, or the package that is missing.
    """
    mistakes = []
    for name, entry in config.datasets.items():
        try:
            origin = entry.source()
            origin.check(config.batch_needs(name))
            if entry.described and getattr(origin, "remote", None) is None:
                first = parse_block(config.seed_blocks_on(name)[0])[0]
                check_columns(origin, [origin.splits(name, first)], **entry.described)
        except InputError as error:
            mistakes.append(f"{source}: datasets.{name}: {error}")
        except ModuleNotFoundError as error:
            if (said := how_to_install(error)) is None:
                raise
            mistakes.append(f"{source}: datasets.{name}: {said}")
    if mistakes:
        raise ConfigError("\n".join(mistakes))


def check_columns(
    origin: Any, splits: Sequence[DataSplits], support: Any = None, atoms: Any = None
) -> None:
    """Check what is said of the columns of a dataset by its rows.

    Args:
        origin: The target or the data set.
        splits: Its data for some seeds.
        support: Bounds of its columns: see ``margins.column_settings``.
        atoms: Its atoms.

    Raises:
        InputError: If the rows are images, one is beyond a bound, no training row is equal to an
            atom, or a column is not there.
    """
    from tailbench.datasets.base import BaseDataset
    from tailbench.margins.column_maps import check_atoms, check_support

    if splits[0].images is not None:
        raise InputError("support and atoms are for tables, and these are images")
    if isinstance(origin, BaseDataset):  # in the order of the file, by which messages count
        check_support(*origin.read(), support, origin.source)
    for split in splits:
        check_support(np.concatenate([split.train, split.test]), split.columns, support)
        check_atoms(split.train, split.columns, atoms)


def check_files(plan: Plan, source: str) -> None:
    """Check that the user's files exist, under names that Snakemake takes as they are.

    Args:
        plan: The plan of the configuration.
        source: What to call the configuration in messages.

    Raises:
        ConfigError: If one does not; one line per file, which names the file and the key.
    """
    mistakes = [f"{source}: {mistake}" for mistake in _missing_files(plan)]
    if mistakes:
        raise ConfigError("\n".join(mistakes))


def _missing_files(plan: Plan) -> Iterator[str]:
    config = plan.config
    for name in config.datasets:
        for path in plan.inputs.files(name):
            yield from _missing(path, f"datasets.{name}.path")
    for model in plan.models:
        for path in plan.inputs.frozen(model):
            yield from _missing(path, f"models.{model}.frozen")
    for method in config.methods:
        for path in plan.files_of(method):
            yield from _missing(path, f"methods.{method}.path")
    spaces = {space for name in config.datasets for space in plan.features.spaces(name)}
    for name, entry in config.metrics.items():
        weights = entry.values.get("weights")
        if isinstance(weights, str):
            where = f"metrics.{name}.weights"
            yield from _missing(weights, where) if entry.type in spaces else _braces(weights, where)


def _missing(path: str, where: str) -> Iterator[str]:
    yield from _braces(path, where)
    if not Path(path).exists():
        yield f"{where}: the file {path} does not exist"


def _braces(path: str, where: str) -> Iterator[str]:
    if {*path} & {*"{}"}:
        yield (
            f"{where}: the name {path!r} has braces, which Snakemake takes for wildcards: "
            "rename the file"
        )
