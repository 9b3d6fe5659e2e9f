"""A small convolutional classifier of images, whose inner features compare sets of images."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from tailbench.exceptions import InputError
from tailbench.io.atomic import replacing

__all__ = ["FEATURES", "LAYERS", "Classifier", "fit"]

FEATURES = 128
LAYERS = ("features", "logits")
"""What a classifier gives, in order."""

BATCH = 128
EPOCHS = 30
MOST_STEPS = 1500
LEARNING_RATE = 3e-3
WEIGHT_DECAY = 1e-2


class Classifier(nn.Module):
    """Convolutions, each but the first of which halves the image, down to about 2 pixels.

    Args:
        shape: Channels, height and width of the images.
        classes: Number of classes.
    """

    def __init__(self, shape: tuple[int, int, int], classes: int) -> None:
        super().__init__()
        self.shape, self.classes = shape, classes
        halvings = max(1, int(math.log2(max(min(shape[1:]) / 2, 1))))
        widths = [min(32 * 2**level, FEATURES) for level in range(halvings)] + [FEATURES]
        self.convolutions = nn.Sequential()
        before = shape[0]
        for level, width in enumerate(widths):
            self.convolutions.extend(
                [
                    nn.Conv2d(before, width, 3, stride=2 if level else 1, padding=1, bias=False),
                    nn.BatchNorm2d(width),
                    nn.ReLU(),
                ]
            )
            before = width
        self.head = nn.Linear(FEATURES, classes)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Map bytes ``(n, C, H, W)`` to features ``(n, 128)`` and logits ``(n, classes)``."""
        features = self.convolutions(pixels / 127.5 - 1.0).mean((2, 3))
        return features, self.head(features)

    def save(self, path: Path) -> None:
        """Write weights and sizes into one safetensors file."""
        from safetensors.torch import save_file

        sizes = json.dumps({"shape": self.shape, "classes": self.classes})
        with replacing(path) as temporary:
            save_file(
                {key: value.cpu().contiguous() for key, value in self.state_dict().items()},
                temporary,
                metadata={"classifier": sizes},
            )

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a classifier that ``save`` has written.

        Raises:
            InputError: If the file is missing, damaged, or of something else.
        """
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(path, "pt") as file:
                sizes = json.loads((file.metadata() or {})["classifier"])
                state = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        except FileNotFoundError:
            raise InputError(f"the classifier {path} does not exist") from None
        except (SafetensorError, KeyError) as error:
            raise InputError(f"{path} is damaged or no classifier: {error}") from None
        made = cls(tuple(sizes["shape"]), sizes["classes"])
        made.load_state_dict(state)
        return made.eval()

    @torch.no_grad()
    def predict(self, pixels: NDArray[np.uint8]) -> NDArray[np.int64]:
        """Return the most likely class of each of the images ``(n, C, H, W)``, shape ``(n,)``."""
        self.eval()
        device = self.head.weight.device
        parts = torch.from_numpy(pixels).split(4 * BATCH)
        return torch.cat([self(part.to(device))[1].argmax(1).cpu() for part in parts]).numpy()


def fit(
    pixels: NDArray[np.uint8],
    labels: NDArray[np.int64],
    classes: int,
    seed: int,
    device: str = "cpu",
) -> Classifier:
    """Train a classifier by cross-entropy with AdamW, for 30 epochs or 1,500 steps.

    Images are shifted by up to an eighth of their size, against overfitting. The same seed gives
    the same weights, on one machine with one number of threads.

    Args:
        pixels: Images, shape ``(n, C, H, W)``.
        labels: Their classes, shape ``(n,)``.
        classes: Number of classes.
        seed: Seed of the initial weights, batches and shifts.
        device: Where to train.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = Classifier(pixels.shape[1:], classes).to(device)
    images, known = torch.from_numpy(pixels), torch.from_numpy(labels)
    size = min(BATCH, len(pixels))
    steps = min(MOST_STEPS, EPOCHS * math.ceil(len(pixels) / size))
    optimizer = torch.optim.AdamW(network.parameters(), LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, steps)
    network.train()
    with torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False):
        for _ in range(steps):
            chosen = torch.randint(len(images), (size,), generator=generator)
            batch = _shifted(images[chosen].to(device), generator)
            loss = F.cross_entropy(network(batch)[1], known[chosen].to(device))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return network.eval()


def _shifted(batch: Tensor, generator: torch.Generator) -> Tensor:
    """Shift each image of ``(B, C, H, W)`` by whole pixels, repeating those at the edge."""
    count, _, height, width = batch.shape
    most = min(height, width) // 8
    offsets = torch.randint(-most, most + 1, (2, count, 1), generator=generator)
    rows = (torch.arange(height) + offsets[0]).clamp_(0, height - 1).to(batch.device)  # (B, H)
    columns = (torch.arange(width) + offsets[1]).clamp_(0, width - 1).to(batch.device)  # (B, W)
    every = torch.arange(count, device=batch.device)[:, None, None]
    return batch[every, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)
