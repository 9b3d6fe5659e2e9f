"""What the tests of the metrics share."""

from dataclasses import dataclass

import numpy as np
import pytest


@dataclass(eq=False)
class Truth:
    """A target of which only what is given is known."""

    dim: int = 1
    index: np.ndarray | None = None
    norm_index: float | None = None
    ppf: object = None
    known_modes: object = None
    asked: int = 0

    def tail_index(self):
        return self.index

    def norm_tail_index(self):
        return self.norm_index

    def quantile(self, p):
        self.asked += 1
        return None if self.ppf is None else np.tile(self.ppf(np.asarray(p)), (self.dim, 1))

    def modes(self):
        return self.known_modes


@pytest.fixture
def truth():
    return Truth


@pytest.fixture
def rng():
    return np.random.default_rng(0)
