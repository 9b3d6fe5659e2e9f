"""Settings that models share. No torch here: the Snakefile reads these."""

from __future__ import annotations

import itertools
import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal, Self, TypeVar

from pydantic import Field, model_validator

from tailbench.data import DataShape, NetworkCost
from tailbench.settings import Settings

__all__ = [
    "ModelSettings",
    "Parts",
    "SamplingSettings",
    "TrainingSettings",
    "fixed",
    "swept_values",
    "written",
]

Parts = Mapping[str, tuple[str, ...]]
MOST_VALIDATED = 10_000  # rows; more say little more, and cost as much as the training
T = TypeVar("T")


def fixed(value: T | tuple[T, ...]) -> T:
    """Return the value of a setting that is no sweep.

    Raises:
        ValueError: If it is a sweep.
    """
    if isinstance(value, tuple):
        raise ValueError(f"one value is required to sample, not {list(value)}")
    return value


def swept_values(value: T | tuple[T, ...]) -> tuple[T, ...]:
    """Return the values of a setting, one or a sweep."""
    return value if isinstance(value, tuple) else (value,)


def written(value: float | str) -> str:
    """Write a value as names of variants, models and files show it.

    Six significant digits if they are the value, else all digits: other values have other names.
    """
    if isinstance(value, str):
        return value
    short = format(value, "g")
    return short if float(short) == value else repr(value)


class ModelSettings(Settings):
    """Settings of a model that can be trained, and what they tell of the cost of its jobs."""

    def accept(self) -> None:
        """Take note that the user's own configuration, not a file of results, says so."""

    @abstractmethod
    def cost(self, data: DataShape) -> NetworkCost:
        """Estimate the size of the model on data of a shape."""

    @abstractmethod
    def passes(self, rows: int) -> tuple[int, int]:
        """Return the number of steps of a training on so many rows, and the rows of a step."""

    def evaluations(self, steps: float, points: int, data: DataShape) -> float:
        """Estimate how often the model is evaluated at every row to draw samples.

        Args:
            steps: Sampling steps of all points of the sweep together.
            points: Number of points of the sweep.
            data: Shape of the data.
        """
        return float(points)

    def validation_rows(self, rows: int) -> int:
        """Return how many of so many rows are held out in training."""
        return 0

    @property
    def needs_target(self) -> bool:
        """Whether the exact law of the data is needed to complete the settings."""
        return False

    def for_target(self, target: Any) -> Self:
        """Return the settings with what they leave to the exact law of the data.

        Args:
            target: The law, or ``None`` if it is not known.

        Raises:
            InputError: If the law does not tell what is left to it.
        """
        return self


class TrainingSettings(ModelSettings):
    """Settings of the training loop."""

    test_settings: ClassVar[Mapping[str, Any]] = {
        "train_steps": 40,
        "batch_size": 64,
        "validate_every": 10,
    }

    train_steps: int = Field(1000, ge=1, description="Optimiser steps.")
    epochs: int | None = Field(
        None,
        ge=1,
        description="Passes over the training data, instead of train_steps; a pass is as many "
        "batches as cover the data.",
    )
    batch_size: int = Field(512, ge=1, description="Samples of a batch, of each seed.")
    optimizer: Literal["adamw", "muon"] = Field(
        "adamw",
        description="'muon' orthogonalises the updates of hidden matrices (Jordan et al., 2024), "
        "and updates the rest by AdamW; 'adamw' is for all parameters.",
    )
    learning_rate: float = Field(2e-3, gt=0, description="Highest learning rate.")
    weight_decay: float = Field(
        0.0, ge=0, description="Decoupled weight decay, as a multiple of the learning rate."
    )
    schedule: Literal["cosine", "constant"] = Field(
        "cosine", description="Learning rate after warm-up: falling to zero by a cosine, or level."
    )
    warmup: float = Field(0.05, ge=0, lt=1, description="Fraction of the steps in linear warm-up.")
    clip_norm: float = Field(
        1.0,
        gt=0,
        description="Largest norm of a seed's gradient; a longer one is shortened.",
    )
    ema: float = Field(
        0.995,
        ge=0,
        lt=1,
        description="Decay of the exponential moving average (EMA) of the parameters.",
    )
    validation_fraction: float = Field(
        0.1,
        ge=0,
        lt=1,
        description="Fraction of the training data held out to choose the best step, of at most "
        "10,000 rows.",
    )
    validate_every: int = Field(100, ge=1, description="Steps between two validations.")

    @property
    def compares_rows(self) -> bool:
        """Whether the loss of a row depends on the other rows of its batch."""
        return False

    @property
    def drops(self) -> bool:
        """Whether the network drops features at random in training."""
        return False

    @property
    def compiled(self) -> bool:
        """Whether the network is compiled for training."""
        return False

    def cost(self, data: DataShape) -> NetworkCost:
        """Estimate the size of the network on data of a shape.

        Raises:
            NotImplementedError: If the settings of the model do not say.
        """
        raise NotImplementedError(f"{type(self).__name__} has no cost")

    def passes(self, rows: int) -> tuple[int, int]:
        """Return the number of steps of a training on so many rows, and the rows of a step."""
        batch = min(self.batch_size, rows)
        return (self.epochs * math.ceil(rows / batch) if self.epochs else self.train_steps), batch

    def validation_rows(self, rows: int) -> int:
        """Return how many of so many rows are held out in training."""
        return max(0, min(round(rows * self.validation_fraction), MOST_VALIDATED, rows - 1))

    def on(self, rows: int) -> Self:
        """Return the settings with the steps that their epochs amount to on so many rows."""
        if self.epochs is None:
            return self
        steps = self.epochs * -(-rows // self.batch_size)
        return self.model_copy(update={"train_steps": steps, "epochs": None})


class SamplingSettings(Settings):
    """Settings of a method to sample; those named in ``sweeps`` may be lists of values.

    ``parts`` maps the settings that name a trained model to the types that it may have, the
    usual one first.
    """

    parts: ClassVar[Parts] = {}
    sweeps: ClassVar[tuple[str, ...]] = ()

    @model_validator(mode="after")
    def _no_empty_sweep(self) -> Self:
        for key in self.sweeps:
            value = getattr(self, key)
            if isinstance(value, (list, tuple)):
                if not value:
                    raise ValueError(f"{key}: a sweep needs at least one value")
                if len({written(v) for v in value}) < len(value):
                    raise ValueError(f"{key}: a value of the sweep is given twice")
        return self

    def swept(self) -> tuple[str, ...]:
        """Return the names of the settings that are lists of values, in their order."""
        return tuple(k for k in self.sweeps if isinstance(getattr(self, k), (list, tuple)))

    def variants(self) -> dict[str, Self]:
        """Return the settings of each point of the sweep by its label; "" without a sweep."""
        swept = self.swept()
        found = {}
        for values in itertools.product(*(getattr(self, key) for key in swept)):
            point = dict(zip(swept, values, strict=True))
            label = ",".join(f"{key}={written(value)}" for key, value in point.items())
            found[label] = self.model_copy(update=point)
        return found

    def single(self) -> Self:
        """Return the settings of the only point of the sweep.

        Raises:
            ValueError: If there are several.
        """
        points = list(self.variants().values())
        if len(points) > 1:
            raise ValueError("sample takes one value per setting; sweep by calling it again")
        return points[0]

    def derived(self) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        """Return changed settings under which a part has to be trained as well, by part."""
        return {}

    @property
    def tuning_runs(self) -> int:
        """Number of times that ``Model.tune`` samples to choose a setting; 0: nothing to choose."""
        return 0

    @property
    def needs(self) -> frozenset[str]:
        """Return what is needed besides trained models: some of ``train, floor, target, columns``.

        The data are given to ``Model.supply`` before it samples. A method that needs the target
        is for datasets whose law has an exact noised score.
        """
        return frozenset()

    def files(self) -> tuple[str, ...]:
        """List the user's files that are read to sample; samples are made anew when one changes."""
        return ()

    def own_operations(self, data: DataShape) -> float:
        """Estimate operations for one sample, at all points, beside those of trained models."""
        return 0.0

    def points(self) -> int:
        """Return the number of points of the sweep."""
        swept = (getattr(self, key) for key in self.sweeps)
        return math.prod(len(values) for values in swept if isinstance(values, (list, tuple)))

    def total_steps(self) -> float:
        """Return the sampling steps of all points of the sweep, and of the tuning, together."""
        steps = getattr(self, "sampling_steps", 1)
        mean = sum(steps) / len(steps) if isinstance(steps, (list, tuple)) else float(steps)
        return mean * (self.points() + self.tuning_runs)
