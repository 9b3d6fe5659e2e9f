"""A model that is not trained by gradients, as a user would add one."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from tailbench.models.settings import Parts, SamplingSettings
from tailbench.models.simple import SimpleModel, SimpleSettings

__all__ = ["ToyGaussian", "ToySampling", "ToySettings"]


class ToySettings(SimpleSettings):
    """Settings of the toy."""

    test_settings: ClassVar[Mapping[str, Any]] = {"shrinkage": 0.1}

    shrinkage: float = Field(0.0, ge=0, le=1, description="Weight of the diagonal.")


class ToySampling(SamplingSettings):
    """The toy alone."""

    parts: ClassVar[Parts] = {"model": ("toy_gaussian",)}
    sweeps: ClassVar[tuple[str, ...]] = ("spread",)

    model: str = Field("toy_gaussian", description="The fitted toy, by its name under models.")
    spread: float | tuple[float, ...] = Field(1.0, description="Factor of the deviations.")


class ToyGaussian(SimpleModel[ToySettings, ToySampling]):
    """A Gaussian of the mean and the covariance of the data."""

    Settings = ToySettings
    methods: ClassVar[Mapping[str, type[SamplingSettings]]] = {"toy_gaussian": ToySampling}
    name = "toy_gaussian"
    heavy_tailed = False

    def fit_one(self, x, rng):
        covariance = np.atleast_2d(np.cov(x.T))
        weight = self.settings.shrinkage
        covariance = (1 - weight) * covariance + weight * np.diag(np.diag(covariance))
        factor = np.linalg.cholesky(covariance)
        return {"mean": x.mean(0), "factor": factor, "rows": len(x), "law": "gaussian"}

    def sample_one(self, state, n, settings, rng):
        noise = rng.standard_normal((n, len(state["mean"])))
        return state["mean"] + settings.spread * noise @ state["factor"].T
