"""The smoothed bootstrap: a kernel density estimate that is sampled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tailbench.data import DataShape, NetworkCost
from tailbench.models.preprocessing import robust_units
from tailbench.models.settings import ModelSettings, Parts, SamplingSettings
from tailbench.models.simple import FittedState, SimpleModel, SimpleSettings
from tailbench.registry import register
from tailbench.stats.multivariate_student import fit_student, raised

__all__ = ["KDE", "KDESampling", "KDESettings"]

Array = NDArray[np.float64]
Multiple = Annotated[float, Field(ge=0)]


class KDESettings(SimpleSettings):
    """Settings of the smoothed bootstrap."""

    bandwidth: Literal["auto"] | Multiple = Field(
        "auto",
        description="Bandwidth as a multiple of Silverman's factor; 'auto' is 1, and 0 gives the "
        "training rows themselves.",
    )
    correct_variance: bool = Field(
        True,
        description="Draw samples together so that their covariance is that of the training rows; "
        "without it the noise of the kernel widens them.",
    )

    def cost(self, data: DataShape) -> NetworkCost:
        """Return the size of the rows, all of which are kept, and of two matrices."""
        d = float(data.dim)
        return NetworkCost(data.rows * d + d + 2.0 * d**2, 200.0 + 4.0 * d**2, 10.0 + 4.0 * d)

    def passes(self, rows: int) -> tuple[int, int]:
        """Return the steps that the fit of the kernel may take, and the rows of one: all."""
        return 50, rows


class KDESampling(SamplingSettings):
    """Draws training rows and adds noise of the kernel."""

    parts: ClassVar[Parts] = {"model": ("kde",)}

    model: str = Field("kde", description="The kept rows, by their name under models.")


@register
class KDE(SimpleModel[KDESettings, KDESampling]):
    r"""Training rows drawn with replacement, plus Gaussian noise: the smoothed bootstrap.

    .. math:: x = \bar x + A (x_I - \bar x + h K^{1/2} G), \qquad
        h = c \left(\frac{4}{(d + 2) n}\right)^{1/(d+4)},

    with a uniform row ``I``, Silverman's factor times the multiple ``c`` of ``bandwidth``, and a
    kernel ``K`` that exists at any tail index: its correlations are those of the scatter of a
    Student-t law fitted to the rows, its deviations the robust scales of the columns. On Gaussian
    data ``K`` is their covariance.

    ``A`` solves :math:`A (C + h^2 K) A^\top = C` with the sample covariance ``C`` (both by their
    Cholesky factors), so that samples have mean and covariance of the training rows. Where tails
    are heavy ``C`` is far larger than ``K``, and ``A`` near the identity: no tail is shrunk.

    Samples reach a few ``h`` beyond the farthest row, not further, and far rows are seen again
    nearly as they were. Silverman's factor is for one Gaussian hill: it smooths away modes.

    Args:
        device: Ignored but for interface: computed on the CPU.
        settings: Settings of the kernel, by keyword.

    Raises:
        pydantic.ValidationError: If a setting is unknown or out of its range.

    References:
        Efron, Bootstrap methods: another look at the jackknife, 1979; Silverman, Density estimation
        for statistics and data analysis, 1986 (the factor, and the correction in one dimension).
    """

    Settings: ClassVar[type[ModelSettings]] = KDESettings
    methods: ClassVar[Mapping[str, type[SamplingSettings]]] = {"kde": KDESampling}

    def fit_one(self, x: Array, rng: np.random.Generator) -> FittedState:
        """Keep the rows of data ``(n, d)``, and compute root of the kernel and correction."""
        settings: KDESettings = self.settings
        n, d = x.shape
        multiple = 1.0 if settings.bandwidth == "auto" else settings.bandwidth
        h = multiple * (4.0 / ((d + 2.0) * n)) ** (1.0 / (d + 4.0))
        spread, change = np.zeros((d, d)), np.zeros((d, d))
        if h > 0.0:
            location, scale = (units[0] for units in robust_units(x[None]))
            z = (x - location) / scale
            spread = h * np.linalg.cholesky(fit_student(z).law.correlation)
            if settings.correct_variance:
                change = _correction(np.atleast_2d(np.cov(z.T)), spread)
            spread = scale[:, None] * spread
            change = change * np.divide.outer(scale, scale)
        return {"rows": x, "centre": x.mean(axis=0), "spread": spread, "change": change}

    def sample_one(
        self,
        state: Mapping[str, Any],
        n: int,
        settings: KDESampling,
        rng: np.random.Generator,
    ) -> Array:
        """Draw ``n`` samples, shape ``(n, d)``."""
        rows, centre = state["rows"], state["centre"]
        x = rows[rng.integers(len(rows), size=n)]
        x = x + rng.standard_normal(x.shape) @ state["spread"].T
        return x + (x - centre) @ state["change"].T


def _correction(covariance: Array, spread: Array) -> Array:
    """Return ``A - 1`` with which ``A (C + spread spread') A' = C``, shape ``(d, d)``."""
    from scipy.linalg import solve_triangular

    deviation = np.sqrt(np.diag(covariance))
    before = raised(covariance / np.outer(deviation, deviation), 0.0)
    noise = spread / deviation[:, None]
    root, wider = np.linalg.cholesky(before), np.linalg.cholesky(before + noise @ noise.T)
    gain = solve_triangular(wider, root.T, lower=True, trans="T").T
    return (gain - np.eye(len(gain))) * np.divide.outer(deviation, deviation)
