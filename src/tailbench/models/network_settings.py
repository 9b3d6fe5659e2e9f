"""Settings of noise-conditional networks and of their training. No torch here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from tailbench.data import DataShape, NetworkCost
from tailbench.models.settings import TrainingSettings

__all__ = [
    "BATCH_MEAN",
    "MARGINS",
    "Margins",
    "NetworkSettings",
    "PerceptronSettings",
    "RegressionSettings",
]

Margins = Literal["none", "softlog", "tail"]
MARGINS = (
    "Map of each column of a table before training, undone after sampling: 'none', robust units; "
    "'softlog', a logarithm on both sides of the median; 'tail', on each side by the tail that the "
    "data have there, heavy, light or bounded."
)
BATCH_MEAN = (
    "Learn from the mean of the target over the rows of a batch that may have been the noised one, "
    "which has the same minimum and less scatter (Xu et al., 2023); else from the one that was."
)


class PerceptronSettings(TrainingSettings):
    """Settings of residual perceptrons and of their training."""

    test_settings: ClassVar[Mapping[str, Any]] = {
        **TrainingSettings.test_settings,
        "width": 16,
        "num_blocks": 1,
    }

    optimizer: Literal["adamw", "muon"] = Field(
        "muon",
        description="'muon' orthogonalises the updates of hidden matrices (Jordan et al., 2024), "
        "and updates the rest by AdamW; 'adamw' is for all parameters.",
    )
    learning_rate: float = Field(1e-2, gt=0, description="Highest learning rate.")
    width: int = Field(128, ge=1, description="Width of the hidden layers.")
    num_blocks: int = Field(3, ge=0, description="Residual blocks.")


class NetworkSettings(PerceptronSettings):
    """Settings of a noise-conditional network and of its training."""

    margins: Margins = Field("none", description=MARGINS)
    network: Literal["mlp", "unet"] = Field(
        "mlp",
        description="A perceptron with residual blocks, or, for images, a U-Net: its finest level "
        "has the width, and each level num_blocks.",
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
        if self.network == "unet" and self.num_blocks < 1:
            raise ValueError("num_blocks: a level of a U-Net needs at least one")
        return self

    def cost(self, data: DataShape) -> NetworkCost:
        """Estimate the size of the network on data of a shape."""
        if self.network == "unet":
            return self._cost_of_unet(data)
        width, blocks = float(self.width), float(self.num_blocks)
        parameters = blocks * (2 * width**2 + 32 * width) + 3 * data.dim * width
        activations = width * (2 + 6 * blocks) + 8 * data.dim
        return NetworkCost(parameters, 2 * parameters, activations)

    def _cost_of_unet(self, data: DataShape) -> NetworkCost:
        """Estimate a U-Net: residual blocks of two convolutions of 3 by 3 on each level."""
        width, blocks = float(self.width), float(self.num_blocks)
        levels = self.multipliers
        parameters = operations = activations = 0.0
        for level, factor in enumerate(levels):
            channels, pixels = factor * width, (data.side / 2**level) ** 2
            below = levels[level + 1] * width if level + 1 < len(levels) else channels
            down = blocks * 18 * channels**2
            up = (blocks + 1) * 9 * (channels**2 + channels * (channels + below))
            middle = 36 * channels**2 if level + 1 == len(levels) else 9 * channels**2
            condition = 2 * (2 * blocks + 1) * 4 * width * channels
            parameters += down + up + middle + condition
            operations += 2 * pixels * (down + up + middle)
            activations += pixels * channels * 12 * (2 * blocks + 2)
        stored = 0.3 if self.checkpointing else 1.0
        return NetworkCost(parameters, operations, stored * activations, 20 * len(levels) * blocks)

    def evaluations(self, steps: float, points: int, data: DataShape) -> float:
        """Estimate how often the network is evaluated: a Heun step does so twice."""
        return 2.0 * steps


class RegressionSettings(NetworkSettings):
    """Settings of a network that is trained by a squared error, whose minimum is a mean."""

    damping: float = Field(
        0.5,
        ge=0,
        le=1,
        description="Exponent p of the weight (2 / (1 + r^2))^p of a squared error, for noisy data "
        "at the distance r in their own scale. 0 is the published loss, which has no mean on the "
        "heaviest tails; the minimum is the same.",
    )
    batch_mean: bool = Field(True, description=BATCH_MEAN)

    @property
    def compares_rows(self) -> bool:
        """Whether the loss of a row depends on the other rows of its batch."""
        return self.batch_mean
