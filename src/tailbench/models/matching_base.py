"""What the models share that learn a velocity from a base to the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Generic, Literal, TypeVar

from pydantic import Field

from tailbench.models.base import SampleResult
from tailbench.models.diffusion_base import DiffusionEstimator, Piece
from tailbench.models.network_settings import RegressionSettings
from tailbench.models.settings import SamplingSettings, fixed
from tailbench.training.context import SampleContext

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from tailbench.diffusion.batch_mean import Kernel
    from tailbench.diffusion.velocity import Base
    from tailbench.rng.streams import Streams

__all__ = [
    "MatchingEstimator",
    "MatchingSampling",
    "Steps",
]

Steps = Annotated[int, Field(ge=1)]


class MatchingSampling(SamplingSettings):
    """Settings of the solver of the velocity's equation."""

    test_settings: ClassVar[Mapping[str, Any]] = {"sampling_steps": 6}
    sweeps: ClassVar[tuple[str, ...]] = ("sampling_steps",)

    sampler: Literal["euler", "heun", "midpoint"] = Field(
        "heun",
        description="'euler', by one evaluation per step, of first order; 'heun', by the mean of "
        "the velocities at both ends, or 'midpoint', by that in the middle, of second.",
    )
    sampling_steps: Steps | tuple[Steps, ...] = Field(
        32, description="Steps from the base to the data; a list is a sweep."
    )


Training = TypeVar("Training", bound=RegressionSettings)
Sampling = TypeVar("Sampling", bound=MatchingSampling)


class MatchingEstimator(DiffusionEstimator[Training, Sampling], Generic[Training, Sampling]):
    """A velocity between a base and the data, learned by regression and solved as an ODE."""

    def _base(self, positions: Sequence[int]) -> Base:
        """Return what draws the base of some positions of the block: standard Gaussians."""
        return lambda gaussian, uniform: gaussian()

    def _kernel(self, positions: Sequence[int], dim: int) -> Kernel:
        """Return the log-density of the base of some positions, where it is known."""
        from tailbench.diffusion.batch_mean import gaussian_kernel

        return gaussian_kernel

    def _scale(self, positions: Sequence[int]) -> Tensor | None:
        """Return the scale of the base, one number for each position; ``None`` for one."""
        return None

    def _times(self, settings: Sampling, steps: int) -> torch.Tensor:
        """Return the times of a sampler, from the base's to the data's, both included."""
        import torch

        return torch.linspace(0.0, 1.0, steps + 1, dtype=torch.float64)

    def _build(self, positions: Sequence[int], dim: int) -> nn.Module:
        from tailbench.diffusion.velocity import VelocityField
        from tailbench.networks.score_network import make_score_network

        network = make_score_network(self.settings, self._generators(positions), dim, self.images)
        base, scale = self._base(positions), self._scale(positions)
        return VelocityField(network, base, scale, self._kernel(positions, dim))

    def _drawn(
        self, module: nn.Module, batch: Tensor, streams: Streams
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Draw base, data and times of a batch, in double precision."""
        n, dim = batch.shape[1:]
        base = module.base(  # type: ignore[operator]
            lambda: streams.randn(n, dim), lambda *shape: streams.uniform(n, *shape)
        )
        return base.double(), batch.double(), streams.uniform(n, 1)

    def _weight(self, t: Tensor) -> Tensor | float:
        """Return the weight of the squared error of the velocity at times ``t``."""
        return 1.0

    def _loss(self, module: nn.Module, batch: Tensor, streams: Streams) -> Tensor:
        compares = self.settings.compares_rows
        own = streams.share(batch) if compares else batch
        base, data, t = self._drawn(module, own, streams)
        return module.loss(  # type: ignore[operator]
            base,
            data,
            t,
            self._weight(t),
            self.settings.damping,
            batch if compares else None,
        )

    def sample_block(self, n: int, settings: Sampling, context: SampleContext) -> SampleResult:
        """Draw ``n`` samples for each seed: the end of the way from a draw of the base.

        Raises:
            FloatingPointError: If a sample is not finite.
        """
        import torch

        from tailbench.diffusion.ode import evaluations, integrate

        steps = fixed(settings.sampling_steps)
        times = self._times(settings, steps)

        def run(piece: Piece) -> Tensor:
            streams = piece.streams
            start = piece.module.base(lambda: streams.randn(torch.float64), streams.uniform)
            return integrate(piece.module, start, times, settings.sampler, piece.step)

        samples = self._batches(self._seed_groups(), run, n, steps, context)
        return SampleResult(samples, evaluations(settings.sampler, steps))
