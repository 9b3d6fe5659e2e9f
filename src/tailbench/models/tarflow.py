"""Autoregressive transformer flow, a prior for images."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from tailbench.compute.devices import resolve_device
from tailbench.data import DataShape, NetworkCost
from tailbench.exceptions import InputError
from tailbench.models.base import SampleResult
from tailbench.models.density import Density
from tailbench.models.diffusion_base import DiffusionEstimator, Piece
from tailbench.models.settings import ModelSettings, Parts, SamplingSettings, TrainingSettings
from tailbench.registry import register
from tailbench.training.context import SampleContext

if TYPE_CHECKING:
    from torch import Tensor, nn

    from tailbench.rng.streams import Streams

__all__ = ["TarFlow", "TarFlowSampling", "TarFlowSettings"]


class TarFlowSettings(TrainingSettings):
    """Settings of the training of a transformer flow."""

    test_settings: ClassVar[Mapping[str, Any]] = {
        **TrainingSettings.test_settings,
        "layers": 1,
        "width": 16,
    }

    batch_size: int = Field(128, ge=1, description="Samples of a batch, of each seed.")
    learning_rate: float = Field(1e-3, gt=0, description="Highest learning rate of AdamW.")
    patch: int = Field(2, ge=1, description="Side of the patches that images are cut into.")
    layers: int = Field(4, ge=1, description="Steps of the flow, in alternating order.")
    depth: int = Field(2, ge=1, description="Transformer layers of a step.")
    width: int = Field(64, ge=1, description="Width of the transformers.")
    heads: int = Field(4, ge=1, description="Heads of the attention; a divisor of the width.")
    noise: float = Field(
        0.1,
        ge=0,
        description="Learn the data with Gaussian noise of this level, in the units of the "
        "model: pixels have few values, and no density without it.",
    )

    def cost(self, data: DataShape) -> NetworkCost:
        """Estimate the size of the transformers on data of a shape."""
        width, dim = float(self.width), data.dim
        patch = self.patch if data.side > 1 else 1
        tokens = max((data.side // patch) ** 2, 1) if data.side > 1 else dim
        size, layers = dim / tokens, self.layers * self.depth
        places = self.layers * (tokens * width + 3 * size * width)
        return NetworkCost(
            layers * 12 * width**2 + places,
            2 * tokens * (layers * 12 * width**2 + 3 * size * width) + 4 * layers * tokens**2,
            tokens * layers * (16 * width + self.heads * tokens),
            layers,
        )

    def evaluations(self, steps: float, points: int, data: DataShape) -> float:
        """Estimate how often the flow is evaluated to draw samples: once per value, at most."""
        return float(data.dim)

    @model_validator(mode="after")
    def _heads_divide(self) -> Self:
        if self.width % self.heads:
            raise ValueError(f"heads: {self.heads} does not divide the width, {self.width}")
        return self


class TarFlowSampling(SamplingSettings):
    """Transformer flow alone: from the base to the data, patch by patch."""

    parts: ClassVar[Parts] = {"model": ("tarflow",)}

    model: str = Field(default="tarflow", description="The trained flow, by its name under models.")
    denoise: bool = Field(
        True, description="Take off the noise of the training by one step along the flow's score."
    )


@register
class TarFlow(Density, DiffusionEstimator[TarFlowSettings, TarFlowSampling]):
    r"""Autoregressive flow of causal transformers over the patches of images.

    The data are learned with noise :math:`\sigma G`, and samples are denoised by Tweedie's formula,

    .. math:: \hat x = x + \sigma^2 \nabla \log p_\sigma(x).

    A table is taken as a sequence of its columns. The base is Gaussian: this is a prior for images,
    and has no heavy tails to offer; :mod:`tailbench.models.flow` has.

    References:
        Zhai et al., Normalizing flows are capable generative models, 2024.
    """

    Settings: ClassVar[type[ModelSettings]] = TarFlowSettings
    methods: ClassVar[Mapping[str, type[SamplingSettings]]] = {"tarflow": TarFlowSampling}
    heavy_tailed = False  # its base is Gaussian; how far its samples reach, it has to learn

    def _shape(self, dim: int) -> tuple[tuple[int, int, int], int]:
        """Return the shape of the images, and the side of a patch.

        Raises:
            InputError: If the patches do not fill the images.
        """
        if self.images is None:
            return (1, dim, 1), 1
        shape, patch = self.images.shape, self.settings.patch
        if shape[1] % patch or shape[2] % patch:
            raise InputError(f"patch: {patch} does not divide images of {shape[1]} by {shape[2]}")
        return shape, patch

    def _build(self, positions: Sequence[int], dim: int) -> nn.Module:
        from tailbench.flows.transformer import TransformerFlow
        from tailbench.networks.stacked import Stacked

        shape, patch = self._shape(dim)
        size = shape[0] * patch**2
        settings = self.settings
        return Stacked(
            self._generators(positions),
            lambda: TransformerFlow(
                dim // size, size, settings.layers, settings.depth, settings.width, settings.heads
            ),
            outputs=[f"steps.{step}.leave.weight" for step in range(settings.layers)],
        )

    def _loss(self, module: nn.Module, batch: Tensor, streams: Streams) -> Tensor:
        noisy = batch + self.settings.noise * streams.randn(*batch.shape[1:])
        return -self._density(module, noisy).mean(-1) / batch.shape[-1]

    def _density(self, module: nn.Module, x: Tensor) -> Tensor:
        """Compute the log-density of noisy data ``(E, n, d)`` in the model's units, ``(E, n)``."""
        import torch

        from tailbench.flows.transformer import to_patches

        shape, patch = self._shape(x.shape[-1])
        found = []
        for e in range(len(x)):
            z, ladj = module[e](to_patches(x[e], shape, patch))  # type: ignore[index]
            found.append(ladj - 0.5 * z.square().sum((1, 2)))
        return torch.stack(found) - 0.5 * x.shape[-1] * math.log(2.0 * math.pi)

    def _log_prob(self, block: NDArray[np.float64]) -> NDArray[np.float64]:
        """Compute the log-density at noisy data ``(E, n, d)``, shape ``(E, n)``."""
        import torch

        device = resolve_device(self.device)
        location, scale = (self.constants[key][:, None].numpy() for key in ("location", "scale"))
        scaled = torch.from_numpy((block - location) / scale).to(device)
        # far out, single precision has no squares, and then no numbers
        module = self._select(range(self.num_seeds)).double()
        with torch.no_grad():
            values = self._density(module, scaled).cpu().numpy()
        near = np.isfinite(np.square((block - location) / scale)).all(-1)
        return np.where(near, values, -np.inf) - np.log(scale).sum(-1)

    def sample_block(
        self, n: int, settings: TarFlowSampling, context: SampleContext
    ) -> SampleResult:
        """Draw ``n`` samples for each seed, one pass through the flow per patch.

        Raises:
            FloatingPointError: If a sample is not finite.
        """
        import torch

        from tailbench.flows.transformer import from_patches, to_patches

        shape, patch = self._shape(self.dim)
        sigma = self.settings.noise

        def run(piece: Piece) -> Tensor:
            module, base = piece.module, piece.streams.randn()
            x = torch.stack(
                [
                    from_patches(
                        module[e].inverse(to_patches(base[e], shape, patch)),
                        shape,
                        patch,
                    )
                    for e in range(len(piece.positions))
                ]
            )
            if settings.denoise and sigma:
                with torch.enable_grad():
                    x.requires_grad_(True)
                    (score,) = torch.autograd.grad(self._density(module, x).sum(), x)
                x = x.detach() + sigma**2 * score
            piece.step()
            return x

        samples = self._batches(self._seed_groups(), run, n, 1, context)
        return SampleResult(samples, 2 if settings.denoise and sigma else 1)

    def prior(self, n: int, context: SampleContext, noisy: bool) -> NDArray[np.floating]:
        """Draw the start of a reverse process, with the noise of the training or without."""
        settings = TarFlowSampling(denoise=not noisy)
        own = SampleContext(context.seeds, batch=context.batch)
        return self.sample_block(n, settings, own).samples
