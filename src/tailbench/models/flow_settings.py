"""Settings of the flow: its training, and its samples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from tailbench.data import DataShape, NetworkCost
from tailbench.models.settings import Parts, SamplingSettings, TrainingSettings

__all__ = ["FlowSampling", "FlowSettings"]

RADIAL = ("auto", "ttf")  # tails with which columns may share a radius
MIXABLE = ("student", "student_learned", "nig", "none")  # of the base, which linear maps keep


class FlowSettings(TrainingSettings):
    """Settings of the training of a flow."""

    test_settings: ClassVar[Mapping[str, Any]] = {
        **TrainingSettings.test_settings,
        "layers": 1,
        "width": 16,
        "num_blocks": 1,
    }

    batch_size: int = Field(256, ge=1, description="Samples of a batch, of each seed.")
    learning_rate: float = Field(5e-3, gt=0, description="Highest learning rate of AdamW.")
    layers: int = Field(3, ge=1, description="Pairs of coupling layers.")
    bins: int = Field(8, ge=2, description="Bins of each spline.")
    bound: float = Field(5.0, gt=0, description="Splines act on [-bound, bound].")
    width: int = Field(64, ge=1, description="Width of the conditioning networks.")
    num_blocks: int = Field(1, ge=0, description="Residual blocks of the conditioning networks.")
    tails: Literal["auto", "ttf", "ttf_sides", "student", "student_learned", "nig", "none"] = Field(
        "auto",
        description="Tails of each coordinate: 'auto', a tail transform where the data are heavy; "
        "'ttf', a tail transform everywhere; 'ttf_sides', the same with an index for each side; "
        "'student', a Student-t base of the estimated "
        "degrees of freedom where the data are heavy; 'student_learned', a Student-t base "
        "everywhere, whose degrees of freedom are learned with the flow from the estimated ones "
        "on; 'nig', a normal-inverse Gaussian base everywhere, of semi-heavy tails, learned with "
        "the flow; 'none', a Gaussian base alone.",
    )
    radius: Literal["auto", "none"] = Field(
        "auto",
        description="'auto', learn radius and direction apart where all columns are heavy and "
        "extreme together on both sides, so that their extremes stay together; 'none', learn "
        "columns alone. Of the tails 'auto' and 'ttf'.",
    )
    mixing: Literal["none", "linear"] = Field(
        "none",
        description="'linear', a linear layer after each pair of coupling layers, through which no "
        "heavy column of the base reaches a light column. Of the tails 'student', "
        "'student_learned', 'nig' and 'none'.",
    )
    tail_fraction: float = Field(
        0.05,
        gt=0,
        le=0.5,
        description="Fraction of the data that the tail estimators take as tail.",
    )
    tail_threshold: float = Field(
        0.05, ge=0, description="Least extreme value index that counts as heavy."
    )
    noise: float = Field(
        0.0,
        ge=0,
        description="Learn the data with Gaussian noise of this level, in robust units of the "
        "data, as a start of a reverse process needs it.",
    )

    @model_validator(mode="after")
    def _mixes_before_the_tails(self) -> Self:
        if self.mixing == "linear" and self.tails not in MIXABLE:
            raise ValueError(
                f"mixing: linear goes with tails {', '.join(MIXABLE[:-1])} or {MIXABLE[-1]}, not "
                f"{self.tails}: a tail transform makes a wrong index of columns that are mixed "
                "before it"
            )
        return self

    def may_share_radius(self, dim: int) -> bool:
        """Return whether columns of data of a dimension may share a radius."""
        return dim > 1 and self.radius == "auto" and self.tails in RADIAL

    def cost(self, data: DataShape) -> NetworkCost:
        """Estimate the size of the pairs of couplings on data of a shape."""
        width, blocks, spline = float(self.width), float(self.num_blocks), 3.0 * self.bins
        couplings = 2 * float(self.layers)
        inputs = data.dim + (2.0 if self.may_share_radius(data.dim) else 0.0)
        parameters = couplings * (2 * blocks * width**2 + width * (inputs + data.dim * spline / 2))
        if self.mixing == "linear":
            parameters += float(self.layers) * data.dim**2
        kept = couplings * (width * (2 + 4 * blocks) + 40 * data.dim * spline / 2)
        return NetworkCost(parameters, 2 * parameters + 40 * kept, kept, 6 * couplings)


class FlowSampling(SamplingSettings):
    """Flow alone: one pass from the base to the data."""

    parts: ClassVar[Parts] = {"model": ("flow",)}

    model: str = Field(default="flow", description="The trained flow, by its name under models.")
