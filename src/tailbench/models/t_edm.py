"""Diffusion with Student-t noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from tailbench.models.base import SampleResult
from tailbench.models.matching_base import Steps
from tailbench.models.settings import ModelSettings, Parts, SamplingSettings, fixed, swept_values
from tailbench.models.student_diffusion_base import StudentEstimator, StudentSettings
from tailbench.registry import register
from tailbench.training.context import SampleContext

if TYPE_CHECKING:
    from torch import Tensor, nn

    from tailbench.models.diffusion_base import Piece
    from tailbench.rng.streams import Streams

__all__ = ["TEDM", "TEDMSampling", "TEDMSettings"]

SigmaMin = Annotated[float, Field(gt=0)]


class TEDMSettings(StudentSettings):
    """Settings of the training of a denoiser of Student-t noise."""

    learning_rate: float = Field(3e-2, gt=0, description="Highest learning rate.")
    preconditioning: Literal["paper", "tail"] = Field(
        "paper",
        description="What the network corrects: 'paper', the posterior mean of Gaussian data and "
        "noise of the noise's variance, or of its quartiles where nu is at most 2; 'tail', a line "
        "that is right far out for data of the noise's own tail index.",
    )
    sigma_mean: float = Field(
        -1.2, description="Mean of the logarithm of the noise level in training."
    )
    sigma_std: float = Field(
        1.2, gt=0, description="Standard deviation of the logarithm of the noise level in training."
    )


class TEDMSampling(SamplingSettings):
    """Reverse process from a Student-t start, deterministic or stochastic."""

    parts: ClassVar[Parts] = {"model": ("t_edm",)}
    test_settings: ClassVar[Mapping[str, Any]] = {"sampling_steps": 6}
    sweeps: ClassVar[tuple[str, ...]] = ("sampling_steps", "sigma_min")

    model: str = Field("t_edm", description="The trained t-EDM, by its name under models.")
    sampler: Literal["heun", "dpmpp_2m", "euler", "sde"] = Field(
        "heun",
        description="'heun', by two evaluations per step, of second order; 'dpmpp_2m', by one, of "
        "second order; 'euler', by one, of first; 'sde', by one, the stochastic process, with "
        "noise at every step, which is exact for data of one point alone.",
    )
    sampling_steps: Steps | tuple[Steps, ...] = Field(
        18, description="Steps from sigma_max to sigma_min; a list is a sweep."
    )
    sigma_max: float = Field(
        80.0, gt=0, description="Noise level of the start, in robust units of the data."
    )
    sigma_min: SigmaMin | tuple[SigmaMin, ...] = Field(
        0.002,
        description="Noise level at which sampling stops, in robust units of the data; a list is a "
        "sweep.",
    )

    @model_validator(mode="after")
    def _falls(self) -> Self:
        lowest = swept_values(self.sigma_min)
        if max(lowest) >= self.sigma_max:
            raise ValueError(f"sigma_min must be below sigma_max, {self.sigma_max:g}")
        return self


@register
class TEDM(StudentEstimator[TEDMSettings, TEDMSampling]):
    r"""Denoising diffusion with Student-t noise (t-EDM), sampled by its deterministic equation.

    Or by its stochastic one: see :func:`tailbench.diffusion.student_bridge.reverse_student`.

    .. math:: x = y + \sigma T_\nu, \qquad \min_D E \frac{\|D(x, \sigma) - y\|^2}{c_{out}^2},
        \qquad \frac{dx}{d\sigma} = \frac{x - D(x, \sigma)}{\sigma},

    with multivariate Student-t noise, one random scale for all coordinates, and the data in the
    units of ``margins``, of scale one. Samples have the tail index :math:`\nu` of the noise.

    References:
        Pandey et al., Heavy-tailed diffusion models, 2025; Wakatsuki and Shimazaki,
        Self-regulating annealing in heavy-tailed diffusion models, 2026 (``sde``).
    """

    Settings: ClassVar[type[ModelSettings]] = TEDMSettings
    methods: ClassVar[Mapping[str, type[SamplingSettings]]] = {"t_edm": TEDMSampling}

    def _build(self, positions: Sequence[int], dim: int) -> nn.Module:
        from tailbench.diffusion.student import StudentDenoiser
        from tailbench.networks.score_network import make_score_network

        network = make_score_network(self.settings, self._generators(positions), dim, self.images)
        tail = self.settings.preconditioning == "tail"
        return StudentDenoiser(network, self._nu(positions), tail)

    def _loss(self, module: nn.Module, batch: Tensor, streams: Streams) -> Tensor:
        own = streams.share(batch) if self.settings.batch_mean else batch
        n, dim = own.shape[1:]
        log_sigma = self.settings.sigma_mean + self.settings.sigma_std * streams.randn(n, 1)
        noise = self._noise(
            module.nu,  # type: ignore[arg-type]
            lambda: streams.randn(n, dim),
            lambda *shape: streams.uniform(n, *shape),
        )
        sigma = log_sigma.double().exp()
        rows = batch if self.settings.batch_mean else None
        return module.loss(own.double(), sigma, noise, self.settings.damping, rows)  # type: ignore[operator]

    def sample_block(self, n: int, settings: TEDMSampling, context: SampleContext) -> SampleResult:
        """Draw ``n`` samples for each seed, from Student-t noise of scale ``sigma_max``.

        Raises:
            FloatingPointError: If a sample is not finite.
        """
        import torch

        from tailbench.diffusion.samplers import evaluations, noise_levels, reverse
        from tailbench.diffusion.student_bridge import reverse_student

        steps = fixed(settings.sampling_steps)
        levels = noise_levels(settings.sigma_max, fixed(settings.sigma_min), steps)

        def run(piece: Piece) -> Tensor:
            streams, module = piece.streams, piece.module

            def draw(nu: Tensor) -> Tensor:
                return self._noise(nu, lambda: streams.randn(torch.float64), streams.uniform)

            start = settings.sigma_max * draw(module.nu)
            if settings.sampler == "sde":
                own = module.nu + self.dim
                return reverse_student(
                    module.noise, start, levels, module.nu, lambda: draw(own), piece.step
                )
            return reverse(module.noise, start, levels, settings.sampler, progress=piece.step)

        samples = self._batches(self._seed_groups(), run, n, steps, context)
        return SampleResult(samples, evaluations(settings.sampler, steps))
