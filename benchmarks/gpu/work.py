"""What a configuration has to compute: networks, and how often each is trained and evaluated."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tailbench import registry
from tailbench.data import DataShape, ImageLayout
from tailbench.models.network_settings import NetworkSettings
from tailbench.models.simple import SimpleModel
from tailbench.pipeline.config.parse import parse
from tailbench.pipeline.config.seed_blocks import parse_block
from tailbench.pipeline.planning.plan import Plan

__all__ = ["DRAWN", "TWICE", "Network", "Work", "by_gradients", "evaluations", "work_of"]

DRAWN = 10_000
"""Images that a method draws: the held-out ones of MNIST, CIFAR-10 and FFHQ, about."""
TOGETHER = 4096  # rows that a network sees at once in sampling on a GPU
TWICE = ("heun", "midpoint")  # samplers with two evaluations a step
FREE = {
    "train_steps", "batch_size", "epochs", "alpha", "learning_rate", "schedule", "warmup", "ema",
    "clip_norm", "validation_fraction", "validate_every", "sigma_mean", "sigma_std", "noise",
    "frozen",
}  # fmt: skip
"""Settings on which the seconds of a step for one row do not depend, or hardly."""
UNET = (
    "width", "num_blocks", "multipliers", "attention", "dropout", "checkpointing", "precision",
    "compile", "optimizer", "median_of_means",
)  # fmt: skip
"""Those on which the seconds of a step of a U-Net do."""


@dataclass(frozen=True)
class Network:
    """A model as it is trained.

    Attributes:
        name: Its name in the configuration.
        type: Its type.
        settings: All its settings as plain data.
        data: The size of its data.
        images: What the rows are, if they are images.
    """

    name: str
    type: str
    settings: Mapping[str, Any]
    data: DataShape
    images: ImageLayout | None

    @property
    def batch(self) -> int:
        """Rows of a step."""
        return int(self.settings["batch_size"])

    @property
    def key(self) -> str:
        """Name of all networks whose steps cost the same: kind, shape of a row, and a digest.

        U-Nets of one size are one kind, whatever the noise that they learn to take off; so are
        transformers over as many patches.
        """
        kind, shape = self.type, str(self.data.dim)
        kept = {key: value for key, value in self.settings.items() if key not in FREE}
        if self.settings.get("network") == "unet":
            kind, kept = "unet", {key: kept.get(key, 1) for key in UNET}
        if self.images:
            channels, *sides = self.images.shape
            shape = "x".join(map(str, sides if kind == "tarflow" else (channels, *sides)))
        text = json.dumps([kept, self.batch], sort_keys=True, default=str)
        return f"{kind} {shape} {hashlib.sha256(text.encode()).hexdigest()[:6]}"

    @property
    def arithmetic(self) -> str:
        """What the products are computed in on a GPU, by the names of the published rates."""
        if self.settings.get("network") != "unet":
            return "full float32"  # linear layers, which torch does not round to TF32
        return str(self.settings["precision"])


@dataclass
class Work:
    """What is to do with a network.

    Attributes:
        network: The network.
        trained: Steps and seeds of each training.
        drawn: Evaluations, rows and seeds of each sampling.
    """

    network: Network
    trained: list[tuple[int, int]] = field(default_factory=list)
    drawn: list[tuple[float, int, int]] = field(default_factory=list)

    @property
    def steps(self) -> int:
        """Steps, each of one seed."""
        return sum(steps * seeds for steps, seeds in self.trained)

    def cpu_seconds(self, cost: Mapping[str, Any]) -> float:
        """Return the seconds on the processor that the cost was measured on."""
        evaluated = sum(times * rows * seeds for times, rows, seeds in self.drawn)
        return self.steps * cost["step_seconds"] + evaluated * cost["evaluation_ms"] / 1e3

    def operations(self, cost: Mapping[str, Any]) -> float:
        """Return the operations of all products."""
        evaluated = sum(times * rows * seeds for times, rows, seeds in self.drawn)
        return self.steps * cost["step_operations"] + evaluated * cost["evaluation_operations"]

    def kernels(self, cost: Mapping[str, Any]) -> float:
        """Return the kernels that a GPU starts: one for all seeds of a block."""
        started = sum(steps for steps, _ in self.trained) * cost["step_kernels"]
        passes = sum(times * math.ceil(rows / TOGETHER) for times, rows, _ in self.drawn)
        return started + passes * cost["evaluation_kernels"]


def by_gradients(type_: str) -> bool:
    """Say whether a type of model is trained by gradients."""
    cls = registry.load("models", type_)
    return cls.trainable and not issubclass(cls, SimpleModel)


def evaluations(settings: Any, method: Any) -> float:
    """Return how often a method evaluates a model for a row; a flow counts as one a sample.

    Args:
        settings: Settings of the model.
        method: Settings of the method.
    """
    if not isinstance(settings, NetworkSettings):
        return float(method.points() + method.tuning_runs)
    return float(method.total_steps() * (2 if getattr(method, "sampler", "") in TWICE else 1))


def work_of(config: Mapping[str, Any]) -> list[Work]:
    """List what a configuration has to do for models that are trained by gradients.

    What other models, exact scores, metrics and figures take is left out.
    """
    plan = Plan(parse(config))
    found: dict[str, Work] = {}

    def of(dataset: str, model: str) -> Work | None:
        entry = plan.models[model]
        if not by_gradients(entry.type) or getattr(entry.settings, "frozen", None):
            return None
        shape, images = _data(plan.config.datasets[dataset])
        values = entry.settings.model_dump(mode="json")
        network = Network(model, entry.type, values, shape, images)
        return found.setdefault(network.key, Work(network))

    for dataset, model, block in plan.trainings():
        if work := of(dataset, model):
            steps, _ = plan.models[model].settings.passes(work.network.data.rows)
            work.trained.append((steps, len(parse_block(block))))
    for cell in plan.cells():
        method = plan.config.methods[cell.method].settings
        for names in plan.parts(cell.method).values():
            for model in names:
                if work := of(cell.dataset, model):
                    times = evaluations(plan.models[model].settings, method) / len(names)
                    work.drawn.append((times, _rows(plan, cell.dataset), len(cell.seeds)))
    return list(found.values())


def _data(entry: Any) -> tuple[DataShape, ImageLayout | None]:
    """Return the size of a data set, and what its rows are if they are images."""
    shape = entry.settings.shape()
    if shape.side == 1:
        return shape, None
    pixels = getattr(registry.load("datasets", entry.type), "pixels", True)
    return shape, ImageLayout((shape.dim // shape.side**2, shape.side, shape.side), pixels=pixels)


def _rows(plan: Plan, dataset: str) -> int:
    """Return the rows that a method draws: as many as are held out."""
    settings = plan.config.datasets[dataset].settings
    shape = settings.shape()
    return DRAWN if shape.side > 1 else int(getattr(settings, "n_test", shape.rows))
