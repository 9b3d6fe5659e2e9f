"""The training rows drawn again: historical simulation, and the control for memorisation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tailbench.data import DataShape, NetworkCost
from tailbench.models.settings import ModelSettings, Parts, SamplingSettings
from tailbench.models.simple import FittedState, SimpleModel, SimpleSettings
from tailbench.registry import register

__all__ = ["Bootstrap", "BootstrapSampling", "BootstrapSettings"]

Array = NDArray[np.float64]


class BootstrapSettings(SimpleSettings):
    """The bootstrap has no settings."""

    def cost(self, data: DataShape) -> NetworkCost:
        """Return the size of the rows, all of which are kept."""
        return NetworkCost(float(data.rows * data.dim), float(data.dim), float(data.dim))

    def passes(self, rows: int) -> tuple[int, int]:
        """Return the passes over the data, and the rows of one: all."""
        return 1, rows


class BootstrapSampling(SamplingSettings):
    """Draws training rows with replacement."""

    parts: ClassVar[Parts] = {"model": ("bootstrap",)}

    model: str = Field("bootstrap", description="The kept rows, by their name under models.")


@register
class Bootstrap(SimpleModel[BootstrapSettings, BootstrapSampling]):
    """Training rows drawn with replacement, as they are: historical simulation.

    No metric that compares samples with held-out rows tells it from real data but by chance, since
    the floor is real data too. It makes nothing new: it is what a model that has memorised its
    training rows would score, and shows what a metric of memorisation has to see. No sample is
    beyond the farthest training row.

    Args:
        device: Ignored but for interface: computed on the CPU.
        settings: None.

    References:
        Efron, Bootstrap methods: another look at the jackknife, 1979; Hendricks, Evaluation of
        value-at-risk models using historical data, 1996.
    """

    Settings: ClassVar[type[ModelSettings]] = BootstrapSettings
    methods: ClassVar[Mapping[str, type[SamplingSettings]]] = {"bootstrap": BootstrapSampling}

    def fit_one(self, x: Array, rng: np.random.Generator) -> FittedState:
        """Keep the rows of data ``(n, d)``."""
        return {"rows": x}

    def sample_one(
        self,
        state: Mapping[str, Any],
        n: int,
        settings: BootstrapSampling,
        rng: np.random.Generator,
    ) -> Array:
        """Draw ``n`` training rows, shape ``(n, d)``."""
        rows = state["rows"]
        return rows[rng.integers(len(rows), size=n)]
