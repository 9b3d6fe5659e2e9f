"""Margins with generalised Pareto tails, joined by a vine of pair copulas."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tailbench.data import DataShape, NetworkCost
from tailbench.exceptions import InputError
from tailbench.models.copula_gpd import MarginsSettings
from tailbench.models.settings import ModelSettings, Parts, SamplingSettings
from tailbench.models.simple import FittedState, SimpleModel
from tailbench.registry import register
from tailbench.stats.semiparametric import (
    KNOTS,
    fit_laws,
    has_atom,
    pseudo_levels,
    stack_laws,
    stacked_quantiles,
)

__all__ = ["Vine", "VineSampling", "VineSettings"]

Family = Literal["gaussian", "student", "clayton", "gumbel", "frank", "joe"]

OPERATIONS = 8500.0  # to draw one value by one pair copula, at the speed of small matrices


class VineSettings(MarginsSettings):
    """Settings of the vine copula."""

    test_settings: ClassVar[Mapping[str, Any]] = {"families": ("gaussian", "student")}

    families: Annotated[tuple[Family, ...], Field(min_length=1)] = Field(
        ("gaussian", "student", "clayton", "gumbel", "frank"),
        description="Families that each pair copula is chosen from by the AIC, beside the "
        "independent one; those with one corner are rotated too.",
    )
    truncation: int | None = Field(
        None,
        ge=1,
        description="Trees of the vine: in further ones all pairs are independent given the rest. "
        "All trees if left out, whose cost grows like the square of the dimension.",
    )

    def pairs(self, dim: int) -> int:
        """Return the number of pair copulas."""
        trees = min(self.truncation or dim, dim - 1)
        return trees * dim - trees * (trees + 1) // 2

    def cost(self, data: DataShape) -> NetworkCost:
        """Estimate the size of the margins, and the operations of the pair copulas."""
        size = float(data.dim * (2 * KNOTS + 12))
        operations = 200.0 * data.dim + OPERATIONS * self.pairs(data.dim)
        return NetworkCost(size, operations, 20.0 * data.dim)

    def passes(self, rows: int) -> tuple[int, int]:
        """Return the passes over the data that a fit may take, and the rows of one: all."""
        return 10, rows


class VineSampling(SamplingSettings):
    """The vine copula alone."""

    parts: ClassVar[Parts] = {"model": ("vine",)}

    model: str = Field("vine", description="The fitted vine copula, by its name under models.")


@register
class Vine(SimpleModel[VineSettings, VineSampling]):
    r"""Empirical margins with generalised Pareto tails, and a vine of pair copulas.

    A density of ``d`` variables is the product of :math:`d (d - 1) / 2` copulas of pairs, of the
    second and further trees given other variables. Each pair has its own family, so that some may
    be extreme together and others not, in one corner or in all. By pyvinecopulib, whose structure
    selection is the maximum spanning tree of Kendall's tau, in one thread; the parameters are
    those of tau, and of maximal likelihood where there is a second one. Columns with atoms, such as
    rain, are discrete variables to it: the copula is that of all values between the ranks that
    equal values share.

    References:
        Aas, Czado, Frigessi and Bakken, Pair-copula constructions of multiple dependence, 2009;
        Dissmann, Brechmann, Czado and Kurowicka, Selecting and estimating regular vine copulae,
        2013; Nagler and Vatter, pyvinecopulib, 2026.
    """

    package = "pyvinecopulib"
    Settings: ClassVar[type[ModelSettings]] = VineSettings
    methods: ClassVar[Mapping[str, type[SamplingSettings]]] = {"vine": VineSampling}

    def fit_one(self, x: NDArray[np.float64], rng: np.random.Generator) -> FittedState:
        """Fit margins column by column, and the vine to ranks.

        Raises:
            InputError: If pyvinecopulib is not installed.
        """
        library = _pyvinecopulib()
        names = ("indep", *self.settings.families)
        options = {"trunc_lvl": self.settings.truncation} if self.settings.truncation else {}
        controls = library.FitControlsVinecop(
            family_set=[getattr(library.BicopFamily, name) for name in names],
            parametric_method="itau",
            num_threads=1,
            **options,
        )
        levels, types = _levels_and_types(x, rng)
        vine = library.Vinecop.from_data(np.asfortranarray(levels), controls, var_types=types)
        margins = stack_laws(fit_laws(x, self.settings.threshold))
        return {**margins, "vine": vine.to_json()}

    def sample_one(
        self, state: FittedState, n: int, settings: VineSampling, rng: np.random.Generator
    ) -> NDArray[np.float64]:
        """Draw from the vine, and map each column by its quantile function.

        Raises:
            InputError: If pyvinecopulib is not installed.
        """
        vine = _pyvinecopulib().Vinecop.from_json(str(state["vine"]))
        seeds = rng.integers(2**31, size=4).tolist()
        return stacked_quantiles(state, vine.sample(n, num_threads=1, seeds=seeds))


def _levels_and_types(
    x: NDArray[np.float64], rng: np.random.Generator
) -> tuple[NDArray[np.float64], list[str]]:
    """Return ranks over ``n + 1``, with the left limits of discrete columns, and kinds of columns.

    Returns:
        Levels, shape ``(n, d + k)`` with ``k`` discrete columns, and ``"c"`` or ``"d"`` for each of
        the ``d`` columns.
    """
    from scipy.stats import rankdata

    levels = pseudo_levels(x, rng)
    discrete = np.array([has_atom(column) for column in x.T])
    tied = x[:, discrete]
    levels[:, discrete] = rankdata(tied, "max", axis=0) / (len(x) + 1.0)
    limits = (rankdata(tied, "min", axis=0) - 1.0) / (len(x) + 1.0)
    return np.hstack([levels, limits]), ["d" if each else "c" for each in discrete]


def _pyvinecopulib() -> ModuleType:
    try:
        import pyvinecopulib
    except ImportError:
        raise InputError(
            "the model 'vine' needs the package pyvinecopulib: pip install 'tailbench[vine]' "
            "(it has no wheels for Linux on ARM)"
        ) from None
    return pyvinecopulib
