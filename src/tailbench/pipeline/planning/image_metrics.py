"""Which metrics a dataset gets, and which features of images these need, without reading data."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tailbench import registry
from tailbench.datasets.image_base import ImageDataset
from tailbench.pipeline.config.entries import MetricEntry
from tailbench.pipeline.config.model import Config
from tailbench.pipeline.results.layout import Layout, classifier_folder, space_folder
from tailbench.registry import source_kind

__all__ = ["Features"]


@dataclass(frozen=True)
class Features:
    """The features of images that the metrics of a configuration are computed from."""

    config: Config
    layout: Layout

    def metrics_on(self, dataset: str) -> Mapping[str, MetricEntry]:
        """The metrics of a dataset: those of images only where there are images, and labels."""
        return self._metrics[dataset]

    @cached_property
    def _metrics(self) -> dict[str, dict[str, MetricEntry]]:
        return {
            dataset: {
                name: entry
                for name, entry in self.config.metrics.items()
                if self._suits(_metric(entry), dataset)
            }
            for dataset in self.config.datasets
        }

    def spaces(self, dataset: str) -> list[str]:
        """The feature spaces in which images of a dataset are compared."""
        return self._spaces[dataset]

    @cached_property
    def _spaces(self) -> dict[str, list[str]]:
        return {
            dataset: sorted({_metric(entry).space for entry in metrics.values()} - {None})
            for dataset, metrics in self._metrics.items()
        }

    def spec(self, space: str) -> str:
        """What the features in a space depend on, besides images and code, as canonical JSON."""
        settings = {
            key: entry.values[key]
            for entry in self.config.metrics.values()
            if _metric(entry).space == space
            for key in _metric(entry).extraction
        }
        return json.dumps(settings, sort_keys=True)

    def weights(self, dataset: str, block: str, space: str) -> list[str]:
        """The files of the network of a feature space; none if torch-fidelity downloads it."""
        if space == "classifier":
            folder = classifier_folder(self.layout.features(dataset, block))
            return [f"{folder}/classifier.safetensors", f"{folder}/classifier.json"]
        path = json.loads(self.spec(space)).get("weights")
        return [] if path is None else [path]

    def inputs(self, dataset: str, block: str) -> list[str]:
        """The files of features and networks that the metrics of a dataset read."""
        files = []
        for space in self.spaces(dataset):
            folder = space_folder(self.layout.features(dataset, block), space)
            files += [f"{folder}/{file}" for file in ("features.npy", "record.json")]
            files += self.weights(dataset, block, space)
        return files

    def device(self, dataset: str) -> str:
        """Where features are computed: a GPU is worth its while for Inception alone."""
        return self.config.device if "inception" in self.spaces(dataset) else "cpu"

    def threads(self, dataset: str) -> int:
        """Threads that the metrics of a dataset have a use for."""
        return self.config.threads if self.spaces(dataset) else 1

    @cached_property
    def _images(self) -> dict[str, ImageDataset]:
        """The sets of images with pixels, none of which is read."""
        found = {}
        for dataset, entry in self.config.datasets.items():
            if source_kind(entry.type) == "datasets":
                origin = entry.source()
                if isinstance(origin, ImageDataset) and origin.pixels:
                    found[dataset] = origin
        return found

    def _suits(self, metric: Any, dataset: str) -> bool:
        if metric.space is None:
            return True
        images = self._images.get(dataset)
        return images is not None and (not metric.labelled or bool(images.class_names()))


def _metric(entry: MetricEntry) -> Any:
    return registry.load("metrics", entry.type)
