"""U-Nets of a seed block, by diffusers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from tailbench.compute.torchvision_compat import import_torchvision
from tailbench.exceptions import InputError
from tailbench.networks.embeddings import radial_features
from tailbench.networks.stacked import Stacked

__all__ = ["ScoreUNet"]

GROUPS = 32
TIME = 100.0  # turns of the logarithm of the noise level over the 1,000 steps of time U-Nets know


class ScoreUNet(nn.Module):
    """A noise-conditional U-Net.

    The image comes in three ways, so that heavy noise stays moderate: see ``radial_features``.

    Args:
        generators: One generator per seed, for the initial weights.
        shape: Channels, height and width of the images.
        width: Channels of the finest level.
        num_blocks: Residual blocks of each level.
        multipliers: Channels of each level, in multiples of ``width``; each level after the first
            halves the image.
        attention: Levels with self-attention, 0 for the finest.
        dropout: Share of the features that are dropped in training.
        checkpointing: Compute activations again in the backward pass instead of keeping them.
        half: Compute in bfloat16, where rounding allows.

    Raises:
        InputError: If the images cannot be halved as often as there are levels.

    References:
        Ronneberger, Fischer and Brox, U-Net, 2015; Ho, Jain and Abbeel, Denoising diffusion
        probabilistic models, 2020 (the blocks).
    """

    def __init__(
        self,
        generators: Sequence[torch.Generator],
        shape: tuple[int, int, int],
        width: int,
        num_blocks: int,
        multipliers: Sequence[int],
        attention: Sequence[int] = (),
        dropout: float = 0.0,
        checkpointing: bool = False,
        half: bool = False,
    ) -> None:
        super().__init__()
        self.shape, self.reduced = shape, half
        factor = 2 ** (len(multipliers) - 1)
        if shape[1] % factor or shape[2] % factor:
            raise InputError(
                f"a U-Net of {len(multipliers)} levels (multipliers) needs images whose sides are "
                f"multiples of {factor}, not {shape[1]} by {shape[2]}"
            )
        if max(attention, default=0) >= len(multipliers):
            raise InputError(
                f"attention: there is no level {max(attention)} in a U-Net of {len(multipliers)}"
            )
        options = _options(shape, width, num_blocks, multipliers, attention, dropout)
        self.unets = Stacked(
            generators, lambda: _unet(options, checkpointing), outputs=["conv_out.weight"]
        )

    def forward(self, x: Tensor, sigma: Tensor) -> Tensor:
        """Evaluate at images ``x`` ``(E, n, d)`` and noise levels ``(E or 1, n or 1, 1)``."""
        seeds, n, dim = x.shape
        channels, height, width = self.shape
        near, far, radius = radial_features(x).split([dim, dim, 1], dim=-1)
        images = torch.cat(
            [
                near.view(seeds, n, channels, height, width),
                far.view(seeds, n, channels, height, width),
                radius.view(seeds, n, 1, 1, 1).expand(-1, -1, 1, height, width),
            ],
            dim=2,
        )
        times = (TIME * sigma.log()).expand(seeds, n, 1)
        out = [self._evaluate(e, images[e], times[e, :, 0]) for e in range(seeds)]
        return torch.stack(out).view(seeds, n, dim)

    def _evaluate(self, position: int, images: Tensor, times: Tensor) -> Tensor:
        if images.is_cuda:
            images = images.contiguous(memory_format=torch.channels_last)
        with torch.autocast(images.device.type, torch.bfloat16, enabled=self.reduced):
            (made,) = self.unets[position](images, times, return_dict=False)
        return made.float()


def _options(
    shape: tuple[int, int, int],
    width: int,
    num_blocks: int,
    multipliers: Sequence[int],
    attention: Sequence[int],
    dropout: float,
) -> dict[str, Any]:
    levels = range(len(multipliers))
    return {
        "sample_size": shape[1:],
        "in_channels": 2 * shape[0] + 1,
        "out_channels": shape[0],
        "block_out_channels": tuple(width * m for m in multipliers),
        "layers_per_block": num_blocks,
        "down_block_types": tuple(
            "AttnDownBlock2D" if level in attention else "DownBlock2D" for level in levels
        ),
        "up_block_types": tuple(
            "AttnUpBlock2D" if level in attention else "UpBlock2D" for level in reversed(levels)
        ),
        "add_attention": bool(attention),
        "dropout": dropout,
        "norm_num_groups": next(g for g in range(min(GROUPS, width), 0, -1) if width % g == 0),
    }


def _unet(options: dict[str, Any], checkpointing: bool) -> nn.Module:
    import_torchvision()
    from diffusers import UNet2DModel

    made: Any = UNet2DModel(**options)
    nn.init.zeros_(made.conv_out.weight)  # the correction starts at zero, as in other networks
    nn.init.zeros_(made.conv_out.bias)
    if checkpointing:
        made.enable_gradient_checkpointing()
    return made
