"""What models share that are Student-t laws: density and draws."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tailbench.models.density import Density
from tailbench.models.simple import Sampling, SimpleModel, Training

__all__ = ["ExactLaw", "StudentModel"]

Array = NDArray[np.float64]


class ExactLaw(Protocol):
    """A law with a density."""

    def log_prob(self, x: Array) -> Array:
        """Compute the log-density at rows ``(n, d)``, shape ``(n,)``."""

    def sample(self, n: int, rng: np.random.Generator) -> Array:
        """Draw ``n`` rows, shape ``(n, d)``."""


class StudentModel(Density, SimpleModel[Training, Sampling]):
    """A model whose fitted state is a law with a density."""

    @abstractmethod
    def law_of(self, state: Mapping[str, Any]) -> ExactLaw:
        """Return the law of a fitted state."""

    def sample_one(
        self, state: Mapping[str, Any], n: int, settings: Sampling, rng: np.random.Generator
    ) -> Array:
        """Draw ``n`` samples, shape ``(n, d)``."""
        return self.law_of(state).sample(n, rng)

    def _log_prob(self, block: Array) -> Array:
        laws = map(self.law_of, self.states)
        return np.stack([law.log_prob(rows) for law, rows in zip(laws, block, strict=True)])
