"""What the models of the Lévy family share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Generic, Self, TypeVar

from pydantic import Field, model_validator

from tailbench.models.base import Sampling
from tailbench.models.diffusion_base import DiffusionEstimator
from tailbench.models.network_settings import NetworkSettings
from tailbench.models.settings import SamplingSettings

if TYPE_CHECKING:
    from torch import Tensor, nn

    from tailbench.levy.noise import StableNoise
    from tailbench.levy.schedules import Schedule
    from tailbench.rng.streams import IndexedStreams, Streams

__all__ = ["LevyEstimator", "LevySampling", "LevySettings", "Steps"]

Steps = Annotated[int, Field(ge=1)]
QUARTILE = 0.6744897501960817


class LevySettings(NetworkSettings):
    """Settings of the training of a model with stable noise."""

    batch_size: int = Field(1024, ge=1, description="Samples of a batch, of each seed.")
    alpha: float = Field(
        1.7, gt=1, le=2, description="Stability of the noise; 2 is Gaussian, of variance 2."
    )
    isotropic: bool = Field(
        True,
        description="One random variance of the noise for all coordinates, or one for each.",
    )
    clip_A: float | None = Field(
        None,
        gt=0,
        description="Largest random variance A of the noise, in training and sampling; null for "
        "no clamp. It takes the tails away; 20 in the authors' runs on images.",
    )
    clamp_eps: float | None = Field(
        None,
        gt=0,
        description="Largest size of a coordinate of the noise, in training and at the start of "
        "sampling; null for no clamp. 200 in the authors' runs on images.",
    )
    loss: str
    width: int = Field(64, ge=1, description="Width of the hidden layers.")
    num_blocks: int = Field(5, ge=0, description="Residual blocks.")

    @model_validator(mode="after")
    def _loss_has_a_mean(self) -> Self:
        if self.loss == "squared" and self.alpha < 2:
            raise ValueError("loss: 'squared' has no mean at alpha below 2")
        return self


class LevySampling(SamplingSettings):
    """Settings that the samplers of the family share."""

    test_settings: ClassVar[Mapping[str, Any]] = {"sampling_steps": 6}
    sweeps: ClassVar[tuple[str, ...]] = ("sampling_steps",)

    sampling_steps: Steps | tuple[Steps, ...] = Field(
        100, description="Steps from noise to data; a list is a sweep."
    )


Training = TypeVar("Training", bound=LevySettings)


class LevyEstimator(DiffusionEstimator[Training, Sampling], Generic[Training, Sampling]):
    """A predictor of stable noise, in robust units of the data."""

    earliest: ClassVar[float]

    @property
    @abstractmethod
    def latest(self) -> float:
        """Time of the most noise; training takes times from ``earliest`` to here."""

    @abstractmethod
    def _schedule(self) -> Schedule:
        """Return the noise schedule."""

    def _build(self, positions: Sequence[int], dim: int) -> nn.Module:
        from tailbench.levy.predictor import NoisePredictor
        from tailbench.networks.score_network import make_score_network
        from tailbench.stats.stable import stable_quantiles

        # stable data whose quartiles are those of the robust units
        scale = QUARTILE / float(stable_quantiles([0.75], self.settings.alpha)[0])
        network = make_score_network(self.settings, self._generators(positions), dim, self.images)
        return NoisePredictor(network, self.settings.alpha, scale)

    def _noised(self, batch: Tensor, streams: Streams) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Draw noisy data, their noise, and the schedule's coefficients at random times."""
        n = batch.shape[1]
        span = self.latest - self.earliest
        gbar, sbar = self._schedule()(self.earliest + span * streams.uniform(n, 1))
        noise = self._noise(batch, streams)
        noisy = gbar * batch + sbar * noise
        return noisy.float(), noise.float(), gbar.float(), sbar.float()

    @property
    def _law(self) -> StableNoise:
        """The law of the noise."""
        from tailbench.levy.noise import StableNoise

        settings = self.settings
        return StableNoise(settings.alpha, settings.isotropic, settings.clip_A, settings.clamp_eps)

    def _noise(self, batch: Tensor, streams: Streams) -> Tensor:
        """Draw noise of the shape of a batch, in double precision."""
        n, dim = batch.shape[1:]
        return self._law.draw(streams.uniform, lambda: streams.randn(n, dim), dim, n)

    def _stable(self, streams: IndexedStreams) -> Callable[[], Tensor]:
        """Return a function that draws noise in sampling, shape ``(E, n, d)``."""
        law = self._law
        return lambda: law.draw(streams.uniform, streams.randn, self.dim)
