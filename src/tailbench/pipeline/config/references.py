"""What the entries of a configuration say of each other: one function per rule."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

import numpy as np

from tailbench.exceptions import InputError
from tailbench.pipeline.config.model import Config
from tailbench.registry import entry_class, nearest

__all__ = ["mistakes_between"]


def mistakes_between(config: Config) -> Iterator[str]:
    """Yield a sentence for each mistake between the entries, starting with the path of the key.

    Args:
        config: A configuration whose entries are valid one by one.
    """
    for rule in (
        _metrics_have_datasets,
        _metrics_are_computed_once,
        _methods_have_models,
        _processes_fit,
        _methods_of_datasets,
        _targets_of_methods,
        _targets_of_models,
        _seeds_of_datasets,
    ):
        yield from rule(config)


def _metrics_have_datasets(config: Config) -> Iterator[str]:
    if not config.datasets and (config.metrics or config.figures):
        yield f"{'metrics' if config.metrics else 'figures'}: at least one dataset is required"


def _metrics_are_computed_once(config: Config) -> Iterator[str]:
    first: dict[str, str] = {}
    for name, entry in config.metrics.items():
        if first.setdefault(entry.type, name) != name:
            yield (
                f"metrics.{name}: the metric {entry.type!r} is already computed by "
                f"{first[entry.type]!r}, and its columns would have the same names"
            )


def _methods_have_models(config: Config) -> Iterator[str]:
    for name, entry in config.methods.items():
        types = entry_class("methods", entry.type).parts
        for role, model in entry.parts.items():
            where = f"methods.{name}.{role}"
            if model not in config.models:
                yield f"{where}: {_no_model(config, model)}"
            elif config.models[model].type not in types[role]:
                expected = " or ".join(map(repr, types[role]))
                actual = config.models[model].type
                yield f"{where}: model {model!r} has type {actual!r}; expected {expected}"


def _processes_fit(config: Config) -> Iterator[str]:
    per_node = config.processes_per_node
    for name, count in config.processes.items():
        if name not in config.models:
            yield f"processes: {_no_model(config, name)}"
        elif count > per_node and count % per_node:
            yield f"processes.{name}: {count} is not a multiple of processes_per_node ({per_node})"
        elif count > getattr(config.models[name].settings, "batch_size", count):
            yield (
                f"processes.{name}: the batch_size of the model must be at least the number of "
                f"processes ({count})"
            )


def _methods_of_datasets(config: Config) -> Iterator[str]:
    for name, entry in config.datasets.items():
        where = f"datasets.{name}.methods"
        for method in entry.methods or ():
            if method not in config.methods:
                yield f"{where}: there is no method {method!r}{nearest(method, config.methods)}"
        yield from _repeated(where, "method", entry.methods or ())


def _targets_of_methods(config: Config) -> Iterator[str]:
    """Methods that need the exact score are for targets that have one."""
    for name, entry in config.datasets.items():
        settings: dict[str, Any] = {
            method: config.methods[method].settings
            for method in config.methods_on(name)
            if method in config.methods
        }
        asking = [method for method, own in settings.items() if "target" in own.needs]
        if asking and not _has_noised_score(entry.source().target()):
            yield (
                f"datasets.{name}: the method {asking[0]!r} needs the exact score of data plus "
                f"noise, which is not known of the type {entry.type!r}; leave the method out of "
                f"datasets.{name}.methods"
            )


def _targets_of_models(config: Config) -> Iterator[str]:
    """Models with settings from the exact law are for data whose law tells them."""
    for name, entry in config.datasets.items():
        methods = [m for m in config.methods_on(name) if m in config.methods]
        models = {model for m in methods for model in config.methods[m].parts.values()}
        for model in sorted(models & {*config.models}):
            if not config.models[model].settings.needs_target:
                continue
            try:
                config.models[model].on(entry.source().target())
            except InputError as error:
                yield (
                    f"models.{model}.{error}; the type {entry.type!r} of datasets.{name} has "
                    f"none, so leave the method out of datasets.{name}.methods"
                )


def _has_noised_score(target: Any) -> bool:
    score = getattr(target, "noised_score", None)
    return score is not None and score(np.zeros((1, target.dim)), 1.0) is not None


def _seeds_of_datasets(config: Config) -> Iterator[str]:
    for name, entry in config.datasets.items():
        where = f"datasets.{name}.seeds"
        for block in entry.seeds or ():
            if block not in config.seeds:
                hint = nearest(block, config.seeds)
                yield f"{where}: there is no seed block {block!r} under seeds{hint}"
        yield from _repeated(where, "seed block", entry.seeds or ())


def _repeated(where: str, noun: str, values: Collection[str]) -> Iterator[str]:
    for value in dict.fromkeys(values):
        if list(values).count(value) > 1:
            yield f"{where}: duplicate {noun} {value!r}"


def _no_model(config: Config, name: str) -> str:
    return f"there is no model {name!r} under models{nearest(name, config.models)}"
