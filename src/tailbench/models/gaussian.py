"""The Gaussian of the data's mean and covariance: what a model without tails looks like."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tailbench.data import DataShape, NetworkCost
from tailbench.exceptions import InputError
from tailbench.models.density import Density
from tailbench.models.settings import ModelSettings, Parts, SamplingSettings
from tailbench.models.simple import FittedState, SimpleModel, SimpleSettings
from tailbench.registry import register

__all__ = ["Gaussian", "GaussianSampling", "GaussianSettings"]

Array = NDArray[np.float64]


class GaussianSettings(SimpleSettings):
    """The Gaussian has no settings."""

    def cost(self, data: DataShape) -> NetworkCost:
        """Return the size of a mean and a root of the covariance."""
        size = float(data.dim + data.dim**2)
        return NetworkCost(size, 2.0 * size, 3.0 * data.dim)

    def passes(self, rows: int) -> tuple[int, int]:
        """Return the passes over the data, and the rows of one: all."""
        return 3, rows


class GaussianSampling(SamplingSettings):
    """Draws from the Gaussian."""

    parts: ClassVar[Parts] = {"model": ("gaussian",)}

    model: str = Field("gaussian", description="The fitted Gaussian, by its name under models.")


@register
class Gaussian(Density, SimpleModel[GaussianSettings, GaussianSampling]):
    r"""The Gaussian of the sample mean and the sample covariance of the data.

    .. math:: N(\bar x, C), \qquad C = \frac1{n-1} \sum_i (x_i - \bar x)(x_i - \bar x)^\top.

    Moments of a sample exist whether or not those of its law do. Where they do not, :math:`C` is
    made of the few farthest rows, grows with ``n`` without end, and the Gaussian is far wider than
    the bulk of the data: that is the point of this model. Nothing is trimmed.

    ``C`` may be singular: there may be fewer rows than columns, or columns that are sums of others.

    Args:
        device: Ignored but for interface: computed on the CPU.
        settings: None.
    """

    Settings: ClassVar[type[ModelSettings]] = GaussianSettings
    methods: ClassVar[Mapping[str, type[SamplingSettings]]] = {"gaussian": GaussianSampling}
    heavy_tailed = False

    def fit_one(self, x: Array, rng: np.random.Generator) -> FittedState:
        """Compute mean and root of the covariance of data ``(n, d)``."""
        mean, deviation = x.mean(axis=0), x.std(axis=0, ddof=1)
        z = (x - mean) / deviation  # so that columns of other units lose no digits
        values, axes = np.linalg.eigh(z.T @ z / (len(x) - 1))
        root = deviation[:, None] * axes * np.sqrt(np.maximum(values, 0.0))
        return {"mean": mean, "root": root}

    def sample_one(
        self,
        state: Mapping[str, Any],
        n: int,
        settings: GaussianSampling,
        rng: np.random.Generator,
    ) -> Array:
        """Draw ``n`` samples, shape ``(n, d)``."""
        mean = state["mean"]
        return mean + rng.standard_normal((n, len(mean))) @ state["root"].T

    def _log_prob(self, block: Array) -> Array:
        found = []
        for rows, state in zip(block, self.states, strict=True):
            root = state["root"]
            unit = root / np.abs(root).max(axis=1, keepdims=True)
            if np.linalg.matrix_rank(unit) < len(root):
                raise InputError("the covariance of the gaussian is singular: it has no density")
            z = np.linalg.solve(root, (rows - state["mean"]).T)
            log_det = np.linalg.slogdet(root)[1] + 0.5 * len(root) * np.log(2.0 * np.pi)
            found.append(-0.5 * np.square(z).sum(axis=0) - log_det)
        return np.stack(found)
