"""Settings that models share. No torch here: the Snakefile reads these."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from tailbench.settings import Settings

__all__ = ["NetworkSettings", "Parts", "SamplingSettings", "TrainingSettings"]

Parts = Mapping[str, tuple[str, ...]]


class TrainingSettings(Settings):
    """Settings of the training loop."""

    steps: int = Field(1000, ge=1, description="Optimiser steps.")
    epochs: int | None = Field(
        None,
        ge=1,
        description="Passes over the training data, instead of steps; a pass is as many batches "
        "as cover the data.",
    )
    batch_size: int = Field(512, ge=1, description="Samples of a batch, of each member.")
    learning_rate: float = Field(2e-3, gt=0, description="Highest learning rate of AdamW.")
    weight_decay: float = Field(0.0, ge=0, description="Weight decay of AdamW.")
    schedule: Literal["cosine", "constant"] = Field(
        "cosine", description="Learning rate after warm-up: falling to zero by a cosine, or level."
    )
    warmup: float = Field(0.05, ge=0, lt=1, description="Share of the steps in linear warm-up.")
    clip_norm: float = Field(
        1.0, gt=0, description="Largest norm of a member's gradient; a longer one is shortened."
    )
    ema: float = Field(
        0.995, ge=0, lt=1, description="Decay of the moving average of the parameters."
    )
    validation_fraction: float = Field(
        0.1, ge=0, lt=1, description="Share of the training data held out to choose the best step."
    )
    validate_every: int = Field(100, ge=1, description="Steps between two validations.")

    @property
    def drops(self) -> bool:
        """Whether the network drops features at random in training."""
        return False

    @property
    def compiled(self) -> bool:
        """Whether the network is compiled for training."""
        return False

    def on(self, rows: int) -> Self:
        """Give the settings with the steps that their epochs amount to on so many rows."""
        if self.epochs is None:
            return self
        steps = self.epochs * -(-rows // self.batch_size)
        return self.model_copy(update={"steps": steps, "epochs": None})


class NetworkSettings(TrainingSettings):
    """Settings of a network that is told noisy data, and of its training."""

    network: Literal["mlp", "unet"] = Field(
        "mlp", description="A perceptron with residual blocks, or, for images, a U-Net."
    )
    width: int = Field(128, ge=1, description="Width of the network; of a U-Net's finest level.")
    blocks: int = Field(
        3, ge=0, description="Residual blocks of the network; of each level of a U-Net."
    )
    multipliers: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        (1, 2, 2),
        min_length=1,
        description="U-Net: width of each level in multiples of width; each level after the first "
        "halves the image.",
    )
    attention: tuple[Annotated[int, Field(ge=0)], ...] = Field(
        (), description="U-Net: levels with self-attention, 0 for the finest."
    )
    dropout: float = Field(
        0.0, ge=0, lt=1, description="U-Net: share of the features dropped in training."
    )
    checkpointing: bool = Field(
        False, description="U-Net: save memory by computing activations twice."
    )
    precision: Literal["float32", "bfloat16"] = Field(
        "float32", description="U-Net: precision of the products, where rounding allows."
    )
    compile: bool = Field(
        False,
        description="U-Net: train a network compiled by torch.compile. Takes minutes at the start "
        "of a training, and stops it if the compiled network has other gradients.",
    )

    @property
    def drops(self) -> bool:
        """Whether the network drops features at random in training."""
        return self.network == "unet" and self.dropout > 0

    @property
    def compiled(self) -> bool:
        """Whether the network is compiled for training."""
        return self.network == "unet" and self.compile

    @model_validator(mode="after")
    def _blocks_of_levels(self) -> Self:
        if self.network == "unet" and self.blocks < 1:
            raise ValueError("blocks: a level of a U-Net needs at least one")
        return self


class SamplingSettings(Settings):
    """Settings of a way to sample; those named in ``sweeps`` may be lists of values.

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
                if len({_written(v) for v in value}) < len(value):
                    raise ValueError(f"{key}: a value of the sweep is given twice")
        return self

    def swept(self) -> tuple[str, ...]:
        """Return the names of the settings that are lists of values, in their order."""
        return tuple(k for k in self.sweeps if isinstance(getattr(self, k), (list, tuple)))

    def variants(self) -> dict[str, Self]:
        """Return the settings of each point of the sweep by its label; without sweep, "" has all."""
        swept = self.swept()
        found = {}
        for values in itertools.product(*(getattr(self, key) for key in swept)):
            point = dict(zip(swept, values, strict=True))
            label = ",".join(f"{key}={_written(value)}" for key, value in point.items())
            found[label] = self.model_copy(update=point)
        return found

    def single(self) -> Self:
        """Give the settings of the only point of the sweep.

        Raises:
            ValueError: If there are several.
        """
        found = list(self.variants().values())
        if len(found) > 1:
            raise ValueError("sample takes one value per setting; sweep by calling it again")
        return found[0]

    def derived(self) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        """Give changed settings under which a part has to be trained as well, by part."""
        return {}

    def chooses(self) -> bool:
        """Tell whether a setting is chosen from training data before samples are drawn."""
        return False


def _written(value: float | str) -> str:
    """Write a value of a sweep as names show it."""
    return value if isinstance(value, str) else format(value, "g")
