"""Checks of files and data that are made before the first job."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from tailbench.exceptions import InputError
from tailbench.pipeline.config.model import Config, ConfigError
from tailbench.pipeline.runtime.extras import how_to_install

if TYPE_CHECKING:
    from tailbench.pipeline.planning.plan import Plan

__all__ = ["check_data", "check_files"]


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
            entry.source().check(config.batch_needs(name))
        except InputError as error:
            mistakes.append(f"{source}: datasets.{name}: {error}")
        except ModuleNotFoundError as error:
            if (said := how_to_install(error)) is None:
                raise
            mistakes.append(f"{source}: datasets.{name}: {said}")
    if mistakes:
        raise ConfigError("\n".join(mistakes))


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
