"""Variational autoencoder of Student-t laws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from tailbench.data import DataShape, NetworkCost
from tailbench.models.base import SampleResult
from tailbench.models.diffusion_base import DiffusionEstimator, Piece
from tailbench.models.generator_settings import GeneratorSettings, perceptron_size
from tailbench.models.preprocessing import Stored
from tailbench.models.settings import ModelSettings, Parts, SamplingSettings
from tailbench.models.student_diffusion_base import DegreesSettings, StudentEstimator
from tailbench.registry import register
from tailbench.training.context import SampleContext

if TYPE_CHECKING:
    from torch import Tensor, nn

    from tailbench.rng.streams import Streams
    from tailbench.training.rows import Rows

__all__ = ["T3VAE", "T3VAESampling", "T3VAESettings"]


class T3VAESettings(GeneratorSettings, DegreesSettings):
    """Settings of the training of a Student-t autoencoder."""

    objective: Literal["bound", "power"] = Field(
        "bound",
        description="What is minimised: 'bound', minus the evidence lower bound (ELBO); or "
        "'power', the published power divergence, which exists for nu above 2 alone and is the "
        "bound elsewhere.",
    )
    sigma: Literal["learned"] | Annotated[float, Field(gt=0)] = Field(
        "learned",
        description="Scale of the decoder's noise, in the model's units: 'learned', one for each "
        "column, or a number for all.",
    )

    def cost(self, data: DataShape) -> NetworkCost:
        """Estimate the size of encoder and decoder on data of a shape."""
        dim, latent = data.dim, self.latent_of(data.dim)
        encoder, kept = perceptron_size(2 * dim + 1, 2 * latent, self.width, self.num_blocks)
        decoder, also = perceptron_size(latent, dim, self.width, self.num_blocks)
        lines = 2.0 * dim * latent + 2.0 * dim + latent
        parameters = encoder + decoder + lines
        return NetworkCost(parameters, 2 * parameters, kept + also, 2)


class T3VAESampling(SamplingSettings):
    """Student-t autoencoder: one pass from the prior through the decoder."""

    parts: ClassVar[Parts] = {"model": ("t3vae",)}

    model: str = Field("t3vae", description="The trained autoencoder, by its name under models.")


@register
class T3VAE(StudentEstimator[T3VAESettings, T3VAESampling]):
    r"""Variational autoencoder with Student-t prior, encoder and decoder (t3-VAE).

    .. math:: z \sim t_m(0, I, \nu), \qquad x | z \sim t_n\left(\mu_\theta(z),
        \frac{\nu + \|z\|^2}{\nu + m} \mathrm{diag}(\sigma^2), \nu + m\right), \qquad
        q(z|x) = t_m\left(\mu_\phi(x), \frac{\nu}{\nu + n} \mathrm{diag}(v_\phi(x)), \nu + n\right)

    for ``n`` columns in the units of ``margins`` and ``m`` latent numbers. Samples have the tail
    index :math:`\nu`. The paper trains by a power divergence from encoder to model (``power``),
    with networks that are told ``x`` and ``z`` as they are and a fixed :math:`\sigma`; here the
    default is the evidence lower bound of the same laws, networks are linear along every ray far
    out, and :math:`\sigma` is learned: see :mod:`tailbench.networks.student_vae`.

    References:
        Kim, Kwon, Cho and Park, t3-variational autoencoder: learning heavy-tailed data with
        Student's t and power divergence, 2024; Rybkin, Daniilidis and Levine, Simple and effective
        VAE training with calibrated decoders, 2021 (a learned sigma).
    """

    Settings: ClassVar[type[ModelSettings]] = T3VAESettings
    methods: ClassVar[Mapping[str, type[SamplingSettings]]] = {"t3vae": T3VAESampling}
    tuning = "the objective on cholesky_student_mixture; the learning rate as for every diffusion"

    def _prepare_images(self, x: Stored) -> Rows:
        return super(DiffusionEstimator, self)._prepare_images(x)

    def _build(self, positions: Sequence[int], dim: int) -> nn.Module:
        from tailbench.networks.student_vae import StudentVAE

        settings = self.settings
        return StudentVAE(
            self._generators(positions),
            self._nu(positions),
            dim,
            settings.latent_of(dim),
            settings.width,
            settings.num_blocks,
            None if settings.sigma == "learned" else settings.sigma,
            settings.objective == "power",
        )

    def _loss(self, module: nn.Module, batch: Tensor, streams: Streams) -> Tensor:
        n, dim = batch.shape[1:]
        latent = self.settings.latent_of(dim)
        nu: Tensor = module.nu  # type: ignore[assignment]
        noise = self._noise(
            nu + dim,
            lambda: streams.randn(n, latent),
            lambda *shape: streams.uniform(n, *shape),
        )
        return module.loss(batch.double(), noise)  # type: ignore[operator]

    def sample_block(self, n: int, settings: T3VAESampling, context: SampleContext) -> SampleResult:
        """Draw ``n`` samples for each seed: one pass through the decoder.

        Raises:
            FloatingPointError: If a sample is not finite.
        """
        import torch

        latent = self.settings.latent_of(self.dim)

        def run(piece: Piece) -> Tensor:
            nu, streams = piece.module.nu, piece.streams
            prior = self._noise(
                nu, lambda: torch.special.ndtri(streams.uniform(latent)), streams.uniform
            )
            noise = self._noise(nu + latent, lambda: streams.randn(torch.float64), streams.uniform)
            piece.step()
            return piece.module(prior, noise)

        return SampleResult(self._batches(self._seed_groups(), run, n, 1, context), 1)
