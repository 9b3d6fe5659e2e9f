"""Denoising Lévy probabilistic model: stochastic (DLPM) and deterministic (DLIM) sampling."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from tailbench.models.base import SampleResult
from tailbench.models.levy_base import LevyEstimator, LevySampling, LevySettings, Steps
from tailbench.models.settings import ModelSettings, Parts, SamplingSettings, fixed
from tailbench.registry import register
from tailbench.training.context import SampleContext

if TYPE_CHECKING:
    from torch import Tensor, nn

    from tailbench.levy.schedules import Schedule
    from tailbench.models.diffusion_base import Piece
    from tailbench.rng.streams import Streams

__all__ = ["DLPM", "DLIMSampling", "DLPMSampling", "DLPMSettings"]

Share = Annotated[float, Field(ge=0, le=1)]


class DLPMSettings(LevySettings):
    """Settings of the training of DLPM."""

    median_of_means: int = Field(
        1,
        ge=1,
        description="Draws of the noise per sample, of whose losses the median counts; 5: DLPM_5.",
    )
    loss: Literal["norm", "squared"] = Field(
        "norm",
        description="Loss of a sample: 'norm', the root mean square of the error over the "
        "coordinates, as DLPM has it, or 'squared', its square, as DDPM has it (alpha 2).",
    )
    noise_schedule: Literal["cosine", "scale_exploding"] = Field(
        "cosine", description="Scale-preserving (cosine) or scale-exploding noise."
    )
    sigma_min: float = Field(
        0.002, gt=0, description="Least scale of the exploding noise, in robust units of the data."
    )
    sigma_max: float = Field(
        80.0, gt=0, description="Largest scale of the exploding noise, in robust units of the data."
    )

    @model_validator(mode="after")
    def _scales_rise(self) -> Self:
        if self.sigma_min >= self.sigma_max:
            raise ValueError(f"sigma_min must be below sigma_max, {self.sigma_max:g}")
        return self


class DLPMSampling(LevySampling):
    """DLPM: Gaussian denoising given a random chain of variances."""

    parts: ClassVar[Parts] = {"model": ("dlpm",)}

    model: str = Field("dlpm", description="The trained DLPM, by its name under models.")


class DLIMSampling(LevySampling):
    """DLIM: deterministic denoising from stable noise, by the network of DLPM."""

    parts: ClassVar[Parts] = {"model": ("dlpm",)}
    sweeps: ClassVar[tuple[str, ...]] = ("sampling_steps", "rho")

    model: str = Field("dlpm", description="The trained DLPM, by its name under models.")
    sampling_steps: Steps | tuple[Steps, ...] = Field(
        25, description="Steps from noise to data; a list is a sweep."
    )
    rho: Share | tuple[Share, ...] = Field(
        0.0,
        description="Share of fresh noise in each step; 0 is deterministic, and at alpha 2 it is "
        "the eta of DDIM. A list is a sweep.",
    )


@register
class DLPM(LevyEstimator[DLPMSettings, DLPMSampling | DLIMSampling]):
    r"""Denoising Lévy probabilistic model: alpha-stable noise in the place of Gaussian noise.

    Noisy data are :math:`\bar\gamma X_0 + \bar\sigma \epsilon`; the network learns
    :math:`\epsilon` by the unsquared error, which has a mean. One network serves DLPM and DLIM at
    any number of steps. Nothing is clamped unless asked for.

    References:
        Shariatian, Simsekli and Durmus, Denoising Lévy probabilistic models, 2025.
    """

    Settings: ClassVar[type[ModelSettings]] = DLPMSettings
    methods: ClassVar[Mapping[str, type[SamplingSettings]]] = {
        "dlpm": DLPMSampling,
        "dlim": DLIMSampling,
    }
    earliest = 1e-3

    @property
    def latest(self) -> float:
        """The last of the authors' hundred noise levels, where the noise preserves the scale."""
        return 0.99 if self.settings.noise_schedule == "cosine" else 1.0

    def _schedule(self) -> Schedule:
        from tailbench.levy.schedules import cosine, exploding

        if self.settings.noise_schedule == "cosine":
            return cosine(self.settings.alpha)
        return exploding(self.settings.sigma_min, self.settings.sigma_max)

    def _loss(self, module: nn.Module, batch: Tensor, streams: Streams) -> Tensor:
        draws = self.settings.median_of_means
        if draws == 1:
            return self._errors(module, *self._noised(batch, streams)).mean(-1)
        return self._median_of_means(module, batch, streams, draws)

    def _median_of_means(
        self, module: nn.Module, batch: Tensor, streams: Streams, draws: int
    ) -> Tensor:
        """Compute the mean of the medians; only the draws that are medians need a gradient."""
        import torch

        seeds, n, dim = batch.shape
        _, _, gbar, sbar = self._noised(batch, streams)
        noise = torch.stack(
            [self._noise(batch, streams) for _ in range(draws)], dim=1
        )  # (E, M, n, d)
        noisy = gbar.unsqueeze(1) * batch.unsqueeze(1) + sbar.unsqueeze(1) * noise
        noise, noisy = noise.float(), noisy.float()
        with torch.no_grad():
            errors = torch.stack(
                [self._errors(module, noisy[:, m], noise[:, m], gbar, sbar) for m in range(draws)],
                dim=1,
            )  # (E, M, n)
            middle = errors.median(dim=1).indices.view(seeds, 1, n, 1).expand(-1, -1, -1, dim)
        noisy, noise = (part.gather(1, middle).squeeze(1) for part in (noisy, noise))
        return self._errors(module, noisy, noise, gbar, sbar).mean(-1)

    def _errors(
        self, module: nn.Module, noisy: Tensor, noise: Tensor, gbar: Tensor, sbar: Tensor
    ) -> Tensor:
        """Compute the loss of every sample, shape ``(E, n)``."""
        square = (module(noisy, gbar, sbar) - noise).square().mean(-1)
        return square if self.settings.loss == "squared" else (square + 1e-12).sqrt()

    def sample_block(
        self, n: int, settings: DLPMSampling | DLIMSampling, context: SampleContext
    ) -> SampleResult:
        """Draw ``n`` samples for each seed, by DLPM or DLIM as the settings say.

        Raises:
            FloatingPointError: If a sample is not finite.
        """
        from tailbench.levy.samplers import dlim, dlpm
        from tailbench.levy.schedules import grid

        steps = fixed(settings.sampling_steps)
        times = grid(self._schedule(), self.settings.alpha, steps, self.latest)

        def run(piece: Piece) -> Tensor:
            streams = piece.streams
            if isinstance(settings, DLPMSampling):
                chain = self._law.variance(streams.uniform, self.dim, steps)
                return dlpm(piece.module, times, chain, streams.randn, piece.step)
            stable, rho = self._stable(streams), fixed(settings.rho)
            return dlim(piece.module, times, stable, rho, piece.step)

        samples = self._batches(self._seed_groups(), run, n, steps, context)
        return SampleResult(samples, steps)
