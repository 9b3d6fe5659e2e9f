"""Made files in the place of those that a machine lacks: faces, latents, weights of Inception.

They have the form of the real ones, and nothing that a model could learn.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from benchmarks.gpu.networks import made

from tailbench.data import ImageLayout
from tailbench.metrics.feature_networks import torch_fidelity

__all__ = ["made_inception", "made_latents", "made_pictures"]


def made_pictures(folder: Path, images: ImageLayout, count: int) -> None:
    """Write pictures of smooth noise as PNG files, ``0.png`` and so on.

    Args:
        folder: Where to write.
        images: What they are: three channels, height and width.
        count: How many.
    """
    from PIL import Image

    folder.mkdir(parents=True, exist_ok=True)
    for i, pixels in enumerate(made(images, count).reshape(count, *images.shape)):
        Image.fromarray(np.moveaxis(pixels, 0, -1)).save(folder / f"{i}.png")


def made_latents(folder: Path, images: ImageLayout, labels: Sequence[int]) -> None:
    """Write Gaussian latents with labels as one shard of safetensors.

    Args:
        folder: Where to write.
        images: What they are: channels, height and width.
        labels: Label of each.
    """
    from safetensors.numpy import save_file

    folder.mkdir(parents=True, exist_ok=True)
    x = made(images, len(labels)).reshape(len(labels), *images.shape).astype(np.float32)
    save_file({"latents": x, "labels": np.array(labels)}, folder / "made.safetensors")


def made_inception(path: Path) -> None:
    """Write random weights of Inception, with which its distances compare with no others.

    Convolutions are drawn so that values keep their size from layer to layer (He et al., 2015):
    as torch draws them, features of all images agree to twelve digits.
    """
    import torch

    torch_fidelity()
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    class Untrained(FeatureExtractorInceptionV3):  # type: ignore[misc]
        def load_state_dict(self, state: object) -> None:  # type: ignore[override]
            pass

    empty = io.BytesIO()
    torch.save({}, empty)
    empty.seek(0)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = Untrained("inception-v3-compat", ["2048"], feature_extractor_weights_path=empty)
        for module in network.modules():
            if isinstance(module, torch.nn.Conv2d):
                torch.nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(network.state_dict(), path)
