"""What each job depends on besides files and code, as canonical JSON.

Equal text means equal results: a change in the configuration reruns the jobs whose text it changes.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tailbench.pipeline.planning.plan import Plan

__all__ = ["Specs"]


@dataclass(frozen=True)
class Specs:
    """The parameters of the jobs of a plan.

    Args:
        plan: The plan.
    """

    plan: Plan

    def fetch(self, dataset: str) -> str:
        """What a file to be fetched depends on, as canonical JSON."""
        entry = self.plan.config.datasets[dataset]
        where = {k: v for k, v in entry.values.items() if k in ("path", "checksum")}
        return json.dumps({"type": entry.type, **where}, sort_keys=True)

    def data(self, dataset: str) -> str:
        """What the data of a dataset depend on, as canonical JSON."""
        entry = self.plan.config.datasets[dataset]
        if not entry.described:
            return entry.spec
        return json.dumps({"type": entry.type, **entry.values, **entry.described}, sort_keys=True)

    def train(self, model: str, dataset: str | None = None) -> str:
        """What the training of a model depends on, besides its data, as canonical JSON.

        Args:
            model: Name of the model.
            dataset: The dataset that tells what its settings leave to the exact law; without one
                they are as they are written.
        """
        entry = self.plan.models[model]
        if dataset is None or not entry.settings.needs_target:
            return entry.spec
        return entry.on(self.plan.config.datasets[dataset].source().target()).spec

    def sample(self, method: str, dataset: str | None = None) -> str:
        """What the sampling of a method depends on, besides its models, as canonical JSON.

        Args:
            method: Name of the method.
            dataset: The dataset that says how many samples are drawn; without one they are as many
                as there are held-out rows.
        """
        entry, parts = self.plan.config.methods[method], self.plan.parts(method)
        n_samples = None if dataset is None else self.plan.config.datasets[dataset].n_samples
        drawn = {} if n_samples is None else {"n_samples": n_samples}
        return json.dumps(
            {"type": entry.type, **entry.values, "parts": parts, **drawn}, sort_keys=True
        )

    def evaluate(self, dataset: str) -> str:
        """What the metrics depend on, besides samples, data and features, as canonical JSON."""
        metrics = self.plan.features.metrics_on(dataset)
        return json.dumps(
            {name: {"type": entry.type, **entry.values} for name, entry in metrics.items()},
            sort_keys=True,
        )
