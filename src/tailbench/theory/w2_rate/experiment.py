"""The W2 error of exact-score samplers against the step size and the dimension."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal, get_args

import numpy as np
from pydantic import Field

from tailbench.registry import register
from tailbench.settings import Settings
from tailbench.theory.base import Experiment, Row
from tailbench.theory.laws_1d import Law, PiecewiseGaussian, Smooth
from tailbench.theory.markov_chain_1d import Gaussians, diffusion, propagate, wasserstein
from tailbench.theory.ou_process import SAMPLERS, Score, backward_step, heun, scale, uniform_times

__all__ = ["W2Rate", "W2RateSettings", "make_target"]

Target = Literal[
    "gaussian",
    "half_normal",
    "elastic_net",
    "gaussian_mixture",
    "double_well",
    "downward_kink",
    "uniform",
]
GOLDEN = 0.5 * (math.sqrt(5.0) - 1.0)
REACH = 10.0  # the chains live on [-REACH, REACH]: starts and targets have a scale of about one


class W2RateSettings(Settings):
    """Targets, step sizes and dimensions."""

    targets: tuple[Target, ...] = Field(
        get_args(Target),
        description="Laws of a coordinate. All but the last two are semiconvex.",
    )
    horizon: float = Field(4.0, gt=0, le=20, description="Time T of the forward process.")
    steps: tuple[Annotated[int, Field(ge=2, le=100_000)], ...] = Field(
        (8, 16, 32, 64, 128, 256, 512, 800),
        min_length=3,
        description="Numbers of steps; the step size is the horizon over it.",
    )
    dims: tuple[Annotated[int, Field(ge=1, le=10_000)], ...] = Field(
        (1, 2, 4, 8, 16, 32, 64, 128, 256),
        min_length=3,
        description="Dimensions, for the law with coordinates that all differ.",
    )
    dim_steps: int = Field(32, ge=2, description="Number of steps where the dimension varies.")


def make_target(name: str) -> Law:
    """Make the law of a coordinate by its name."""
    if name == "gaussian":
        return PiecewiseGaussian.mixture([1.0], [0.0], [0.5])
    if name == "half_normal":
        return PiecewiseGaussian.kinked(0.5, 2.0)
    if name == "elastic_net":
        return PiecewiseGaussian.kinked(1.0, 1.0)
    if name == "gaussian_mixture":
        return PiecewiseGaussian.mixture([0.4, 0.6], [-1.5, 1.5], [0.5, 0.5])
    if name == "double_well":
        return Smooth(lambda x: -((x * x - 1.0) ** 2), -3.2, 3.2, width=0.3)
    if name == "downward_kink":
        return PiecewiseGaussian.kinked(0.5, -1.5)
    return PiecewiseGaussian.uniform(1.5)


@register
class W2Rate(Experiment):
    """W2 error against step size and dimension, for semiconvex targets and beyond them."""

    Settings = W2RateSettings
    name: ClassVar[str]

    def cells(self) -> dict[str, dict[str, Any]]:
        """One cell per target, and one for the dimension by each sampler."""
        s = self.settings
        cells = {
            target: {"target": target, "horizon": s.horizon, "steps": list(s.steps)}
            for target in s.targets
        }
        dimension = {"horizon": s.horizon, "dims": list(s.dims), "steps": s.dim_steps}
        return {f"dimension-{k}": {**dimension, "sampler": k} for k in SAMPLERS} | cells

    def measure(self, spec: Mapping[str, Any], device: str = "cpu") -> list[Row]:
        """Compute a cell."""
        if "dims" in spec:
            return list(_dimensions(**spec))
        target, horizon = make_target(spec["target"]), spec["horizon"]
        rows = []
        for kind in (*SAMPLERS, "heun"):
            for steps in spec["steps"]:
                value = _error(target, kind, horizon, steps)
                floor = math.nan
                if steps in (min(spec["steps"]), max(spec["steps"])):
                    floor = abs(_error(target, kind, horizon, steps, fine=1.5) - value)
                rows.append(_row(spec["target"], kind, "step", horizon / steps, 1, value, floor))
        return rows


def _row(
    target: str, sampler: str, part: str, step: float, dim: int, w2: float, floor: float
) -> Row:
    return {
        "target": target,
        "sampler": sampler,
        "varied": part,
        "step": step,
        "dim": dim,
        "w2": w2,
        "floor": floor,
    }


def _error(target: Law, kind: str, horizon: float, steps: int, fine: float = 1.0) -> float:
    """Return W2 after ``steps`` steps from the exact start, on grids ``fine`` times finer."""
    times = uniform_times(horizon, steps)

    def score(x: Any, t: float) -> Any:
        return target.diffused(x, *scale(t))[1]

    if kind == "heun":
        start = diffusion(target, *scale(horizon))
        return _heun_error(target, score, times, start, 4 * fine)
    return wasserstein(_law(target, score, kind, times, fine), target, refine=4 * fine)


def _law(target: Law, score: Score, kind: str, times: list[float], fine: float) -> Gaussians:
    chain = [backward_step(kind, score, t, t - s) for t, s in itertools.pairwise(times)]
    start = scale(times[0])
    return propagate(lambda x: np.exp(target.diffused(x, *start)[0]), chain, REACH, fine)


def _heun_error(
    target: Law, score: Score, times: list[float], start: Gaussians, refine: float
) -> float:
    """Return W2 of the image of the start, whose map is increasing or else is sorted."""
    x = start.grid(refine)
    weights = start.density(x) * (x[1] - x[0])
    moved = heun(score, times, x)
    if np.all(np.diff(moved) >= 0):
        wanted = target.quantile(*start.cdf(x))
    else:
        order = np.argsort(moved, kind="stable")
        moved, weights = moved[order], weights[order]
        middle = np.cumsum(weights) - 0.5 * weights
        wanted = target.quantile(middle, 1.0 - middle)
    return math.sqrt(float(weights @ (moved - wanted) ** 2))


def _dimensions(horizon: float, dims: list[int], steps: int, sampler: str) -> Iterator[Row]:
    """Measure laws in many dimensions by their coordinates.

    Both samplers with an exact score keep independent coordinates independent and commute with
    rotations, so the squares of the errors of the coordinates add up. ``different`` is a product
    of ``exp(-b x^2 - c |x|)`` with other b and c in each coordinate; ``two_modes`` is no product
    along the axes: a mixture of two Gaussians with centres on the diagonal.
    """

    def error(target: Law) -> float:
        return _error(target, sampler, horizon, steps)

    found = np.array([error(_coordinate(i)) for i in range(1, max(dims) + 1)])
    modes, across = error(make_target("gaussian_mixture")), error(make_target("gaussian"))
    for d in dims:
        values = {
            "different": math.sqrt(float(np.sum(found[:d] ** 2))),
            "two_modes": math.hypot(modes, math.sqrt(d - 1) * across),
        }
        for target, value in values.items():
            yield _row(target, sampler, "dim", horizon / steps, d, value, math.nan)


def _coordinate(i: int) -> Law:
    """Make the law of coordinate ``i``: b from 0.5 to 2 and c from 0 to 3, evenly spread."""
    return PiecewiseGaussian.kinked(0.5 + 1.5 * (i * GOLDEN % 1), 3.0 * (i * GOLDEN**2 % 1))
