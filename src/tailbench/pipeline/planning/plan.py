"""What a configuration amounts to: which cells there are, and what each depends on.

The Snakefile asks this module for every parameter of every job. A parameter holds what its
cell depends on and nothing else, so that a change in the configuration reruns the cells it
touches and no others.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tailbench import registry
from tailbench.models.settings import written
from tailbench.pipeline.config.parse import Config, ConfigError, Entry, parse
from tailbench.pipeline.config.seed_blocks import parse_block
from tailbench.pipeline.planning import code_digest
from tailbench.pipeline.planning.image_metrics import Features
from tailbench.pipeline.planning.theory_jobs import Experiments
from tailbench.registry import entry_class, method_types, source, source_kind

__all__ = ["Cell", "Plan"]


@dataclass(frozen=True, order=True)
class Cell:
    """One method on one dataset for one block of seeds."""

    dataset: str
    method: str
    block: str

    @property
    def members(self) -> list[int]:
        """The seeds of the block."""
        return parse_block(self.block)


@dataclass(frozen=True)
class Plan:
    """The jobs of a configuration."""

    config: Config

    @classmethod
    def of(cls, raw: Mapping[str, Any], source: str) -> Plan:
        """Make the plan of a configuration that has been read, and check that files exist.

        Args:
            raw: Keys and values as YAML gives them.
            source: What to call the configuration in messages.

        Raises:
            ConfigError: If the configuration holds a mistake.
        """
        plan = cls(parse(raw, source))
        plan.check_files(source)
        return plan

    @property
    def blocks(self) -> tuple[str, ...]:
        """The blocks of seeds."""
        return self.config.seeds

    def methods_on(self, dataset: str) -> tuple[str, ...]:
        """The methods to run on a dataset."""
        return self.config.select.get(dataset, tuple(self.config.methods))

    def blocks_on(self, dataset: str) -> tuple[str, ...]:
        """The blocks of seeds to run on a dataset."""
        return self.config.blocks.get(dataset, self.blocks)

    def cells(self) -> list[Cell]:
        """All (dataset, method, block) of the configuration, in the order it names them."""
        return list(self._cells)

    @cached_property
    def _cells(self) -> tuple[Cell, ...]:
        return tuple(
            Cell(dataset, method, block)
            for dataset in self.config.datasets
            for method in self.methods_on(dataset)
            for block in self.blocks_on(dataset)
        )

    @cached_property
    def models(self) -> Mapping[str, Entry]:
        """The models to train: the configuration's, and those that methods derive from them."""
        models = dict(self.config.models)
        for method in self.config.methods:
            for role, names in self._derived(method).items():
                base = self.config.models[self.config.methods[method].settings[role]]
                for name, change in names.items():
                    models[name] = Entry(type=base.type, settings={**base.settings, **change})
        return models

    def _derived(self, method: str) -> dict[str, dict[str, dict[str, Any]]]:
        settings = self.config.methods[method].settings
        return {
            role: {f"{settings[role]}@{_written(change)}": change for change in changes}
            for role, changes in self._sampling[method].derived().items()
        }

    @cached_property
    def _sampling(self) -> Mapping[str, Any]:
        return {
            method: entry_class("methods", entry.type).model_validate(entry.settings)
            for method, entry in self.config.methods.items()
        }

    @cached_property
    def _parts(self) -> dict[str, dict[str, tuple[str, ...]]]:
        parts = {}
        for method, entry in self.config.methods.items():
            roles = entry_class("methods", entry.type).parts
            derived = self._derived(method)
            parts[method] = {
                role: tuple(derived[role]) if role in derived else (entry.settings[role],)
                for role in roles
            }
        return parts

    def parts(self, method: str) -> dict[str, tuple[str, ...]]:
        """The trained models that a method samples from, by role."""
        return self._parts[method]

    def models_of(self, method: str) -> list[str]:
        """The trained models that a method samples from."""
        return self._models_of[method]

    @cached_property
    def _models_of(self) -> dict[str, list[str]]:
        return {
            method: sorted({name for names in parts.values() for name in names})
            for method, parts in self._parts.items()
        }

    def sample_inputs(self, dataset: str, method: str, block: str) -> list[str]:
        """The files that a cell is sampled from: trained models, and data to choose from."""
        files = [
            f"results/models/{dataset}/{model}/{block}/{file}"
            for model in self.models_of(method)
            for file in ("model.safetensors", "spec.json")
        ]
        if self._sampling[method].tuning_runs:
            files.append(f"results/data/{dataset}/{block}/train.safetensors")
        return files

    def processes(self, model: str) -> int:
        """The number of processes that train a model together."""
        return self.config.processes.get(model.partition("@")[0], 1)

    def processes_of(self, method: str) -> int:
        """The number of processes that sample together: as many as trained a model of it."""
        return max(self.processes(model) for model in self.models_of(method))

    def processes_for(self, dataset: str, method: str) -> int:
        """The number of processes that compute metrics: several only where there are features."""
        if not self.features.spaces(dataset):
            return 1
        return min(self.processes_of(method), self.config.processes_per_node)

    def trainings(self) -> list[tuple[str, str, str]]:
        """All (dataset, model, block) that some cell needs."""
        return list(
            dict.fromkeys(
                (cell.dataset, model, cell.block)
                for cell in self._cells
                for model in self.models_of(cell.method)
            )
        )

    @cached_property
    def experiments(self) -> Experiments:
        """The experiments on theorems."""
        return Experiments(self.config)

    def report_inputs(self) -> list[str]:
        """The files and folders that the report is made from."""
        inputs = [f"results/{file}" for file in ("metrics.csv", "config.json", "plan.json")]
        if self.config.datasets:
            inputs += ["results/tables"]
        inputs += [f"results/figures/{figure}" for figure in self.config.figures]
        return inputs + [f"results/theory/{name}/slopes.csv" for name in self.config.theory]

    @cached_property
    def features(self) -> Features:
        """The metrics of each dataset, and the features that those of images need."""
        return Features(self.config)

    def files(self, dataset: str) -> list[str]:
        """The user's files that a dataset is read from."""
        entry = self.config.datasets[dataset]
        if source_kind(entry.type) == "targets":
            return []
        origin = source({"type": entry.type, **entry.settings})
        return [str(path) for path in origin.files()]

    def fetched(self, dataset: str) -> list[str]:
        """The file that has to be fetched for a dataset, if there is one."""
        entry = self.config.datasets[dataset]
        if source_kind(entry.type) == "targets":
            return []
        name = getattr(source({"type": entry.type, **entry.settings}), "remote", None)
        return [] if name is None else [f"results/downloads/{dataset}/{name}"]

    def fetch_spec(self, dataset: str) -> str:
        """What a file to be fetched depends on, as canonical JSON."""
        entry = self.config.datasets[dataset]
        where = {k: v for k, v in entry.settings.items() if k in ("path", "checksum")}
        return json.dumps({"type": entry.type, **where}, sort_keys=True)

    def check_files(self, source: str) -> None:
        """Check that the user's files exist, under names that Snakemake takes as they are.

        Args:
            source: What to call the configuration in messages.

        Raises:
            ConfigError: If one does not; names the file and the key.
        """
        for dataset in self.config.datasets:
            for path in self.files(dataset):
                _check_braces(path, f"{source}: datasets.{dataset}.path")
                if not Path(path).exists():
                    raise ConfigError(
                        f"{source}: datasets.{dataset}.path: the file {path} does not exist"
                    )
        spaces = {s for dataset in self.config.datasets for s in self.features.spaces(dataset)}
        for name, entry in self.config.metrics.items():
            weights = entry.settings.get("weights")
            _check_braces(str(weights), f"{source}: metrics.{name}.weights")
            if weights is not None and entry.type in spaces and not Path(weights).is_file():
                raise ConfigError(
                    f"{source}: metrics.{name}.weights: the file {weights} does not exist"
                )

    def figure_inputs(self, figure: str) -> list[str]:
        """The files that a figure is drawn from, of all blocks of seeds or of the first alone.

        Its ``needs`` may be ``metrics``, ``data``, ``samples``, ``histories``, ``first data`` and
        ``first samples``.
        """
        needs = registry.load("figures", figure).needs
        inputs = ["results/metrics.csv", "results/config.json"]
        for dataset in self.config.datasets:
            for block in self._blocks_for("data", needs, dataset):
                folder = f"results/data/{dataset}/{block}"
                files = ("train.safetensors", "test.safetensors", "meta.json")
                inputs += [f"{folder}/{file}" for file in files]
            for block in self._blocks_for("samples", needs, dataset):
                inputs += [
                    f"results/samples/{dataset}/{method}/{block}.{ending}"
                    for method in self.methods_on(dataset)
                    for ending in ("safetensors", "json")
                ]
        if "histories" in needs:
            inputs += [
                f"results/models/{dataset}/{model}/{block}/history.csv"
                for dataset, model, block in self.trainings()
            ]
        return inputs

    def _blocks_for(self, kind: str, needs: Collection[str], dataset: str) -> tuple[str, ...]:
        blocks = self.blocks_on(dataset)
        return blocks if kind in needs else blocks[:1] if f"first {kind}" in needs else ()

    def data_spec(self, dataset: str) -> str:
        """What the data of a dataset depend on, as canonical JSON."""
        return self.config.datasets[dataset].spec

    def train_spec(self, model: str) -> str:
        """What the training of a model depends on, besides its data, as canonical JSON."""
        return self.models[model].spec

    def sample_spec(self, method: str) -> str:
        """What the sampling of a method depends on, besides its models, as canonical JSON."""
        entry = self.config.methods[method]
        return json.dumps(
            {"type": entry.type, **entry.settings, "parts": self.parts(method)}, sort_keys=True
        )

    def evaluate_spec(self, dataset: str) -> str:
        """What the metrics depend on, besides samples, data and features, as canonical JSON."""
        metrics = self.features.metrics_on(dataset)
        return json.dumps(
            {name: {"type": entry.type, **entry.settings} for name, entry in metrics.items()},
            sort_keys=True,
        )

    def code(self, stage: str, name: str | None = None) -> str:
        """The digest of the code that a job runs.

        Args:
            stage: Name of the stage's module.
            name: What the job is about: a dataset, a model, a method, a figure or an experiment.
        """
        return code_digest.digest(
            [f"tailbench.pipeline.stages.{stage}", *self._modules(stage, name)]
        )

    def _modules(self, stage: str, name: str | None) -> Iterator[str]:
        if stage in ("data", "evaluate") and name is not None:
            type_ = self.config.datasets[name].type
            yield registry.module_of(source_kind(type_), type_)
        if stage == "evaluate" and name is not None:
            for entry in self.features.metrics_on(name).values():
                yield registry.module_of("metrics", entry.type)
        if stage == "train" and name is not None:
            yield registry.module_of("models", self.models[name].type)
        if stage == "sample" and name is not None:
            yield registry.module_of("models", method_types()[self.config.methods[name].type])
            for model in self.models_of(name):
                yield registry.module_of("models", self.models[model].type)
        if stage in ("theory", "claims") and name is not None:
            yield registry.module_of(stage, self.config.theory[name].type)
        if stage == "figure" and name is not None:
            yield registry.module_of("figures", name)
        if stage in ("tables", "figure", "report"):  # they read the labels of the metrics
            for entry in self.config.metrics.values():
                yield registry.module_of("metrics", entry.type)
        if stage == "report":
            yield "tailbench.pipeline.reporting.templates"
            for figure in self.config.figures:
                yield registry.module_of("figures", figure)
            for entry in self.config.theory.values():
                yield registry.module_of("claims", entry.type)


def _check_braces(path: str, where: str) -> None:
    if {*path} & {*"{}"}:
        raise ConfigError(
            f"{where}: the name {path!r} has braces, which Snakemake takes for wildcards: "
            "call the file something else"
        )


def _written(change: Mapping[str, float]) -> str:
    """Write changed settings as part of the name of a file."""
    return "-".join(f"{key}-{written(value)}" for key, value in change.items()).replace("+", "")
