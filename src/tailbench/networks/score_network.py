"""The choice of a noise-conditional network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tailbench.data import ImageLayout
from tailbench.exceptions import InputError

if TYPE_CHECKING:
    import torch
    from torch import nn

    from tailbench.models.network_settings import NetworkSettings

__all__ = ["make_score_network"]


def make_score_network(
    settings: NetworkSettings,
    generators: Sequence[torch.Generator],
    dim: int,
    images: ImageLayout | None,
) -> nn.Module:
    """Make the untrained network of a seed block, a perceptron or a U-Net.

    Args:
        settings: Which network, and of what size.
        generators: One generator per seed, for the initial weights.
        dim: Dimension ``d``.
        images: What the data are if they are images.

    Raises:
        InputError: If a U-Net is asked for, and the data are no images or of a wrong size.
    """
    if settings.network == "mlp":
        from tailbench.networks.mlp import ScoreMLP

        return ScoreMLP(generators, dim, settings.width, settings.num_blocks)
    if images is None:
        raise InputError("network: 'unet' is for images, and the data are not")
    from tailbench.networks.unet import ScoreUNet

    return ScoreUNet(
        generators,
        images.shape,
        settings.width,
        settings.num_blocks,
        settings.multipliers,
        settings.attention,
        settings.dropout,
        settings.checkpointing,
        half=settings.precision == "bfloat16",
    )
