"""What a configuration amounts to: which cells there are, and what each depends on.

The Snakefile asks this module for every parameter of every job. A parameter holds what its
cell depends on and nothing else, so that a change in the configuration reruns the cells it
touches and no others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tailbench.models.settings import written
from tailbench.pipeline.config.entries import ModelEntry
from tailbench.pipeline.config.model import Config
from tailbench.pipeline.config.parse import parse
from tailbench.pipeline.config.preflight import check_files
from tailbench.pipeline.config.seed_blocks import parse_block
from tailbench.pipeline.planning.image_metrics import Features
from tailbench.pipeline.planning.inputs import Inputs
from tailbench.pipeline.planning.job_code import job_digest
from tailbench.pipeline.planning.specs import Specs
from tailbench.pipeline.planning.theory_jobs import Experiments
from tailbench.pipeline.results.layout import Layout

__all__ = ["Cell", "Plan"]


@dataclass(frozen=True, order=True)
class Cell:
    """One method on one dataset for one block of seeds."""

    dataset: str
    method: str
    block: str

    @property
    def seeds(self) -> list[int]:
        """The seeds of the block."""
        return parse_block(self.block)


@dataclass(frozen=True)
class Plan:
    """The jobs of a configuration."""

    config: Config

    @classmethod
    def of(cls, raw: Mapping[str, Any], source: str) -> Plan:
        """Make the plan of a configuration that has been read from a file; check the user's files.

        Args:
            raw: Keys and values as YAML gives them.
            source: The file, at whose folder relative paths start.

        Raises:
            ConfigError: If the configuration holds a mistake.
        """
        plan = cls(parse(raw, source, source))
        plan.check_files(source)
        return plan

    @property
    def blocks(self) -> tuple[str, ...]:
        """The blocks of seeds."""
        return self.config.seeds

    @cached_property
    def layout(self) -> Layout:
        """The paths of the results."""
        return Layout.of(self.config.name)

    def methods_on(self, dataset: str) -> tuple[str, ...]:
        """The methods to run on a dataset."""
        return self.config.methods_on(dataset)

    def blocks_on(self, dataset: str) -> tuple[str, ...]:
        """The blocks of seeds to run on a dataset."""
        return self.config.seed_blocks_on(dataset)

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
    def models(self) -> Mapping[str, ModelEntry]:
        """The models to train: the configuration's, and those that methods derive from them."""
        models = dict(self.config.models)
        for method in self.config.methods:
            for role, names in self._derived(method).items():
                base = self.config.models[self.config.methods[method].parts[role]]
                models |= {name: base.changed(change) for name, change in names.items()}
        return models

    def _derived(self, method: str) -> dict[str, dict[str, dict[str, Any]]]:
        parts = self.config.methods[method].parts
        return {
            role: {f"{parts[role]}@{_written(change)}": change for change in changes}
            for role, changes in self._sampling(method).derived().items()
        }

    def _sampling(self, method: str) -> Any:
        return self.config.methods[method].settings

    @cached_property
    def _parts(self) -> dict[str, dict[str, tuple[str, ...]]]:
        parts = {}
        for method, entry in self.config.methods.items():
            derived = self._derived(method)
            parts[method] = {
                role: tuple(derived[role]) if role in derived else (model,)
                for role, model in entry.parts.items()
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

    def tunes(self, method: str) -> bool:
        """Whether a method chooses a setting from training data before it samples."""
        return bool(self._sampling(method).tuning_runs)

    def files_of(self, method: str) -> tuple[str, ...]:
        """The user's files that a method reads to sample."""
        files: tuple[str, ...] = self._sampling(method).files()
        return files

    def needs(self, method: str) -> frozenset[str]:
        """What a method samples from besides trained models: some of ``train, floor, target``."""
        needs: frozenset[str] = self._sampling(method).needs
        return needs

    def processes(self, model: str) -> int:
        """The number of processes that train a model together."""
        return self.config.processes.get(self.base_model(model), 1)

    def base_model(self, model: str) -> str:
        """Return the configuration's model that a model is derived from, or its own name."""
        return self._bases.get(model, model)

    @cached_property
    def _bases(self) -> dict[str, str]:
        return {
            name: self.config.methods[method].parts[role]
            for method in self.config.methods
            for role, names in self._derived(method).items()
            for name in names
        }

    def processes_of(self, method: str) -> int:
        """The number of processes that sample together: as many as trained a model of it."""
        return max((self.processes(model) for model in self.models_of(method)), default=1)

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
        return Experiments(self.config, self.layout)

    @cached_property
    def inputs(self) -> Inputs:
        """The files that each job reads."""
        return Inputs(self)

    @cached_property
    def specs(self) -> Specs:
        """What each job depends on besides files and code."""
        return Specs(self)

    @cached_property
    def features(self) -> Features:
        """The metrics of each dataset, and the features that those of images need."""
        return Features(self.config, self.layout)

    def check_files(self, source: str) -> None:
        """Check that the user's files exist, under names that Snakemake takes as they are.

        Args:
            source: What to call the configuration in messages.

        Raises:
            ConfigError: If one does not; one line per file, which names the file and the key.
        """
        check_files(self, source)

    def code(self, stage: str, name: str | None = None, dataset: str | None = None) -> str:
        """The digest of the code that a job runs.

        Args:
            stage: Name of the stage.
            name: What the job is about: a dataset, a model, a method, a figure or an experiment.
            dataset: The dataset that a model is trained on or a method sampled.
        """
        return job_digest(self, stage, name, dataset)


def _written(change: Mapping[str, float]) -> str:
    """Write changed settings as part of the name of a file."""
    return "-".join(f"{key}-{written(value)}" for key, value in change.items()).replace("+", "")
