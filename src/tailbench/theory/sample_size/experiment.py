"""Total variation of a trained score network against the sample size and the dimension."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from tailbench.compute.devices import resolve_device
from tailbench.registry import register
from tailbench.rng.seeds import seed_for
from tailbench.settings import Settings
from tailbench.theory.base import Experiment, Row

if TYPE_CHECKING:
    import torch

__all__ = ["SampleSize", "SampleSizeSettings", "TwoModes"]


class SampleSizeSettings(Settings):
    """Targets, dimensions, sample sizes, and the budget of the training."""

    targets: tuple[Literal["bounded", "growing"], ...] = Field(
        ("bounded", "growing"),
        description="Two modes along one direction, or along every axis at once.",
    )
    dims: tuple[Annotated[int, Field(ge=2, le=4096)], ...] = Field(
        (2, 8, 32, 64), min_length=2, description="Dimensions."
    )
    sizes: tuple[Annotated[int, Field(ge=10)], ...] = Field(
        (250, 500, 1000, 2000, 4000, 8000), min_length=3, description="Training points."
    )
    seeds: int = Field(3, ge=2, description="Seeds of data and training.")
    mode: float = Field(1.5, gt=0, description="Distance of a mode from the middle.")
    width: int = Field(32, ge=1, description="Neurons of the network.")
    steps: int = Field(800, ge=1, description="Steps of training.")
    batch_size: int = Field(256, ge=1, description="Training points of a step.")
    learning_rate: float = Field(0.01, gt=0, description="Learning rate of Adam at the start.")
    penalty: float = Field(
        0.5, ge=0, description="Weight of the path norm, over the root of the sample size."
    )
    horizon: float = Field(3.0, gt=0.5, description="Time T of the forward process.")
    delta: float = Field(0.05, gt=0, lt=0.5, description="Time at which the process stops.")
    points: int = Field(4000, ge=100, description="Points of the Monte Carlo estimate.")


@register
class SampleSize(Experiment):
    """Total variation of trained score networks against sample size, in several dimensions."""

    Settings = SampleSizeSettings
    name: ClassVar[str]
    trains: ClassVar[bool] = True

    def cells(self) -> dict[str, dict[str, Any]]:
        """One cell per target and dimension."""
        s = self.settings.model_dump(mode="json")
        common = {key: value for key, value in s.items() if key not in ("targets", "dims")}
        return {
            f"{target}-{d}": {"target": target, "dim": d, **common}
            for target in s["targets"]
            for d in s["dims"]
        }

    def measure(self, spec: Mapping[str, Any], device: str = "cpu") -> list[Row]:
        """Compute a cell."""
        import torch

        from tailbench.theory.sample_size.relative_score import log_generated, train

        place = str(resolve_device(device))
        d, times = spec["dim"], (spec["delta"], spec["horizon"])
        target = TwoModes(d, spec["mode"], d if spec["target"] == "growing" else 1)
        trainings = [(n, seed) for n in spec["sizes"] for seed in range(spec["seeds"])]
        data = []
        for n, seed in trainings:
            generator = torch.Generator().manual_seed(seed_for("theory", "sample_size", d, n, seed))
            data.append(target.sample(n, 0.0, generator))
        network = train(
            data,
            spec["width"],
            spec["steps"],
            spec["batch_size"],
            spec["learning_rate"],
            spec["penalty"],
            times,
            seed_for("theory", "sample_size", "train", d),
            place,
        )
        generator = torch.Generator().manual_seed(seed_for("theory", "sample_size", "test", d))
        x = target.sample(spec["points"], times[0], generator).to(place)
        log_p = target.log_density(x, times[0])
        exact = log_generated(target.field, x[None], times)[0]
        rows = [_row(spec, 0, -1, "tv, exact score", *_total_variation(log_p, exact))]
        made = log_generated(network.field, x.expand(len(trainings), *x.shape), times)
        for (n, seed), log_q in zip(trainings, made, strict=True):
            rows.append(_row(spec, n, seed, "tv", *_total_variation(log_p, log_q)))
        bound = _girsanov(target, network.field, times, len(trainings), spec["points"], generator)
        for (n, seed), value in zip(trainings, bound, strict=True):
            rows.append(_row(spec, n, seed, "bound", value, 0.0))
        return rows


class TwoModes:
    """Independent coordinates, the first of which have two modes, the others none.

    The law of a coordinate with modes is ``(N(-mode, 1) + N(mode, 1)) / 2``; relative to the
    standard Gaussian its density is ``exp(-mode^2 / 2) cosh(mode x)``, and the noised law has
    ``mode exp(-t)`` in the place of ``mode``.

    Args:
        dim: Dimension.
        mode: Distance of a mode from the middle.
        active: Number of coordinates with two modes.
    """

    def __init__(self, dim: int, mode: float, active: int) -> None:
        self.dim, self.mode, self.active = dim, mode, active

    def sample(self, n: int, t: float, generator: torch.Generator) -> torch.Tensor:
        """Draw ``n`` points of the law at a forward time, shape ``(n, d)``."""
        import torch

        x = torch.randn(n, self.dim, generator=generator, dtype=torch.float64)
        sign = 2.0 * torch.randint(2, (n, self.active), generator=generator) - 1.0
        x[:, : self.active] += self.mode * math.exp(-t) * sign
        return x

    def log_density(self, x: torch.Tensor, t: float) -> torch.Tensor:
        """Log-density of the law at a forward time at ``x`` of shape ``(..., d)``."""
        import torch

        m = self.mode * math.exp(-t)
        z = m * x[..., : self.active].abs()
        log_cosh = z + torch.log1p(torch.exp(-2 * z)) - math.log(2.0)
        gaussian = -0.5 * x.square().sum(-1) - 0.5 * self.dim * math.log(2 * math.pi)
        return gaussian + (log_cosh - 0.5 * m * m).sum(-1)

    def field(self, x: torch.Tensor, t: float) -> tuple[torch.Tensor, torch.Tensor]:
        """Gradient of the log-density relative to the Gaussian, and its divergence."""
        import torch

        m = self.mode * math.exp(-t)
        th = torch.tanh(m * x[..., : self.active])
        gradient = torch.zeros_like(x)
        gradient[..., : self.active] = m * th
        return gradient, (m * m * (1 - th**2)).sum(-1)


def _row(
    spec: Mapping[str, Any], size: int, seed: int, quantity: str, value: float, error: float
) -> Row:
    return {
        "target": spec["target"],
        "dim": spec["dim"],
        "size": size,
        "seed": seed,
        "quantity": quantity,
        "value": value,
        "error": error,
    }


def _total_variation(log_p: torch.Tensor, log_q: torch.Tensor) -> tuple[float, float]:
    """Estimate the mean of ``(1 - q / p)_+`` under ``p``, and its standard error."""
    import torch

    terms = torch.clamp(-torch.expm1(log_q - log_p), min=0.0)
    return float(terms.mean()), float(terms.std()) / math.sqrt(len(terms))


def _girsanov(
    target: TwoModes,
    field: Any,
    times: tuple[float, float],
    trainings: int,
    points: int,
    generator: torch.Generator,
    nodes: int = 16,
) -> list[float]:
    """Bound the total variation of the stochastic sampler by Girsanov's and Pinsker's inequality.

    The divergence of the paths is the integral over time of the squared L2 error of the score;
    the start adds the divergence of the noised law from the Gaussian, which is left out.
    """
    import numpy as np
    import torch

    low, high = times
    node, weight = np.polynomial.legendre.leggauss(nodes)
    total = torch.zeros(trainings, dtype=torch.float64)
    for u, w in zip(node, weight, strict=True):
        t = 0.5 * (high + low) + 0.5 * (high - low) * float(u)
        x = target.sample(max(points // 4, 100), t, generator)
        x = x.expand(trainings, *x.shape)
        error = field(x, t)[0] - target.field(x, t)[0]
        total += 0.5 * (high - low) * float(w) * error.square().sum(-1).mean(-1).cpu()
    return [min(1.0, math.sqrt(0.5 * value)) for value in total.tolist()]
