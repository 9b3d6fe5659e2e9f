"""The files that each job reads, through the layout of the results."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tailbench import registry
from tailbench.plots.base import Need
from tailbench.registry import source_kind

if TYPE_CHECKING:
    from tailbench.pipeline.planning.plan import Plan

__all__ = ["Inputs"]

MODEL = ("model.safetensors", "spec.json")
"""The files of a model that tell it."""


@dataclass(frozen=True)
class Inputs:
    """The files that the jobs of a plan read.

    Args:
        plan: The plan.
    """

    plan: Plan

    def files(self, dataset: str) -> list[str]:
        """The user's files that a dataset is read from."""
        entry = self.plan.config.datasets[dataset]
        if source_kind(entry.type) == "targets":
            return []
        return [str(path) for path in entry.source().files()]

    def fetched(self, dataset: str) -> list[str]:
        """The file that has to be fetched for a dataset, if there is one."""
        entry = self.plan.config.datasets[dataset]
        if source_kind(entry.type) == "targets":
            return []
        name = getattr(entry.source(), "remote", None)
        return [] if name is None else [self.plan.layout.download(dataset, name)]

    def frozen(self, model: str) -> list[str]:
        """The user's files that a model is taken over from, if it is not trained."""
        folder = getattr(self.plan.models[model].settings, "frozen", None)
        return [] if folder is None else [f"{folder}/{file}" for file in MODEL]

    def sample(self, dataset: str, method: str, block: str) -> list[str]:
        """The files that a cell is sampled from: trained models, data and the user's files."""
        inputs = [
            f"{self.plan.layout.model(dataset, model, block)}/{file}"
            for model in self.plan.models_of(method)
            for file in MODEL
        ]
        needs = set(self.plan.needs(method)) | ({"train"} if self.plan.tunes(method) else set())
        folder = self.plan.layout.data(dataset, block)
        inputs += [f"{folder}/{part}.npy" for part in ("train", "floor") if part in needs]
        return inputs + list(self.plan.files_of(method))

    def train_rows(self, dataset: str, block: str) -> list[str]:
        """The training rows, where a metric of the dataset compares with them."""
        metrics = self.plan.features.metrics_on(dataset).values()
        if not any(registry.load("metrics", entry.type).needs_train for entry in metrics):
            return []
        return [f"{self.plan.layout.data(dataset, block)}/train.npy"]

    def figure(self, figure: str) -> list[str]:
        """The files that a figure is drawn from, of all blocks of seeds or of the first alone."""
        needs = registry.load("figures", figure).needs
        layout = self.plan.layout
        inputs = [layout.metrics_table, layout.config]
        for dataset in self.plan.config.datasets:
            for block in self._blocks_for(Need.DATA, Need.FIRST_DATA, needs, dataset):
                folder = layout.data(dataset, block)
                parts = ("train.npy", "test.npy", "floor.npy", "meta.json")
                inputs += [f"{folder}/{file}" for file in parts]
            for block in self._blocks_for(Need.SAMPLES, Need.FIRST_SAMPLES, needs, dataset):
                inputs += [
                    f"{layout.samples(dataset, method, block)}/{file}"
                    for method in self.plan.methods_on(dataset)
                    for file in ("samples.npy", "record.json")
                ]
        if Need.HISTORIES in needs:
            inputs += [
                f"{layout.model(dataset, model, block)}/history.csv"
                for dataset, model, block in self.plan.trainings()
            ]
        return inputs

    def tables(self) -> list[str]:
        """The files that the tables are made from; of data and samples the risks are taken."""
        layout = self.plan.layout
        inputs = [layout.metrics_table, layout.config, layout.plan]
        for dataset in self.plan.config.datasets:
            for block in self.plan.blocks_on(dataset):
                folder = layout.data(dataset, block)
                inputs += [f"{folder}/{file}" for file in ("test.npy", "meta.json")]
                inputs += [
                    f"{layout.samples(dataset, method, block)}/{file}"
                    for method in self.plan.methods_on(dataset)
                    for file in ("samples.npy", "record.json")
                ]
        return inputs

    def report(self) -> list[str]:
        """The files and folders that the report is made from."""
        layout = self.plan.layout
        inputs = [layout.metrics_table, layout.config, layout.plan]
        if self.plan.config.datasets:
            inputs += [layout.tables]
        inputs += [layout.figure(figure) for figure in self.plan.config.figures]
        return inputs + [f"{layout.theory(name)}/slopes.csv" for name in self.plan.config.theory]

    def _blocks_for(
        self, every: Need, first: Need, needs: Collection[Need], dataset: str
    ) -> tuple[str, ...]:
        blocks = self.plan.blocks_on(dataset)
        return blocks if every in needs else blocks[:1] if first in needs else ()
