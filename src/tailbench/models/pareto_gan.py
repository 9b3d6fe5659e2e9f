"""Generator of Pareto tails, trained by an energy distance."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tailbench.data import DataShape, NetworkCost
from tailbench.models.base import SampleResult
from tailbench.models.diffusion_base import DiffusionEstimator, Piece
from tailbench.models.generator_settings import GeneratorSettings, perceptron_size
from tailbench.models.preprocessing import Stored
from tailbench.models.settings import ModelSettings, Parts, SamplingSettings
from tailbench.registry import register
from tailbench.training.context import SampleContext

if TYPE_CHECKING:
    from torch import Tensor, nn

    from tailbench.margins.base import Name
    from tailbench.rng.streams import Streams
    from tailbench.training.rows import Rows

__all__ = ["ParetoGAN", "ParetoGANSampling", "ParetoGANSettings"]

JUDGED = 1024
"""Least draws that a batch of held-out rows is compared with."""


class ParetoGANSettings(GeneratorSettings):
    """Settings of the training of a Pareto generator."""

    exponent: float = Field(
        1.0,
        gt=0,
        lt=2,
        description="Power of the distances between rows, in logarithms of Pareto margins; the "
        "authors have 1/2, on the data themselves.",
    )

    @property
    def compares_rows(self) -> bool:
        """Whether the loss of a row depends on the other rows of its batch."""
        return True

    def cost(self, data: DataShape) -> NetworkCost:
        """Estimate the size of the generator, and of the distances of a batch."""
        dim, latent = data.dim, self.latent_of(data.dim)
        parameters, kept = perceptron_size(latent, dim, self.width, self.num_blocks)
        parameters += dim * (latent + 1.0)
        pairs = 3.0 * min(self.batch_size, data.rows)
        return NetworkCost(parameters, 2 * parameters + 3 * pairs * dim, kept + 3 * pairs, 2)


class ParetoGANSampling(SamplingSettings):
    """Pareto generator: one pass from latent numbers of a power law to the data."""

    parts: ClassVar[Parts] = {"model": ("pareto_gan",)}

    model: str = Field("pareto_gan", description="The trained generator, by its name under models.")


@register
class ParetoGAN(DiffusionEstimator[ParetoGANSettings, ParetoGANSampling]):
    r"""Generator of Pareto-tailed inputs and outputs trained by an energy distance (Pareto GAN).

    .. math:: y = g_\theta(Z), \quad P(|Z_i| > r) \sim c/r, \qquad
        x_j = m_j \pm s_j \frac{(1 + |y_j|)^{\xi_j} - 1}{\xi_j}, \qquad
        \min_\theta 2 E\|T - U\|^b - E\|T - T'\|^b - E\|U - U'\|^b

    with :math:`T_j = \mathrm{sign}(y_j) \log(1 + |y_j|)` and the data's own ``U``. Inputs and the
    generator's output ``y`` have the tail index one, and the last map, fixed before the training,
    gives each side of a column its estimated tail: :math:`\xi_j`, a light tail or a bound, by
    :class:`tailbench.margins.tail.TailMargins`. There is no critic.

    Ours: the inputs have one radius in common, a Cauchy vector, and not one each; the map is by
    sides and smooth at its centre; and the distance is in logarithms, where it exists for every
    tail index, and not between the data themselves by the power 1/2.

    References:
        Huster et al., Pareto GAN: extending the representational power of GANs to heavy-tailed
        distributions, 2021.
    """

    Settings: ClassVar[type[ModelSettings]] = ParetoGANSettings
    methods: ClassVar[Mapping[str, type[SamplingSettings]]] = {"pareto_gan": ParetoGANSampling}
    tuning = "learning rate, by benchmarks/tuning.py, the same search as for every diffusion"

    def _margins_name(self) -> Name:
        return "tail"

    def _prepare(self, x: NDArray[np.float64]) -> Tensor:
        from tailbench.margins.tail_transform import half_log_erfc

        z = super()._prepare(x).double()
        return (z.sign() * half_log_erfc(z)).float()

    def _prepare_images(self, x: Stored) -> Rows:
        return super(DiffusionEstimator, self)._prepare_images(x)

    def _build(self, positions: Sequence[int], dim: int) -> nn.Module:
        from tailbench.networks.ray_mlp import RayMLP

        settings = self.settings
        return RayMLP(
            self._generators(positions),
            settings.latent_of(dim),
            dim,
            settings.width,
            settings.num_blocks,
        )

    @staticmethod
    def _generate(
        module: nn.Module, gaussian: Callable[[], Tensor], uniform: Callable[..., Tensor]
    ) -> Tensor:
        """Draw rows ``(E, n, d)`` in logarithms of Pareto margins."""
        import torch

        from tailbench.stats.student import mixing_scale

        inputs = gaussian().double()
        radius = torch.from_numpy(mixing_scale(uniform(1).cpu().numpy(), 1.0))
        y = module(radius.to(inputs) * inputs)
        return y.sign() * y.abs().log1p()

    def _loss(self, module: nn.Module, batch: Tensor, streams: Streams) -> Tensor:
        from tailbench.networks.energy_loss import energy_loss

        n, latent = streams.share(batch).shape[1], self.settings.latent_of(batch.shape[2])
        # few held-out rows are compared with more draws, whose chance would choose the best step
        each = 1 if module.training else max(1, math.ceil(JUDGED / batch.shape[1]))
        drawn = self._generate(
            module,
            lambda: streams.randn(n, each, latent).flatten(1, 2),
            lambda *shape: streams.uniform(n, each, *shape).flatten(1, 2),
        )
        return energy_loss(drawn.to(batch.dtype), batch, self.settings.exponent)

    def sample_block(
        self, n: int, settings: ParetoGANSampling, context: SampleContext
    ) -> SampleResult:
        """Draw ``n`` samples for each seed: one pass through the generator.

        Raises:
            FloatingPointError: If a sample is not finite.
        """
        import torch

        from tailbench.margins.tail_transform import inverse_half_log_erfc

        latent = self.settings.latent_of(self.dim)

        def run(piece: Piece) -> Tensor:
            uniform = piece.streams.uniform
            drawn = self._generate(
                piece.module, lambda: torch.special.ndtri(uniform(latent)), uniform
            )
            piece.step()
            return drawn.sign() * inverse_half_log_erfc(drawn.abs())

        return SampleResult(self._batches(self._seed_groups(), run, n, 1, context), 1)
