"""Where a reverse process should start on heavy-tailed data, and what each error adds."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tailbench.registry import register
from tailbench.rng.seeds import generator_for
from tailbench.settings import Settings
from tailbench.theory.base import Experiment, Row
from tailbench.theory.heavy_tails.reverse_ve import POINTS, levels, run, total_variation
from tailbench.theory.heavy_tails.scale_mixtures import ScaleMixture, wide_grid
from tailbench.theory.heavy_tails.spline_flow import SplineFlow

__all__ = ["HeavyTails", "HeavyTailsSettings"]

Array = NDArray[np.float64]
Positive = Annotated[float, Field(gt=0)]
LIGHTEST = math.log(1e-300)
SMALLEST = 0.002  # the last noise level before 0 where the process is not stopped early


class HeavyTailsSettings(Settings):
    """Laws, noise levels, capacities, and the sizes of the errors."""

    nus: tuple[Positive, ...] = Field(
        (1.0, 1.5, 2.0, 2.5, 3.0, 5.0, 10.0), description="Degrees of freedom of Student's t."
    )
    alphas: tuple[Annotated[float, Field(gt=0.5, lt=1.95)], ...] = Field(
        (1.3, 1.7), description="Stabilities of the symmetric stable laws."
    )
    sigmas: tuple[Positive, ...] = Field(
        (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0),
        min_length=3,
        description="Noise levels sigma_T at which the start is compared, of laws of scale 1.",
    )
    bins: tuple[Annotated[int, Field(ge=1, le=4096)], ...] = Field(
        (4, 8, 16, 32, 64, 128), min_length=3, description="Bins of the spline flow on each side."
    )
    sigma_T: Positive = Field(4.0, description="Noise level at which the sampled process starts.")
    start_bins: int = Field(16, ge=1, description="Bins of the flow that it starts at.")
    steps: int = Field(32, ge=8, description="Steps of the sampled process.")
    fine_steps: int = Field(192, ge=16, description="Steps that count as free of discretisation.")
    delta: Positive = Field(0.05, description="Noise level at which the sampled process stops.")
    deltas: tuple[Positive, ...] = Field(
        (0.02, 0.05, 0.1, 0.2, 0.5, 1.0),
        min_length=3,
        description="Noise levels at which it stops where these are compared, above 0.002.",
    )
    score_error: Positive = Field(
        0.1, description="L2 size of the error of the score, times the noise level."
    )
    dims: tuple[Annotated[int, Field(ge=2, le=1000)], ...] = Field(
        (2, 8, 32), description="Dimensions of the laws that are compared by Monte Carlo."
    )
    dim_nu: float = Field(3.0, gt=2, description="Degrees of freedom in these dimensions.")
    samples: int = Field(20_000, ge=100, description="Monte Carlo samples of a seed.")
    seeds: int = Field(5, ge=2, description="Seeds of the Monte Carlo samples.")


@register
class HeavyTails(Experiment):
    """Start, discretisation, score and early stopping on Student-t and stable laws."""

    Settings = HeavyTailsSettings
    name: ClassVar[str]

    def cells(self) -> dict[str, dict[str, Any]]:
        """One cell per law, and one per dimension of the Monte Carlo comparison."""
        s = self.settings.model_dump(mode="json")
        apart = ("nus", "alphas", "dims", "dim_nu", "samples", "seeds")
        common = {key: value for key, value in s.items() if key not in apart}
        laws = {f"student-{nu:g}": ("student", nu) for nu in s["nus"]}
        laws |= {f"stable-{alpha:g}": ("stable", alpha) for alpha in s["alphas"]}
        cells = {name: {"law": law, "index": i, **common} for name, (law, i) in laws.items()}
        for d in s["dims"]:
            keep = {key: s[key] for key in ("sigmas", "dim_nu", "samples", "seeds")}
            cells[f"dim-{d}"] = {"dim": d, **keep}
        return cells

    def measure(self, spec: Mapping[str, Any], device: str = "cpu") -> list[Row]:
        """Compute a cell."""
        if "dim" in spec:
            return list(_monte_carlo(spec))
        make = ScaleMixture.student if spec["law"] == "student" else ScaleMixture.stable
        law = make(spec["index"])
        name = f"{spec['law']}-{spec['index']:g}"
        parts = (_start, _truncated, _capacity, _split, _stopping)
        return [
            {"law": name, "index": spec["index"], "dim": 1, **row, "seed": -1}
            for part in parts
            for row in part(law, spec)
        ]


def _row(part: str, method: str, x: float, quantity: str, value: float) -> Row:
    return {"part": part, "method": method, "x": x, "quantity": quantity, "value": value}


def _normal(std: float, dim: int = 1) -> Callable[[Array], Array]:
    constant = dim * (math.log(std) + 0.5 * math.log(2 * math.pi))
    return lambda r: -0.5 * np.square(r / std) - constant


def _divergence(law: ScaleMixture, log_q: Callable[[Array], Array], far: float = 1e6) -> float:
    """Integrate ``p log(p / q) - p + q`` over the ball of radius ``far``, in any dimension."""
    r = np.sinh(np.linspace(0, math.asinh(far), 4001))
    weights = np.cosh(np.arcsinh(r)) * math.asinh(far) / 4000
    weights[[0, -1]] *= 0.5
    sphere = math.log(2) + 0.5 * law.dim * math.log(math.pi) - math.lgamma(0.5 * law.dim)
    area = np.exp(np.minimum(sphere + (law.dim - 1) * np.log(np.maximum(r, 1e-300)), 600.0))
    log_p, log_q_r = law.log_density(r), log_q(r)
    terms = np.exp(log_p) * (log_p - log_q_r - 1) + np.exp(log_q_r)
    return float((weights * area) @ terms)


def _start(law: ScaleMixture, spec: Mapping[str, Any]) -> Iterator[Row]:
    """Compare the law at each noise level with a Gaussian and with flows."""
    for sigma in spec["sigmas"]:
        there = law.noised(sigma)
        finite = math.isfinite(there.variance())
        stds = {"gaussian": sigma, "matched gaussian": math.sqrt(there.variance())}
        for method, std in stds.items():
            value = _divergence(there, _normal(std)) if finite else math.inf
            yield _row("start", method, sigma, "kl", value)
        for method, xi in (("flow", 1 / law.tail_index), ("light flow", None)):
            value = SplineFlow(there, spec["start_bins"], xi).distances()[0]
            yield _row("start", method, sigma, "kl", value)


def _truncated(law: ScaleMixture, spec: Mapping[str, Any]) -> Iterator[Row]:
    """Show how the divergence from a Gaussian grows without end where there is no variance."""
    there, sigma = law.noised(spec["sigma_T"]), spec["sigma_T"]
    for far in (1e2, 1e3, 1e4, 1e5):
        value = _divergence(there, _normal(sigma), far)
        yield _row("truncated", "gaussian", far, "kl", value)


def _capacity(law: ScaleMixture, spec: Mapping[str, Any]) -> Iterator[Row]:
    """Compare the law itself with flows of growing capacity, whose tails are right or wrong."""
    xi = 1 / law.tail_index
    kinds = {"right": xi, "heavier": 2 * xi, "lighter": xi / 2, "gaussian": None}
    for method, index in kinds.items():
        for bins in spec["bins"]:
            values = SplineFlow(law, bins, index).distances()
            for quantity, value in zip(("kl", "tv"), values, strict=True):
                yield _row("capacity", method, bins, quantity, value)


def _score(law: ScaleMixture, error: float) -> Callable[[Array, float], tuple[Array, Array]]:
    """Return the exact score plus a wave of L2 size ``error / sigma`` and a length of its scale."""

    def score(y: Array, sigma: float) -> tuple[Array, Array]:
        value, slope = law.noised(sigma).score(y)
        if error == 0:
            return value, slope
        w, size = 2 / math.sqrt(1 + sigma * sigma), math.sqrt(2) * error / sigma
        return value + size * np.cos(w * y), slope - size * w * np.sin(w * y)

    return score


def _split(law: ScaleMixture, spec: Mapping[str, Any]) -> Iterator[Row]:
    """Switch all errors but one off, then all on, and compare with the data."""
    y, _ = wide_grid(POINTS)
    high, low, error = spec["sigma_T"], spec["delta"], spec["score_error"]
    stopped = law.noised(low).log_density(y)
    there = law.noised(high)
    starts = {
        "exact": there.log_density,
        "gaussian": lambda x: np.maximum(_normal(high)(x), LIGHTEST),
        "flow": SplineFlow(there, spec["start_bins"], 1 / law.tail_index).log_density,
    }
    coarse, fine = (levels(high, low, spec[key]) for key in ("steps", "fine_steps"))
    best = run(starts["exact"], _score(law, 0.0), fine)
    runs = {
        "initialisation, gaussian": ("gaussian", 0.0, fine, best),
        "initialisation, flow": ("flow", 0.0, fine, best),
        "discretisation": ("exact", 0.0, coarse, stopped),
        "score": ("exact", error, fine, best),
    }
    yield _row("split", "left in fine steps", high, "tv", total_variation(best, stopped))
    for method, (start, wrong, noise, against) in runs.items():
        value = total_variation(run(starts[start], _score(law, wrong), noise), against)
        yield _row("split", method, high, "tv", value)
    exact = law.log_density(y)
    yield _row("split", "early stopping", high, "tv", total_variation(stopped, exact))
    for start in ("gaussian", "flow"):
        value = total_variation(run(starts[start], _score(law, error), coarse), exact)
        yield _row("split", f"all, {start}", high, "tv", value)


def _stopping(law: ScaleMixture, spec: Mapping[str, Any]) -> Iterator[Row]:
    """Stop at several levels, or not at all, with an exact and with a wrong score."""
    y, _ = wide_grid(POINTS)
    exact, high = law.log_density(y), spec["sigma_T"]
    start = law.noised(high).log_density
    for delta in spec["deltas"]:
        stopped = law.noised(delta).log_density(y)
        yield _row("stopping", "exact score", delta, "tv", total_variation(stopped, exact))
    for delta in (0.0, *spec["deltas"]):
        noise = levels(high, max(delta, SMALLEST), 2 * spec["steps"]) + [0.0] * (delta == 0)
        made = run(start, _score(law, spec["score_error"]), noise)
        yield _row("stopping", "wrong score", delta, "tv", total_variation(made, exact))


def _monte_carlo(spec: Mapping[str, Any]) -> Iterator[Row]:
    """Estimate the divergence of a Student-t vector with noise from two starts, by samples."""
    d, nu = spec["dim"], spec["dim_nu"]
    law = ScaleMixture.student(nu, d)
    for sigma in spec["sigmas"]:
        there = law.noised(sigma)
        shape = math.sqrt(1 + sigma * sigma)

        def student(r: Array, shape: float = shape) -> Array:
            return law.log_density(r / shape) - d * math.log(shape)

        starts = {"gaussian": _normal(sigma, d), "student base": student}
        rows = [(method, _divergence(there, log_q), -1) for method, log_q in starts.items()]
        for seed in range(spec["seeds"]):
            r = there.sample(spec["samples"], generator_for("theory", "heavy_tails", d, seed))
            log_p = there.log_density(r)
            rows += [(m, float(np.mean(log_p - q(r))), seed) for m, q in starts.items()]
        for method, value, seed in rows:
            row = _row("dimension", method, sigma, "kl", value)
            yield {"law": f"student-{nu:g}", "index": nu, "dim": d, **row, "seed": seed}
