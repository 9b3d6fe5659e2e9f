"""What the models with Student-t noise share: its degrees of freedom, and its draws."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Generic, Literal, Self, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from tailbench.exceptions import InputError
from tailbench.models.base import Sampling
from tailbench.models.diffusion_base import DiffusionEstimator
from tailbench.models.network_settings import BATCH_MEAN, MARGINS, Margins, RegressionSettings
from tailbench.models.preprocessing import Stored
from tailbench.models.settings import TrainingSettings

if TYPE_CHECKING:
    from torch import Tensor

    from tailbench.training.rows import Rows

__all__ = ["DegreesSettings", "StudentEstimator", "StudentSettings"]


class DegreesSettings(TrainingSettings):
    """The degrees of freedom of a model of Student-t laws, in the units of ``margins``."""

    margins: Margins = Field("none", description=MARGINS)
    nu: Literal["auto", "truth"] | Annotated[float, Field(gt=0)] = Field(
        "auto",
        description="Degrees of freedom of the law at the start, and the tail index of the "
        "samples: 'auto', 1/xi of the heaviest column, a Gaussian if none is heavy; 'truth', the "
        "tail index of the norm, of targets that know it; or a number.",
    )

    @model_validator(mode="after")
    def _truth_is_of_the_data(self) -> Self:
        if self.nu == "truth" and self.margins != "none":
            raise ValueError("nu: 'truth' is for margins: 'none', which leave the data their tails")
        return self

    @property
    def needs_target(self) -> bool:
        """Whether the exact law of the data is needed to complete the settings."""
        return self.nu == "truth"

    def for_target(self, target: Any) -> Self:
        """Return the settings with the tail index of the norm of the target for 'truth'.

        Args:
            target: The law, or ``None`` if it is not known.

        Raises:
            InputError: If the target does not know it, or it is infinite.
        """
        if not self.needs_target:
            return self
        index = None if target is None else target.norm_tail_index()
        if index is None or math.isinf(index):
            raise InputError("nu: 'truth' needs data with a known, finite tail index of the norm")
        return self.model_copy(update={"nu": float(index)})


class StudentSettings(RegressionSettings, DegreesSettings):
    """Settings of the training of a model with Student-t noise."""

    batch_mean: bool = Field(False, description=BATCH_MEAN)


Training = TypeVar("Training", bound=DegreesSettings)


class StudentEstimator(DiffusionEstimator[Training, Sampling], Generic[Training, Sampling]):
    """A model with Student-t noise, one random scale for all coordinates of a sample."""

    def _prepare(self, x: NDArray[np.float64]) -> Tensor:
        import torch

        data = super()._prepare(x)
        found = [self._degrees(rows) for rows in data.double().numpy()]
        self.constants["nu"] = torch.tensor(found, dtype=torch.float64)
        return data

    def _prepare_images(self, x: Stored) -> Rows:
        import torch

        if isinstance(self.settings.nu, str):
            raise InputError(f"nu: {self.settings.nu!r} is for tables, and the data are images")
        rows = super()._prepare_images(x)
        self.constants["nu"] = torch.full((len(x),), self.settings.nu, dtype=torch.float64)
        return rows

    def _degrees(self, z: NDArray[np.float64]) -> float:
        """Return the degrees of freedom of the noise for data ``(n, d)`` in the model's units.

        Raises:
            InputError: If they are to be estimated and cannot be, or a target is to tell them.
        """
        from tailbench.stats.tail_index import estimate_tails

        nu = self.settings.nu
        if nu == "truth":
            raise InputError("nu: 'truth' is for configurations; without one, give the number")
        if nu != "auto":
            return float(nu)
        try:
            tails = estimate_tails(z)
        except InputError as error:
            raise InputError(f"nu: 'auto': {error}") from None
        return min((tail.index for tail in tails if tail.index is not None), default=math.inf)

    def _nu(self, positions: Sequence[int]) -> Tensor:
        """Return the degrees of freedom of some positions, shape ``(E,)``."""
        return self.constants["nu"][list(positions)]

    @staticmethod
    def _noise(
        nu: Tensor, gaussian: Callable[[], Tensor], uniform: Callable[..., Tensor]
    ) -> Tensor:
        """Draw noise ``(E, n, d)`` of scale one and of degrees of freedom ``(E, 1, 1)``."""
        import torch

        from tailbench.stats.student import mixing_scale

        drawn = gaussian().double()
        scale = mixing_scale(uniform(1).cpu().numpy(), nu.cpu().numpy())
        return torch.from_numpy(scale).to(drawn) * drawn
