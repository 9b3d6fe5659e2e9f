"""GARCH(1,1) with Student-t innovations for each column, joined by a t copula."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tailbench.data import DataShape, NetworkCost
from tailbench.exceptions import InputError
from tailbench.models.preprocessing import robust_units
from tailbench.models.settings import ModelSettings, Parts, SamplingSettings
from tailbench.models.simple import FittedState, SimpleModel, SimpleSettings
from tailbench.registry import register
from tailbench.stats.garch_law import GarchLaw
from tailbench.stats.student_copula import fit_student_copula

__all__ = ["GARCH", "GARCHSampling", "GARCHSettings"]

Array = NDArray[np.float64]
OPERATIONS = 600.0  # of a step for a column: logarithms, quantiles, random numbers

LEAST_JOINT = 1.0  # degrees of freedom of the copula


class GARCHSettings(SimpleSettings):
    """Settings of the GARCH model."""

    test_settings: ClassVar[Mapping[str, Any]] = {"burn_in": 50}

    burn_in: int = Field(
        1000,
        ge=0,
        description="Days that are simulated before the one that is a sample; volatility forgets "
        "as alpha + beta to that power.",
    )

    def cost(self, data: DataShape) -> NetworkCost:
        """Return the size of the parameters, and the operations of a day."""
        d = float(data.dim)
        return NetworkCost(6.0 * d + d**2 + 2.0, OPERATIONS * d, 20.0 + 12.0 * d)

    def passes(self, rows: int) -> tuple[int, int]:
        """Return the evaluations of the likelihood that a fit may take, and its rows: all."""
        return 300, rows

    def evaluations(self, steps: float, points: int, data: DataShape) -> float:
        """Return the days that are simulated for a sample."""
        return float(points * (self.burn_in + 1))


class GARCHSampling(SamplingSettings):
    """Draws days far from each other."""

    parts: ClassVar[Parts] = {"model": ("garch",)}

    model: str = Field("garch", description="The fitted series, by their name under models.")


@register
class GARCH(SimpleModel[GARCHSettings, GARCHSampling]):
    r"""GARCH(1,1) with Student-t innovations for each column, joined by a t copula.

    .. math:: x_t = \mu + \sigma_t z_t, \qquad
        \sigma_t^2 = \omega + \alpha\, (x_{t-1} - \mu)^2 + \beta\, \sigma_{t-1}^2,

    fitted to each column by maximum likelihood with the package ``arch``; then a t copula to the
    innovations ``z`` of all columns. A sample is the last of ``burn_in + 1`` simulated days, and
    samples are independent: what is compared with the data is the stationary law of a day, without
    the order of days.

    Rows have to be in order of time, the oldest first, as a data set with a chronological split
    has them. A model is not told; of rows without order the variance is fitted as constant, and
    what is left is a t copula with Student-t margins.

    The innovations have a variance (nu above 2.05), though the returns may have none. Both sides
    of a column have the same tail.

    Args:
        device: Ignored but for interface: computed on the CPU.
        settings: Settings of the draws, by keyword.

    Raises:
        pydantic.ValidationError: If a setting is unknown or out of its range.

    References:
        Bollerslev, A conditionally heteroskedastic time series model for speculative prices and
        rates of return, 1987; Demarta and McNeil, The t copula and related copulas, 2005; Sheppard,
        arch, a package for Python, since 2014.
    """

    Settings: ClassVar[type[ModelSettings]] = GARCHSettings
    methods: ClassVar[Mapping[str, type[SamplingSettings]]] = {"garch": GARCHSampling}
    heavy_tailed = False  # its innovations have a variance

    def fit_one(self, x: Array, rng: np.random.Generator) -> FittedState:
        """Compute the parameters of columns and copula from data ``(n, d)``, the oldest first.

        Raises:
            InputError: If the package ``arch`` is missing, or a column has no finite estimate.
        """
        location, scale = (units[0] for units in robust_units(x[None]))
        params, innovations, variances, converged = [], [], [], True
        for j, column in enumerate(((x - location) / scale).T):
            fit = _fit_column(column)
            if not np.isfinite(fit.params.to_numpy()).all():
                raise InputError(f"the garch of column {j} of the data has no finite estimate")
            params.append(fit.params.to_numpy())
            innovations.append(np.asarray(fit.std_resid))
            variances.append(float(np.square(fit.conditional_volatility).mean()))
            converged = converged and fit.convergence_flag == 0
            self.report(f"column {j + 1}")
        mean, omega, alpha, beta, nu = np.array(params).T
        correlation, joint_nu = fit_student_copula(np.stack(innovations, axis=1), rng)
        # One column has no copula, and its coordinate may be of any law.
        joint_nu = max(joint_nu, LEAST_JOINT) if len(nu) > 1 else float(nu[0])
        law = GarchLaw(
            mean=location + scale * mean,
            omega=scale**2 * omega,
            alpha=alpha,
            beta=beta,
            nu=nu,
            start=scale**2 * np.array(variances),
            correlation=correlation,
            joint_nu=joint_nu,
        )
        return {**asdict(law), "converged": converged}

    def sample_one(
        self,
        state: Mapping[str, Any],
        n: int,
        settings: GARCHSampling,
        rng: np.random.Generator,
    ) -> Array:
        """Draw ``n`` samples, shape ``(n, d)``."""
        law = GarchLaw(**{key: value for key, value in state.items() if key != "converged"})
        own: GARCHSettings = self.settings
        return law.sample(n, own.burn_in, rng)


def _fit_column(column: Array) -> Any:
    """Return what ``arch`` finds for a column in robust units."""
    try:
        from arch import arch_model
    except ImportError as error:
        raise InputError(
            "the model garch needs the package arch, which the extra 'data' brings: "
            "pip install 'tailbench[data]'"
        ) from error
    model = arch_model(column, mean="Constant", vol="GARCH", p=1, q=1, dist="t", rescale=False)
    with warnings.catch_warnings():
        # what the optimiser tries on its way is not what it ends at
        warnings.simplefilter("ignore", RuntimeWarning)
        return model.fit(disp="off", show_warning=False)
