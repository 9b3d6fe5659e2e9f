"""Score-based generative model with variance-exploding noise, started from a Gaussian."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field, model_validator

from tailbench.compute.devices import resolve_device
from tailbench.data import ImageLayout
from tailbench.exceptions import InputError
from tailbench.models.base import Data, SampleResult
from tailbench.models.density import Density
from tailbench.models.diffusion_base import DiffusionEstimator, Piece
from tailbench.models.network_settings import RegressionSettings
from tailbench.models.preprocessing import as_block, as_images
from tailbench.models.settings import (
    ModelSettings,
    Parts,
    SamplingSettings,
    fixed,
    swept_values,
)
from tailbench.registry import register
from tailbench.rng.seeds import seed_for
from tailbench.settings import UserPath
from tailbench.training.context import FitContext, SampleContext

if TYPE_CHECKING:
    from torch import Tensor, nn

    from tailbench.rng.streams import IndexedStreams, Streams

__all__ = ["SGM", "ReverseSettings", "SGMSampling", "SGMSettings"]

Sampler = Literal["heun", "dpmpp_2m", "sde", "euler"]
Steps = Annotated[int, Field(ge=1)]
SigmaMin = Annotated[float, Field(gt=0)]
LEVELS = 200  # of the solution of the equation by which densities are computed
DENSITIES = 2**12  # rows whose density is computed at once
EXACT = 20  # columns up to which the divergence is exact


class SGMSettings(RegressionSettings):
    """Settings of the training of a score model."""

    preconditioning: Literal["edm", "tail_aware"] = Field(
        "edm",
        description="What the network corrects: 'edm', the posterior mean of Gaussian data "
        "(Karras et al., 2022), or 'tail_aware', a line that bends to the identity far out.",
    )
    sigma_mean: float = Field(
        0.0, description="Mean of the logarithm of the noise level in training."
    )
    sigma_std: float = Field(
        1.6, gt=0, description="Standard deviation of the logarithm of the noise level in training."
    )
    frozen: UserPath | None = Field(
        None,
        min_length=1,
        description="Folder of a trained score model, as its save writes it, that is used as it "
        "is: nothing is trained, and the other settings of the model are those of the folder.",
    )


class ReverseSettings(SamplingSettings):
    """Settings of the reverse process."""

    test_settings: ClassVar[Mapping[str, Any]] = {"sampling_steps": 6}
    sweeps: ClassVar[tuple[str, ...]] = ("sampling_steps", "sigma_min")

    sampler: Sampler = Field(
        "heun",
        description="'heun', the probability-flow equation by two evaluations per step (Karras et "
        "al., 2022); 'dpmpp_2m', by one evaluation, also of second order (Lu et al., 2022); "
        "'euler', by one, of first order; 'sde', the reverse stochastic equation.",
    )
    churn: float = Field(
        0.0,
        ge=0,
        le=0.41421356,
        description="Share by which 'heun' raises the noise level before each step, at random; 0 "
        "is deterministic.",
    )
    sampling_steps: Steps | tuple[Steps, ...] = Field(
        32, description="Steps from the first noise level to sigma_min; a list is a sweep."
    )
    sigma_min: SigmaMin | tuple[SigmaMin, ...] = Field(
        0.005,
        description="Noise level at which sampling stops, delta in the papers, in robust units of "
        "the data; a list is a sweep.",
    )

    @model_validator(mode="after")
    def _churns(self) -> Self:
        if self.churn and self.sampler != "heun":
            raise ValueError(f"churn is for the sampler 'heun', not for {self.sampler!r}")
        return self

    def finest(self) -> Self:
        """Return the settings with the most steps and the least sigma_min of their sweeps."""
        steps = swept_values(self.sampling_steps)
        lowest = swept_values(self.sigma_min)
        return self.model_copy(update={"sampling_steps": max(steps), "sigma_min": min(lowest)})


class SGMSampling(ReverseSettings):
    """Score model from a Gaussian start, by the reverse SDE or the probability-flow ODE."""

    parts: ClassVar[Parts] = {"model": ("sgm",)}

    model: str = Field("sgm", description="The trained score model, by its name under models.")
    sigma_max: float = Field(
        80.0, gt=0, description="Noise level of the Gaussian start, in robust units of the data."
    )

    @model_validator(mode="after")
    def _falls(self) -> Self:
        lowest = swept_values(self.sigma_min)
        if max(lowest) >= self.sigma_max:
            raise ValueError(f"sigma_min must be below sigma_max, {self.sigma_max:g}")
        return self


@register
class SGM(Density, DiffusionEstimator[SGMSettings, SGMSampling]):
    """Variance-exploding score model: Gaussian start, ODE (Heun) or SDE sampler, early stopping.

    Noise levels are in robust units: the data are centred at the median and divided by the
    scale of the quartiles, coordinate by coordinate.

    References:
        Song et al., Score-based generative modeling through stochastic differential equations,
        2021; Karras et al., Elucidating the design space of diffusion-based generative models,
        2022; Lee, Lu and Tan (early stopping), 2022.
    """

    Settings: ClassVar[type[ModelSettings]] = SGMSettings
    methods: ClassVar[Mapping[str, type[SamplingSettings]]] = {"sgm": SGMSampling}
    tuning = "learning rate, as for every diffusion; noise levels on gmm and student_mixture"
    heavy_tailed = False  # its start is Gaussian; how far its samples reach, it has to learn

    def _fit_block(self, x: Data, context: FitContext, images: ImageLayout | None) -> None:
        if self.settings.frozen is None:
            super()._fit_block(x, context, images)
            return
        rows = as_block(cast(ArrayLike, x)) if images is None else as_images(x, images)
        given = type(self).load(self.settings.frozen)
        self._take(given, rows[0].shape[1], len(context.seeds), images)

    def _take(self, given: Self, dim: int, count: int, images: ImageLayout | None) -> None:
        """Take over a trained model; one of a single seed serves every seed of the block."""
        path, layout = self.settings.frozen, given.images
        if given.dim != dim or (images is None) != (layout is None):
            raise InputError(f"{path} holds a model of {given.dim} columns, not of these data")
        if images is not None and layout is not None and layout.shape != images.shape:
            raise InputError(f"{path} holds a model of images {layout.shape}, not {images.shape}")
        if given.num_seeds not in (1, count):
            raise InputError(f"{path} holds a model of {given.num_seeds} seeds, not of {count}")
        places = [0] * count if given.num_seeds == 1 else list(range(count))
        self.settings = given.settings.model_copy(update={"frozen": path})
        self.constants = {key: value[places] for key, value in given.constants.items()}
        self.info = {**given.info, "seeds": count, "seconds": [0.0] * count}
        self.history = []
        self.module = self._build(range(count), dim)
        state = given._fitted().state_dict()
        self.module.load_state_dict({key: value[places] for key, value in state.items()})

    def _build(self, positions: Sequence[int], dim: int) -> nn.Module:
        from tailbench.diffusion.denoiser import Denoiser
        from tailbench.networks.score_network import make_score_network

        network = make_score_network(self.settings, self._generators(positions), dim, self.images)
        return Denoiser(network, bent=self.settings.preconditioning == "tail_aware")

    def _loss(self, module: nn.Module, batch: Tensor, streams: Streams) -> Tensor:
        own = streams.share(batch) if self.settings.batch_mean else batch
        log_sigma = self.settings.sigma_mean + self.settings.sigma_std * streams.randn(
            own.shape[1], 1
        )
        noise = streams.randn(*own.shape[1:])
        rows = batch if self.settings.batch_mean else None
        return module.loss(  # type: ignore[operator]
            own, log_sigma.exp(), noise, self.settings.damping, rows
        )

    def _log_prob(self, block: NDArray[np.float64]) -> NDArray[np.float64]:
        """Compute the density of what the probability-flow equation makes of its Gaussian start.

        Up to 20 columns the divergence is exact, beyond it is estimated by one vector of random
        signs for each row, always the same.
        """
        import torch

        from tailbench.diffusion.likelihood import ode_log_prob
        from tailbench.diffusion.samplers import noise_levels

        given = self.sampling
        if not isinstance(given, SGMSampling):
            given = SGMSampling.model_validate({})
        levels = noise_levels(given.sigma_max, min(swept_values(given.sigma_min)), LEVELS).flip(0)
        device, out = resolve_device(self.device), np.empty(block.shape[:2])
        for e, begin in np.ndindex(len(block), -(-block.shape[1] // DENSITIES)):
            rows = slice(begin * DENSITIES, (begin + 1) * DENSITIES)
            x = torch.from_numpy(block[[e], rows])
            probe = None
            if x.shape[-1] > EXACT:
                signs = torch.Generator().manual_seed(seed_for("signs", begin))
                probe = torch.randint(0, 2, x.shape, generator=signs).double() * 2.0 - 1.0
                probe = probe.to(device)
            slope = self.margins.log_slope(x, [e])
            z = self.margins.to_model(x, [e]).to(device)
            noise = self._select([e]).double().noise
            found = ode_log_prob(noise, z, levels, probe).cpu() + slope  # type: ignore[arg-type]
            out[e, rows] = found.numpy()[0]
        return out

    def sample_block(self, n: int, settings: SGMSampling, context: SampleContext) -> SampleResult:
        """Draw ``n`` samples for each seed from a Gaussian of scale ``sigma_max``.

        Raises:
            FloatingPointError: If a sample is not finite.
        """
        sigma = settings.sigma_max
        samples, nfe = self.refine(
            lambda positions, rows, streams: sigma * streams.randn(),
            [sigma] * len(context.seeds),
            n,
            settings,
            context,
        )
        return SampleResult(samples, nfe)

    def refine(
        self,
        start: Callable[[list[int], slice, IndexedStreams], Tensor],
        sigma: Sequence[float],
        n: int,
        settings: ReverseSettings,
        context: SampleContext,
    ) -> tuple[NDArray[np.floating], int]:
        """Run the reverse process from a given start.

        Args:
            start: Returns the start in robust units, noise included, of the given positions of the
                block, rows and random streams, shape ``(E, n, d)``.
            sigma: Noise level of each seed's start, in robust units; at 0 there is nothing to
                refine, and the samples of that seed are left at zero.
            n: Number of samples for each seed.
            settings: Sampler, sampling_steps and sigma_min.
            context: Seeds of the draws, label, and whether to show progress.

        Returns:
            Samples ``(E, n, d)`` in units of the data, and network evaluations per sample.

        Raises:
            FloatingPointError: If a sample is not finite.
        """
        from tailbench.diffusion.samplers import evaluations, noise_levels, reverse

        steps, sigma_min = fixed(settings.sampling_steps), fixed(settings.sigma_min)
        parts = [
            [e for e in group if sigma[e] == level]
            for group in self._seed_groups()
            for level in sorted({sigma[e] for e in group})
            if level > 0
        ]

        def run(piece: Piece) -> Tensor:
            return reverse(
                piece.module.noise,
                start(piece.positions, piece.rows, piece.streams),
                noise_levels(sigma[piece.positions[0]], sigma_min, steps),
                settings.sampler,
                piece.streams.randn,
                piece.step,
                settings.churn,
            )

        samples = self._batches(parts, run, n, steps, context)
        return samples, evaluations(settings.sampler, steps)
