"""How a score error of known size shows in the output, for general data."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tailbench.registry import register
from tailbench.rng.seeds import generator_for
from tailbench.settings import Settings
from tailbench.theory.base import Experiment, Row
from tailbench.theory.laws_1d import Atoms, Law, PiecewiseGaussian
from tailbench.theory.markov_chain_1d import (
    Gaussians,
    propagate,
    total_variation,
    trajectory,
    wasserstein,
)
from tailbench.theory.ou_process import Score, backward_step, geometric_times, scale, uniform_times
from tailbench.theory.score_error import spheres

__all__ = [
    "ScoreError",
    "ScoreErrorSettings",
    "chain_of",
    "density_at",
    "distances",
    "langevin_crossing",
    "make_error",
    "make_target",
    "scaled_error",
]

Array = NDArray[np.float64]
Positive = Annotated[float, Field(gt=0)]
Shape = Callable[[Array, float], Array]
Target = Literal["cube", "points", "mixture", "laplace"]
SHAPES = ("white", "smooth", "constant", "local")
HORIZON = 4.0


class ScoreErrorSettings(Settings):
    """Targets, sizes and shapes of the error, stopping times, dimensions."""

    targets: tuple[Target, ...] = Field(
        get_args(Target),
        description="Laws of a coordinate: of bounded support, or with decaying tails.",
    )
    errors: tuple[Positive, ...] = Field(
        (0.01, 0.02, 0.05, 0.1, 0.2, 0.5),
        min_length=3,
        description="L2 sizes of the error of the score.",
    )
    step: float = Field(0.1, gt=0, le=0.5, description="Step size, times the time where below 1.")
    delta: Positive = Field(0.01, description="Time at which the process stops.")
    least_delta: Positive = Field(
        0.0002, description="Least time of stopping, where these are compared."
    )
    seeds: int = Field(3, ge=2, description="Seeds of the random errors, and of samples.")
    sphere_dims: tuple[Annotated[int, Field(ge=2, le=1000)], ...] = Field(
        (3, 16), description="Dimensions of the spheres."
    )
    samples: int = Field(8_000, ge=100, description="Samples on a sphere.")
    dims: tuple[Annotated[int, Field(ge=1, le=400)], ...] = Field(
        (4, 8, 16, 32, 64, 128, 256),
        min_length=3,
        description="Dimensions of the two modes, whose distance is the root of the dimension.",
    )
    accuracies: tuple[Positive, ...] = Field(
        (0.4, 0.2, 0.1, 0.05), min_length=3, description="W2 errors to be reached there."
    )


def make_target(name: str) -> Law:
    """Make the law of a coordinate by its name."""
    if name == "cube":
        return PiecewiseGaussian.uniform(1.5)
    if name == "points":
        return Atoms([-1.5, -0.4, 0.5, 1.4], [0.3, 0.2, 0.3, 0.2])
    if name == "mixture":
        return PiecewiseGaussian.mixture([0.4, 0.6], [-1.5, 1.5], [0.5, 0.5])
    return PiecewiseGaussian.laplace(1.5)


@register
class ScoreError(Experiment):
    """Score errors of known L2 size, early stopping against them, and many dimensions."""

    Settings = ScoreErrorSettings
    name: ClassVar[str]

    def cells(self) -> dict[str, dict[str, Any]]:
        """One cell per target, per sphere, and one for two modes in many dimensions."""
        s = self.settings.model_dump(mode="json")
        line = {key: s[key] for key in ("errors", "step", "delta", "least_delta", "seeds")}
        sphere = {key: s[key] for key in ("errors", "step", "delta", "seeds", "samples")}
        cells = {name: {"target": name, **line} for name in s["targets"]}
        cells |= {f"sphere-{d}": {"sphere": d, **sphere} for d in s["sphere_dims"]}
        return {**cells, "modes": {"dims": s["dims"], "accuracies": s["accuracies"]}}

    def measure(self, spec: Mapping[str, Any], device: str = "cpu") -> list[Row]:
        """Compute a cell."""
        if "target" in spec:
            return [*_sizes(spec), *_stopping(spec)]
        return list(_spheres(spec) if "sphere" in spec else _modes(spec))


def _row(
    target: str,
    part: str,
    shape: str,
    error: float,
    x: float,
    quantity: str,
    value: float,
    seed: int,
) -> Row:
    keys = ("target", "part", "shape", "error", "x", "quantity", "value", "seed")
    return dict(zip(keys, (target, part, shape, error, x, quantity, value, seed), strict=True))


def scaled_error(shape: Shape, law: Law, size: float, power: float = 0.0) -> Shape:
    """Scale a shape to the L2 norm ``size / variance**power`` under the law at every time."""
    x = np.linspace(-_reach(law), _reach(law), 1501)

    def error(y: Array, t: float) -> Array:
        density = np.exp(law.diffused(x, *scale(t))[0]) * (x[1] - x[0])
        return (
            size / scale(t)[1] ** power / math.sqrt(float(density @ shape(x, t) ** 2)) * shape(y, t)
        )

    return error


def make_error(kind: str, rng: np.random.Generator) -> Shape:
    """Build an error of some shape and no particular size."""
    if kind == "smooth":
        w, phase = rng.standard_normal(20), rng.uniform(0, 2 * math.pi, 20)
        weight = rng.standard_normal(20)
        return lambda y, t: np.cos(y[:, None] * w + phase) @ weight
    if kind == "local":
        return lambda y, t: np.exp(-0.5 * np.square(y / 0.3))
    if kind == "wave":
        return lambda y, t: np.cos(y / math.sqrt(scale(t)[1]))
    return lambda y, t: np.ones_like(y)


def chain_of(
    law: Law, times: list[float], error: Shape | None, extra: float = 0.0
) -> Iterator[Any]:
    """Build the backward steps of a law at decreasing times, with a score wrong by ``error``."""

    def score(y: Array, t: float) -> Array:
        exact = law.diffused(y, *scale(t))[1]
        return exact if error is None else exact + error(y, t)

    wrong: Score = score
    for t, s in itertools.pairwise(times):
        yield backward_step("exponential", wrong, t, t - s, extra)


def _reach(law: Law) -> float:
    """Return how far from 0 the chains of a law live: far enough for it and for a Gaussian."""
    return max(9.0, min(abs(law.low), abs(law.high)) * 0.6 + 4.0)


def density_at(law: Law, t: float) -> Callable[[Array], Array]:
    """Return the density of a law after time ``t`` of the forward process."""
    return lambda y: np.exp(law.diffused(y, *scale(t))[0])


def distances(law: Gaussians, other: Gaussians) -> tuple[float, float]:
    """Compute the total variation and W2 of two laws on the line."""
    y = law.grid()
    f, g = law.density(y), other.density(y)
    tv = float(np.maximum(f - g, 0).sum() * (y[1] - y[0]))
    z = other.grid()
    below, above = other.cdf(z)
    here, rest = law.cdf(y)
    # by the smaller of the two probabilities, so that neither tail loses its precision
    left = np.interp(here, below, z)
    right = -np.interp(rest, above[::-1], -z[::-1])
    moved = np.where(here < 0.5, left, right)
    return tv, math.sqrt(float(np.square(y - moved) @ f * (y[1] - y[0])))


def _sizes(spec: Mapping[str, Any]) -> Iterator[Row]:
    """Compare the output with that of the same chain with an exact score."""
    name, law = spec["target"], make_target(spec["target"])
    times = geometric_times(HORIZON, spec["delta"], spec["step"])
    exact = propagate(density_at(law, HORIZON), chain_of(law, times, None), _reach(law))
    for kind in SHAPES:
        for seed in range(spec["seeds"] if kind == "smooth" else 1):
            shape = make_error(kind, generator_for("theory", "score_error", name, seed))
            for size in spec["errors"]:
                if kind == "white":
                    chain = chain_of(law, times, None, size)
                else:
                    chain = chain_of(law, times, scaled_error(shape, law, size))
                made = propagate(density_at(law, HORIZON), chain, _reach(law))
                for quantity, value in zip(("tv", "w2"), distances(made, exact), strict=True):
                    yield _row(name, "size", kind, size, size, quantity, value, seed)


def _stopping(spec: Mapping[str, Any]) -> Iterator[Row]:
    """Stop at every time, with an error that grows as the time falls, and compare with the data."""
    name, law = spec["target"], make_target(spec["target"])
    times = geometric_times(1.0, spec["least_delta"], 2 * spec["step"])
    for size in (0.0, *spec["errors"]):
        error = None
        if size > 0:
            shape = make_error("wave", np.random.default_rng(0))
            error = scaled_error(shape, law, size, 1.0)
        laws = trajectory(density_at(law, 1.0), chain_of(law, times, error), _reach(law))
        for t, made in zip(times[1:], laws, strict=True):
            if t > 0.3:
                continue
            if not isinstance(law, Atoms):  # from which every law with a density is at 1
                tv = total_variation(made, law.log_density)
                yield _row(name, "stopping", "wave", size, t, "tv", tv, 0)
            w2 = wasserstein(made, law)
            yield _row(name, "stopping", "wave", size, t, "w2", w2, 0)


def _spheres(spec: Mapping[str, Any]) -> Iterator[Row]:
    """Compare norms of samples on a sphere, with the noise in common."""
    d = spec["sphere"]
    times = geometric_times(HORIZON, spec["delta"], spec["step"])
    for seed in range(spec["seeds"]):

        def norms(error: float, white: bool, seed: int = seed) -> Array:
            rng = generator_for("theory", "score_error", "sphere", d, seed)
            return spheres.run(d, times, error, white, spec["samples"], rng)

        exact = norms(0.0, False)
        off = math.sqrt(float(np.mean(np.square(exact - 1))))
        yield _row(f"sphere-{d}", "stopping", "none", 0.0, spec["delta"], "w2", off, seed)
        for kind in ("white", "outward"):
            for size in spec["errors"]:
                value = spheres.sorted_distance(norms(size, kind == "white"), exact)
                yield _row(f"sphere-{d}", "size", kind, size, size, "w2", value, seed)


def _modes(spec: Mapping[str, Any]) -> Iterator[Row]:
    """Count the steps that two modes in many dimensions need, and the time that Langevin needs.

    The modes are ``N(+-m e, I / 4)`` with ``m = sqrt(d) / 2``; all other coordinates are
    ``N(0, 1 / 4)``.
    """
    counts = [8, 16, 32, 64, 128, 256, 512]
    across = PiecewiseGaussian.mixture([1.0], [0.0], [0.5])
    other = [_after(across, n) for n in counts]
    for d in spec["dims"]:
        m = 0.5 * math.sqrt(d)
        along = [
            _after(PiecewiseGaussian.mixture([0.5, 0.5], [-m, m], [0.5, 0.5]), n) for n in counts
        ]
        w2 = np.array(
            [math.hypot(a, math.sqrt(d - 1) * o) for a, o in zip(along, other, strict=True)]
        )
        for accuracy in spec["accuracies"]:
            steps = math.nan
            if w2[-1] <= accuracy <= w2[0]:
                falling = np.minimum.accumulate(w2)[::-1]
                steps = math.exp(
                    np.interp(math.log(accuracy), np.log(falling), np.log(counts[::-1]))
                )
            yield _row("two modes", "modes", "none", accuracy, d, "steps", steps, 0)
        yield _row(
            "two modes", "modes", "none", 0.0, d, "log langevin time", langevin_crossing(m), 0
        )


def _after(law: Law, steps: int) -> float:
    times = uniform_times(5.0, steps)
    return wasserstein(
        propagate(density_at(law, 5.0), chain_of(law, times, None), _reach(law)), law
    )


def langevin_crossing(m: float) -> float:
    """Compute the log of the mean time of the Langevin diffusion from one mode to the other."""
    from scipy.special import logsumexp

    law = PiecewiseGaussian.mixture([0.5, 0.5], [-m, m], [0.5, 0.5])
    x = np.linspace(-m - 5, m, 20_001)
    log_p, h = law.log_density(x), x[1] - x[0]
    below = np.logaddexp.accumulate(log_p) + math.log(h)
    inner = x >= -m
    return float(logsumexp((below - log_p)[inner]) + math.log(h))
