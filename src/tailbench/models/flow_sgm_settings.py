"""Settings of the flow-initialised score model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from tailbench.models.settings import Parts, swept_values
from tailbench.models.sgm import ReverseSettings

__all__ = ["FlowSGMSampling"]

Level = Annotated[float, Field(gt=0)]


class FlowSGMSampling(ReverseSettings):
    """Flow-initialised score model: the flow's samples, noised to sigma_T, then refined."""

    test_settings: ClassVar[Mapping[str, Any]] = {"sampling_steps": 6, "sigma_T": 1.0}
    parts: ClassVar[Parts] = {"flow": ("flow", "tarflow"), "sgm": ("sgm",)}
    sweeps: ClassVar[tuple[str, ...]] = ("sigma_T", "sampling_steps", "sigma_min")

    flow: str = Field("flow", description="The trained flow, by its name under models.")
    sgm: str = Field("sgm", description="The trained score model, by its name under models.")
    start: Literal["add_noise", "noisy_flow"] = Field(
        "add_noise",
        description="The start: 'add_noise', the flow's samples plus noise of level sigma_T; "
        "'noisy_flow', a flow trained on data with that noise.",
    )
    sigma_T: Level | tuple[Level, ...] | Literal["auto", "dip"] = Field(
        "auto",
        description="Noise level at which the reverse process starts, in robust units of the "
        "data; a list is a sweep; 'auto' takes, for each seed, the candidate whose samples are "
        "nearest to the training data by a tail-weighted distance over many lines; where "
        "sampling_steps or sigma_min are swept, at the most steps and the least sigma_min; 'dip' "
        "takes, for each seed, the least level at which the noised training data have a single "
        "mode on random lines, by the dip test.",
    )
    sigma_T_grid: tuple[Annotated[float, Field(ge=0)], ...] = Field(
        (0.0, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0),
        min_length=1,
        description="Noise levels that 'auto' tries; 0, which is for 'add_noise' only, leaves the "
        "flow's samples as they are, for data where refining them does not help. 'dip' looks "
        "between the least above 0 and the largest of them, for 'noisy_flow' among them.",
    )

    def levels(self) -> tuple[float, ...]:
        """Return the noise levels that the settings can lead to."""
        if isinstance(self.sigma_T, str):
            return self.sigma_T_grid
        return self.sigma_T if isinstance(self.sigma_T, tuple) else (self.sigma_T,)

    def derived(self) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        """Return the flows that ``noisy_flow`` needs: one per noise level."""
        if self.start == "add_noise":
            return {}
        return {"flow": [{"noise": level} for level in self.levels()]}

    @property
    def tuning_runs(self) -> int:
        """Number of noise levels that are sampled to choose ``sigma_T``.

        The search of 'dip' draws no samples, and counts as one.
        """
        if self.sigma_T == "dip":
            return 1
        return len(self.sigma_T_grid) if self.sigma_T == "auto" else 0

    @model_validator(mode="after")
    def _falls(self) -> Self:
        lowest = swept_values(self.sigma_min)
        levels = [level for level in self.levels() if level > 0]
        if levels and max(lowest) >= min(levels):
            raise ValueError(f"sigma_min must be below every sigma_T, also {min(levels):g}")
        if self.start == "noisy_flow" and len(levels) < len(self.levels()):
            raise ValueError("sigma_T_grid: 0 is for the start 'add_noise' only")
        if self.sigma_T == "dip" and not levels:
            raise ValueError("sigma_T_grid: sigma_T 'dip' needs a level above 0")
        return self

    @model_validator(mode="before")
    @classmethod
    def _default_grid(cls, values: Any) -> Any:
        """Leave 0 out of the default grid of ``noisy_flow``."""
        if isinstance(values, dict) and values.get("start") == "noisy_flow":
            default = cls.model_fields["sigma_T_grid"].default
            return {"sigma_T_grid": tuple(level for level in default if level > 0), **values}
        return values
