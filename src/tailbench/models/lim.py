"""Lévy-Itô model: a fractional score, sampled by an SDE (LIM) or an ODE (LIM-ODE)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

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

__all__ = ["LIM", "LIMODESampling", "LIMSampling", "LIMSettings"]


class LIMSettings(LevySettings):
    """Settings of the training of LIM."""

    loss: Literal["smooth_l1", "squared"] = Field(
        "smooth_l1",
        description="Loss of a coordinate: 'smooth_l1', as the authors run it, or 'squared', as "
        "their theory asks (alpha 2, since at less it has no mean).",
    )


class LIMSampling(LevySampling):
    """LIM: the reverse equation with stable noise."""

    parts: ClassVar[Parts] = {"model": ("lim",)}

    model: str = Field("lim", description="The trained LIM, by its name under models.")


class LIMODESampling(LevySampling):
    """LIM-ODE: the deterministic reverse equation, by the network of LIM."""

    parts: ClassVar[Parts] = {"model": ("lim",)}

    model: str = Field("lim", description="The trained LIM, by its name under models.")
    sampling_steps: Steps | tuple[Steps, ...] = Field(
        25, description="Steps from noise to data; a list is a sweep."
    )


@register
class LIM(LevyEstimator[LIMSettings, LIMSampling | LIMODESampling]):
    r"""Lévy-Itô model: a continuous time of stable noise and the fractional score.

    The network predicts :math:`-\epsilon/\alpha`, the fractional score times
    :math:`\sigma(t)^{\alpha-1}`. One network serves the SDE and the ODE at any number of steps. At
    alpha 2 noise has variance 2 in training and sampling alike. Nothing is clamped unless asked
    for.

    References:
        Yoon, Park, Kim and Lim, Score-based generative models with Lévy processes, 2023.
    """

    Settings: ClassVar[type[ModelSettings]] = LIMSettings
    methods: ClassVar[Mapping[str, type[SamplingSettings]]] = {
        "lim": LIMSampling,
        "lim_ode": LIMODESampling,
    }
    earliest = 1e-5
    latest: ClassVar[float] = 0.9946

    def _schedule(self) -> Schedule:
        from tailbench.levy.schedules import lim_cosine

        return lim_cosine(self.settings.alpha)

    def _loss(self, module: nn.Module, batch: Tensor, streams: Streams) -> Tensor:
        from torch.nn import functional as F

        noisy, noise, gbar, sbar = self._noised(batch, streams)
        error = (module(noisy, gbar, sbar) - noise) / self.settings.alpha
        if self.settings.loss == "squared":
            return error.square().mean((-2, -1))
        zero = error.new_zeros(()).expand_as(error)
        return F.smooth_l1_loss(error, zero, reduction="none").mean((-2, -1))

    def sample_block(
        self, n: int, settings: LIMSampling | LIMODESampling, context: SampleContext
    ) -> SampleResult:
        """Draw ``n`` samples for each seed, by the SDE or the ODE as the settings say.

        Raises:
            FloatingPointError: If a sample is not finite.
        """
        import torch

        from tailbench.levy.samplers import lim

        steps = fixed(settings.sampling_steps)
        stochastic = isinstance(settings, LIMSampling)
        times = torch.linspace(self.latest, self.earliest, steps + 1, dtype=torch.float64)
        levels = self._schedule()(times)

        def run(piece: Piece) -> Tensor:
            stable = self._stable(piece.streams)
            return lim(piece.module, levels, self.settings.alpha, stable, stochastic, piece.step)

        samples = self._batches(self._seed_groups(), run, n, steps, context)
        return SampleResult(samples, steps)
