"""What models share that are Student-t laws: density and draws."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tailbench.models.simple import Sampling, SimpleModel, Training

__all__ = ["ExactLaw", "StudentModel"]

Array = NDArray[np.float64]


class ExactLaw(Protocol):
    """A law with a density."""

    def log_prob(self, x: Array) -> Array:
        """Compute the log-density at rows ``(n, d)``, shape ``(n,)``."""

    def sample(self, n: int, rng: np.random.Generator) -> Array:
        """Draw ``n`` rows, shape ``(n, d)``."""


class StudentModel(SimpleModel[Training, Sampling]):
    """A model whose fitted state is a law with a density."""

    @abstractmethod
    def law_of(self, state: Mapping[str, Any]) -> ExactLaw:
        """Return the law of a fitted state."""

    def sample_one(
        self, state: Mapping[str, Any], n: int, settings: Sampling, rng: np.random.Generator
    ) -> Array:
        """Draw ``n`` samples, shape ``(n, d)``."""
        return self.law_of(state).sample(n, rng)

    def log_prob(self, x: ArrayLike) -> Array:
        """Compute the log-density at ``x`` ``(n, d)`` or ``(E, n, d)``, without the last axis.

        Raises:
            RuntimeError: If the model has not been fitted.
            ValueError: If ``x`` has another number of seeds or columns than the model.
        """
        self._fitted()
        given = np.asarray(x, dtype=np.float64)
        block = given if given.ndim == 3 else given[None]
        if block.ndim != 3 or (len(block), block.shape[2]) != (self.num_seeds, self.dim):
            raise ValueError(
                f"the {self.name} has {self.num_seeds} seeds and {self.dim} columns, and the rows "
                f"are of shape {given.shape}"
            )
        laws = map(self.law_of, self.states)
        values = np.stack([law.log_prob(rows) for law, rows in zip(laws, block, strict=True)])
        return values if given.ndim == 3 else values[0]
