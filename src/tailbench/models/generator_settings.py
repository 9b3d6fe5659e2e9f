"""Settings of models that make a sample in one pass from latent numbers. No torch here."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tailbench.models.network_settings import PerceptronSettings

__all__ = ["GeneratorSettings", "perceptron_size"]


class GeneratorSettings(PerceptronSettings):
    """Settings of perceptrons between data and latent numbers, and of their training."""

    learning_rate: float = Field(3e-2, gt=0, description="Highest learning rate.")
    latent_dim: Literal["auto"] | Annotated[int, Field(ge=1)] = Field(
        "auto", description="Latent numbers of a row; 'auto', as many as there are columns."
    )

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
