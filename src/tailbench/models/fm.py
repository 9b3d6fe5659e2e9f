"""Flow matching from a Gaussian base, or from the data's own margins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tailbench.exceptions import InputError
from tailbench.models.matching_base import MatchingEstimator, MatchingSampling
from tailbench.models.network_settings import RegressionSettings
from tailbench.models.preprocessing import Stored, robust_units
from tailbench.models.settings import ModelSettings, Parts, SamplingSettings
from tailbench.registry import register

if TYPE_CHECKING:
    from torch import Tensor, nn

    from tailbench.diffusion.velocity import Base
    from tailbench.rng.streams import Streams
    from tailbench.training.rows import Rows

__all__ = ["FM", "FMSampling", "FMSettings"]

PREFIX = "base_"


class FMSettings(RegressionSettings):
    """Settings of the training of flow matching."""

    base: Literal["gaussian", "margins"] = Field(
        "gaussian",
        description="Where the way begins: 'gaussian', standard normals, or 'margins', independent "
        "columns that are drawn from the tail map of the data and so have their tails.",
    )
    coupling: Literal["independent", "ot"] = Field(
        "independent",
        description="Pairs of base and data in a batch: drawn apart, or 'ot', those of least "
        "squared distance (Tong et al., 2024).",
    )

    @property
    def compares_rows(self) -> bool:
        """Whether the base has a density in closed form, and is drawn apart from the data."""
        return self.batch_mean and self.base == "gaussian" and self.coupling == "independent"


class FMSampling(MatchingSampling):
    """Flow matching: the equation of the learned velocity, from base to data."""

    parts: ClassVar[Parts] = {"model": ("fm",)}

    model: str = Field("fm", description="The trained flow matching, by its name under models.")


@register
class FM(MatchingEstimator[FMSettings, FMSampling]):
    r"""Flow matching: a velocity learned on straight lines from a base to the data.

    .. math:: x_t = (1 - t) x_0 + t y, \qquad
        \min_v E \|v(x_t, t) - (y - x_0)\|^2, \qquad t \sim U(0, 1),

    with the base :math:`x_0` and the data :math:`y` in the units of ``margins``; samples solve
    :math:`dx/dt = v(x, t)` from :math:`t = 0` to 1. The base ``margins`` has independent columns,
    each of the law that :class:`tailbench.margins.tail.TailMargins`, fitted to the data before
    training, makes of standard Gaussians.

    References:
        Lipman et al., Flow matching for generative modeling, 2023; Tong et al., Improving and
        generalizing flow-based generative models with minibatch optimal transport, 2024 (``ot``);
        Chemseddine et al., Adapting noise to data, 2026 (a base with learned margins).
    """

    Settings: ClassVar[type[ModelSettings]] = FMSettings
    methods: ClassVar[Mapping[str, type[SamplingSettings]]] = {"fm": FMSampling}
    heavy_tailed = False  # its base is Gaussian by default

    def _prepare(self, x: NDArray[np.float64]) -> Tensor:
        from tailbench.margins.tail import TailMargins

        data = super()._prepare(x)
        if self.settings.base == "margins":
            # of the data as they are, whose zero may be a bound
            fitted = TailMargins.fit(x, *robust_units(x)).constants
            self.constants |= {PREFIX + key: value for key, value in fitted.items()}
        return data

    def _prepare_images(self, x: Stored) -> Rows:
        if self.settings.base == "margins":
            raise InputError("base: 'margins' is for tables, and the data are images")
        return super()._prepare_images(x)

    def _base(self, positions: Sequence[int]) -> Base:
        from tailbench.margins.tail import TailMargins

        if self.settings.base == "gaussian":
            return super()._base(positions)
        own = TailMargins({key: self.constants[PREFIX + key] for key in TailMargins.needed})
        chosen, units = list(positions), self.margins
        return lambda gaussian, uniform: units.to_model(own.to_data(gaussian(), chosen), chosen)

    def _drawn(
        self, module: nn.Module, batch: Tensor, streams: Streams
    ) -> tuple[Tensor, Tensor, Tensor]:
        import torch

        from tailbench.stats.pairing import optimal_pairs

        base, data, t = super()._drawn(module, batch, streams)
        if self.settings.coupling == "ot":
            near = [
                rows[torch.from_numpy(optimal_pairs(x.numpy(), rows.cpu().numpy()))]
                for x, rows in zip(base.cpu(), data, strict=True)
            ]
            data = torch.stack(near)
        return base, data, t
