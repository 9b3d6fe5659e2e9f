"""Settings of models that make a sample in one pass from latent numbers. No torch here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from tailbench.models.settings import TrainingSettings

__all__ = ["GeneratorSettings", "perceptron_size"]


class GeneratorSettings(TrainingSettings):
    """Settings of perceptrons between data and latent numbers, and of their training."""

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
    latent_dim: Literal["auto"] | Annotated[int, Field(ge=1)] = Field(
        "auto", description="Latent numbers of a row; 'auto', as many as there are columns."
    )
    width: int = Field(128, ge=1, description="Width of the perceptrons.")
    num_blocks: int = Field(3, ge=0, description="Residual blocks of each perceptron.")

    def latent_of(self, dim: int) -> int:
        """Return the number of latent numbers of data of ``dim`` columns."""
        return dim if self.latent_dim == "auto" else self.latent_dim


def perceptron_size(inputs: int, outputs: int, width: int, num_blocks: int) -> tuple[float, float]:
    """Return the parameters of a residual perceptron, and the numbers it keeps for a gradient.

    Args:
        inputs: Width of the input.
        outputs: Width of the output.
        width: Width of the hidden layers.
        num_blocks: Number of residual blocks.
    """
    blocks = num_blocks * (2.0 * width**2 + 2.0 * width)
    parameters = blocks + (inputs + outputs + 1.0) * width + outputs
    return parameters, width * (2.0 + 6.0 * num_blocks) + 4.0 * (inputs + outputs)
