"""Which cells the experiments on theorems have, and what each depends on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from tailbench import registry
from tailbench.pipeline.config.model import Config
from tailbench.pipeline.results.layout import Layout

__all__ = ["Experiments"]


@dataclass(frozen=True)
class Experiments:
    """The experiments on theorems of a configuration."""

    config: Config
    layout: Layout

    def cells(self) -> list[tuple[str, str]]:
        """All (experiment, cell), in the order of the configuration."""
        return [(name, cell) for name, cells in self._specs.items() for cell in cells]

    def spec(self, experiment: str, cell: str) -> str:
        """What a cell of an experiment depends on, as canonical JSON."""
        return self._specs[experiment][cell]

    def device(self, experiment: str) -> str:
        """Where an experiment is computed: most of them have no use for a GPU."""
        part = registry.load("theory", self.config.theory[experiment].type)
        return self.config.device if part.trains else "cpu"

    def files(self, experiment: str) -> list[str]:
        """The files of the cells of an experiment."""
        return [
            f"{self.layout.cell(experiment, cell)}/points.csv" for cell in self._specs[experiment]
        ]

    @cached_property
    def _specs(self) -> Mapping[str, Mapping[str, str]]:
        return {
            name: {
                cell: json.dumps({"type": entry.type, **spec}, sort_keys=True)
                for cell, spec in registry.load("theory", entry.type)(settings=entry.settings)
                .cells()
                .items()
            }
            for name, entry in self.config.theory.items()
        }
