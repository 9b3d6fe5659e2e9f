"""Mixtures of multivariate Student-t laws by maximum likelihood."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tailbench.data import DataShape, NetworkCost
from tailbench.models.preprocessing import robust_units
from tailbench.models.settings import ModelSettings, Parts, SamplingSettings
from tailbench.models.simple import FittedState, SimpleSettings
from tailbench.models.student_base import StudentModel
from tailbench.registry import register
from tailbench.stats.multivariate_student import StudentLaw
from tailbench.stats.student_mixture import StudentMixtureLaw
from tailbench.stats.student_mixture_em import best_mixture, fit_mixture

__all__ = ["MVTMixture", "MVTMixtureSampling", "MVTMixtureSettings"]

Array = NDArray[np.float64]
Count = Annotated[int, Field(ge=1)]


class MVTMixtureSettings(SimpleSettings):
    """Settings of the mixture."""

    test_settings: ClassVar[Mapping[str, Any]] = {"max_components": 3, "starts": 2}

    components: Literal["auto"] | Count = Field(
        "auto",
        description="Number of components; 'auto': of least BIC, from one up until two more have "
        "not lowered it.",
    )
    max_components: int = Field(
        20, ge=1, description="Most components that 'auto' tries; not used for a number."
    )
    shared_nu: bool = Field(
        False, description="All components have the same degrees of freedom, not each its own."
    )
    starts: int = Field(
        5,
        ge=1,
        description="Starts for each number of components; 'auto' has as many again, which add one "
        "component to the mixture found before.",
    )
    tolerance: float = Field(
        1e-6, gt=0, description="Ends a run, if a step raises the mean log-density by less."
    )
    max_steps: int = Field(1000, ge=1, description="Most steps of a run.")

    @property
    def most(self) -> int:
        """The largest number of components."""
        return self.max_components if self.components == "auto" else self.components

    def cost(self, data: DataShape) -> NetworkCost:
        """Return the size of as many components as there may be, and the operations of a step."""
        d, k = float(data.dim), float(self.most)
        return NetworkCost(k * (2.0 + d + d**2), k * (500.0 + 1.5 * d**2), 20.0 + 6.0 * d + 8.0 * k)

    def passes(self, rows: int) -> tuple[int, int]:
        """Return the steps of all runs in passes over the data, and the rows of a pass: all.

        A step of a smaller mixture takes less: 'auto' takes half of what its runs would.
        """
        steps = min(self.max_steps, 100) + 15 * self.starts * min(1.0, 2500 / rows)
        return round(steps * (self.most / 2.0 if self.components == "auto" else 1.0)), rows


class MVTMixtureSampling(SamplingSettings):
    """Draws from the mixture."""

    parts: ClassVar[Parts] = {"model": ("mvt_mixture",)}

    model: str = Field("mvt_mixture", description="The fitted mixture, by its name under models.")


@register
class MVTMixture(StudentModel[MVTMixtureSettings, MVTMixtureSampling]):
    r"""A mixture of multivariate Student-t laws by EM, their number by BIC.

    .. math:: p(x) = \sum_{j=1}^k \pi_j \, t_{\nu_j}(x; m_j, S_j), \qquad
        \mathrm{BIC} = -2 \log L + q \log n, \quad q = k \left(d + \tfrac{d (d+1)}2 + 2\right) - 1.

    Every component has a centre, a full scatter matrix, a weight and its own degrees of freedom
    (``shared_nu``: one for all). The fit is in robust units of the data and in double precision.
    Far out the component of the heaviest tail is alone, and so the mixture has one tail index.
    Modes cost :math:`d^2/2` numbers each, for which BIC asks: few modes are found in many
    dimensions.

    Args:
        device: Ignored but for interface: computed on the CPU.
        settings: Settings of the fit, by keyword.

    Raises:
        pydantic.ValidationError: If a setting is unknown or out of its range.

    References:
        Peel and McLachlan, Robust mixture modelling using the t distribution, 2000; Schwarz,
        Estimating the dimension of a model, 1978.
    """

    Settings: ClassVar[type[ModelSettings]] = MVTMixtureSettings
    methods: ClassVar[Mapping[str, type[SamplingSettings]]] = {"mvt_mixture": MVTMixtureSampling}

    def fit_one(self, x: Array, rng: np.random.Generator) -> FittedState:
        """Compute weights, centres, scatters and degrees of freedom from data ``(n, d)``.

        Raises:
            InputError: If there are too few rows for the number of components.
        """
        settings: MVTMixtureSettings = self.settings
        location, scale = (units[0] for units in robust_units(x[None]))
        rows = (x - location) / scale
        options = settings.model_dump(include={"starts", "shared_nu", "tolerance", "max_steps"})
        if settings.components == "auto":
            most = settings.max_components
            fit = best_mixture(rows, most, rng, report=self.report, **options)
        else:
            fit = fit_mixture(rows, settings.components, rng, **options)
        law = fit.law.moved(location, np.diag(scale))
        return {
            "weights": law.weights,
            "loc": np.stack([one.loc for one in law.laws]),
            "scatter": np.stack([one.scatter for one in law.laws]),
            "nu": np.array([one.nu for one in law.laws]),
            "bic": fit.bic + 2.0 * len(x) * float(np.log(scale).sum()),
            "converged": fit.converged,
        }

    def law_of(self, state: Mapping[str, Any]) -> StudentMixtureLaw:
        """Return the fitted mixture."""
        parts = zip(state["loc"], state["scatter"], state["nu"], strict=True)
        laws = tuple(StudentLaw(loc, scatter, float(nu)) for loc, scatter, nu in parts)
        return StudentMixtureLaw(state["weights"], laws)
