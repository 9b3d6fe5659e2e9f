"""The multivariate Student-t law by maximum likelihood."""

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
from tailbench.stats.multivariate_student import StudentLaw, fit_student

__all__ = ["MVT", "MVTSampling", "MVTSettings"]

Array = NDArray[np.float64]
Degrees = Annotated[float, Field(ge=0.1, le=1000)]


class MVTSettings(SimpleSettings):
    """Settings of the Student-t law."""

    nu: Literal["auto"] | Degrees = Field(
        "auto",
        description="Degrees of freedom, which are the tail index, from 0.1 to 1,000; 'auto' by "
        "profile likelihood.",
    )
    tolerance: float = Field(
        1e-6,
        gt=0,
        description="Ends the fit, if a step changes centre and scatter by less of the scales of "
        "the columns, and the logarithm of nu by less.",
    )
    max_steps: int = Field(1000, ge=1, description="Most steps of the fit.")

    def cost(self, data: DataShape) -> NetworkCost:
        """Return the size of centre and scatter, and the operations of a step for a row."""
        d = float(data.dim)
        return NetworkCost(1.0 + d + d**2, 200.0 + 1.5 * d**2, 10.0 + 4.0 * d)

    def passes(self, rows: int) -> tuple[int, int]:
        """Return the steps that a fit may take, mostly 5 to 30, and the rows of one: all."""
        return min(self.max_steps, 50), rows


class MVTSampling(SamplingSettings):
    """Draws from the Student-t law."""

    parts: ClassVar[Parts] = {"model": ("mvt",)}

    model: str = Field("mvt", description="The fitted law, by its name under models.")


@register
class MVT(StudentModel[MVTSettings, MVTSampling]):
    r"""The multivariate Student-t law of greatest likelihood, by EM.

    .. math:: x = m + S^{1/2} G \sqrt{\nu / \chi^2_\nu}, \qquad
        m = \frac{\sum_i u_i x_i}{\sum_i u_i}, \quad
        S = \frac{\sum_i u_i (x_i - m)(x_i - m)^\top}{\sum_i u_i}, \quad
        u_i = \frac{\nu + d}{\nu + \delta_i^2},

    with :math:`\delta_i` the distance from the centre in units of ``S``; before each step, nu is
    the root of the derivative of the likelihood at the present distances. The fit is in robust
    units of the data and in double precision, at any index from 0.1. All columns have the same
    tail index, both sides are alike, and far values come together.

    Rows on a plane, or many equal ones, have no likelihood but infinity: eigenvalues of ``S`` are
    at least 1e-9 of the largest one and 1e-12, in squared robust units.

    Args:
        device: Ignored but for interface: computed on the CPU.
        settings: Settings of the fit, by keyword.

    Raises:
        pydantic.ValidationError: If a setting is unknown or out of its range.

    References:
        Lange, Little and Taylor, Robust statistical modeling using the t distribution, 1989; Liu
        and Rubin, The ECME algorithm, 1994; Kent, Tyler and Vardi, A curious likelihood identity
        for the multivariate t-distribution, 1994.
    """

    Settings: ClassVar[type[ModelSettings]] = MVTSettings
    methods: ClassVar[Mapping[str, type[SamplingSettings]]] = {"mvt": MVTSampling}

    def fit_one(self, x: Array, rng: np.random.Generator) -> FittedState:
        """Compute centre, scatter and degrees of freedom from data ``(n, d)``."""
        settings: MVTSettings = self.settings
        location, scale = (units[0] for units in robust_units(x[None]))
        fit = fit_student(
            (x - location) / scale,
            None if settings.nu == "auto" else settings.nu,
            tolerance=settings.tolerance,
            max_steps=settings.max_steps,
        )
        law = fit.law.moved(location, np.diag(scale))
        return {"loc": law.loc, "scatter": law.scatter, "nu": law.nu, "converged": fit.converged}

    def law_of(self, state: Mapping[str, Any]) -> StudentLaw:
        """Return the fitted law."""
        return StudentLaw(state["loc"], state["scatter"], state["nu"])
