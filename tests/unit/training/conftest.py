"""Small modules to train: nothing here knows of a model."""

import pytest
import torch
from torch import nn

from tailbench.models.settings import TrainingSettings


class Shift(nn.Module):
    """One vector per seed, to be moved onto the mean of the data."""

    def __init__(self, positions, dim=2):
        super().__init__()
        self.positions = list(positions)
        self.value = nn.Parameter(torch.zeros(len(self.positions), 1, dim))
        self.register_buffer("constant", torch.arange(float(len(self.positions))))
        self.calls = 0

    def square(self, batch, streams):
        """The squared distance, with a little noise, so that the streams count."""
        self.calls += self.training
        noisy = batch + 0.01 * streams.randn(*batch.shape[1:])
        return (noisy - self.value).square().mean((1, 2))


@pytest.fixture
def shift():
    return Shift


@pytest.fixture
def square():
    return lambda module, batch, streams: module.square(batch, streams)


@pytest.fixture
def data():
    """Three seeds with means (0, 1), (10, 11) and (20, 21)."""
    x = torch.randn(3, 200, 2, generator=torch.Generator().manual_seed(0))
    return x + 10.0 * torch.arange(3.0).view(3, 1, 1) + torch.tensor([0.0, 1.0])


@pytest.fixture
def settings():
    def make(**changes):
        chosen = {
            "train_steps": 120,
            "batch_size": 32,
            "learning_rate": 0.5,
            "clip_norm": 100.0,
            "ema": 0.9,
            "validate_every": 20,
        }
        return TrainingSettings(**(chosen | changes))

    return make
