"""Flow matching from a Student-t base that predicts the noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from tailbench.models.matching_base import MatchingEstimator, MatchingSampling, Steps
from tailbench.models.settings import ModelSettings, Parts, SamplingSettings
from tailbench.models.student_diffusion_base import StudentEstimator, StudentSettings
from tailbench.registry import register

if TYPE_CHECKING:
    from torch import Tensor

    from tailbench.diffusion.batch_mean import Kernel
    from tailbench.diffusion.velocity import Base

__all__ = ["TFlow", "TFlowSampling", "TFlowSettings"]


class TFlowSettings(StudentSettings):
    """Settings of the training of t-Flow."""

    learning_rate: float = Field(3e-3, gt=0, description="Highest learning rate.")
    loss: Literal["noise", "velocity"] = Field(
        "noise",
        description="Whose squared error is learned from: 'noise', as published, which is that of "
        "the velocity times t squared and leaves it loose near the base, or 'velocity'.",
    )


class TFlowSampling(MatchingSampling):
    """Student-t base to data by the learned velocity, in steps that shorten towards the data."""

    parts: ClassVar[Parts] = {"model": ("t_flow",)}

    model: str = Field("t_flow", description="The trained t-Flow, by its name under models.")
    sampling_steps: Steps | tuple[Steps, ...] = Field(
        18, description="Steps from the base to the data; a list is a sweep."
    )
    sigma_min: float = Field(
        0.002, gt=0, lt=1, description="Share of the noise, 1 - t, at which sampling stops."
    )


@register
class TFlow(
    StudentEstimator[TFlowSettings, TFlowSampling],
    MatchingEstimator[TFlowSettings, TFlowSampling],
):
    r"""Flow matching from a multivariate Student-t base, trained to predict the noise (t-Flow).

    .. math:: x_t = t y + (1 - t) n, \qquad \min_{\hat n} E \|\hat n(x_t, t) - n\|^2, \qquad
        \frac{dx}{dt} = \frac{x - \hat n}{t}.

    The noise that a velocity predicts is :math:`\hat n = x - t \hat v`, so this is the error of
    the velocity of weight :math:`t^2`. The network corrects the velocity's line, and the division
    by ``t`` is gone: that is our parametrisation, and the paper's network gives :math:`\hat n`.
    By :math:`\sigma = (1 - t)/t` the process is that of ``t_edm``, on another grid.

    References:
        Pandey et al., Heavy-tailed diffusion models, 2025, appendix B.
    """

    Settings: ClassVar[type[ModelSettings]] = TFlowSettings
    methods: ClassVar[Mapping[str, type[SamplingSettings]]] = {"t_flow": TFlowSampling}

    def _base(self, positions: Sequence[int]) -> Base:
        nu = self._nu(positions).view(-1, 1, 1)
        return lambda gaussian, uniform: self._noise(nu, gaussian, uniform)

    def _kernel(self, positions: Sequence[int], dim: int) -> Kernel:
        from tailbench.diffusion.batch_mean import student_kernel

        return student_kernel(self._nu(positions).view(-1, 1, 1), dim)

    def _scale(self, positions: Sequence[int]) -> Tensor:
        import torch

        from tailbench.stats.student import quartile_ratio

        return torch.tensor([quartile_ratio(nu) for nu in self._nu(positions).tolist()])

    def _weight(self, t: Tensor) -> Tensor | float:
        return t.square() if self.settings.loss == "noise" else 1.0

    def _times(self, settings: TFlowSampling, steps: int) -> Tensor:
        from tailbench.diffusion.samplers import noise_levels

        return 1.0 - noise_levels(1.0, settings.sigma_min, steps)
