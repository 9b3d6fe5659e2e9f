"""The headline method: a score model started from a flow instead of a Gaussian."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field, model_validator

from tailbench.data import ImageLayout, as_values
from tailbench.exceptions import InputError
from tailbench.io.checksums import seal, write_record
from tailbench.io.lazy_rows import LazyRows
from tailbench.models.base import Model, SampleResult, load_model, read_spec
from tailbench.models.flow import Flow
from tailbench.models.preprocessing import Stored, as_block, as_images, is_lazy
from tailbench.models.settings import Parts, SamplingSettings, TrainingSettings
from tailbench.models.sgm import SGM, ReverseSettings
from tailbench.models.sigma_selection import TRIALS, choose_level
from tailbench.models.tarflow import TarFlow
from tailbench.registry import register
from tailbench.rng.seeds import generator_for, seed_for

if TYPE_CHECKING:
    from torch import Tensor

    from tailbench.rng.streams import IndexedStreams

__all__ = ["FlowSGM", "FlowSGMSampling"]

Level = Annotated[float, Field(gt=0)]
Prior = Flow | TarFlow


class FlowSGMSampling(ReverseSettings):
    """Flow-initialised score model: the flow's samples, noised to sigma_T, then refined."""

    parts: ClassVar[Parts] = {"flow": ("flow", "tarflow"), "sgm": ("sgm",)}
    sweeps: ClassVar[tuple[str, ...]] = ("sigma_T", "steps", "delta")

    flow: str = Field("flow", description="The trained flow, by its name under models.")
    sgm: str = Field("sgm", description="The trained score model, by its name under models.")
    prior: Literal["noised", "at_noise"] = Field(
        "noised",
        description="The start: 'noised', the flow's samples plus noise of level sigma_T; "
        "'at_noise', a flow trained on data with that noise.",
    )
    sigma_T: Level | tuple[Level, ...] | Literal["auto"] = Field(
        "auto",
        description="Noise level at which the reverse process starts, in robust units of the "
        "data; a list is a sweep; 'auto' takes, for each member, the smallest candidate whose "
        "samples are within one standard error of the least max-sliced W1 to the validation data; "
        "where steps or delta are swept, at the most steps and the least delta.",
    )
    candidates: tuple[Annotated[float, Field(ge=0)], ...] = Field(
        (0.0, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0),
        min_length=1,
        description="Noise levels that 'auto' tries; 0, which is for 'noised' only, leaves the "
        "flow's samples as they are, for data where refining them does not help.",
    )

    def levels(self) -> tuple[float, ...]:
        """List the noise levels that the settings can lead to."""
        if self.sigma_T == "auto":
            return self.candidates
        return self.sigma_T if isinstance(self.sigma_T, tuple) else (self.sigma_T,)

    def derived(self) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        """Give the flows that ``at_noise`` needs: one per noise level."""
        if self.prior == "noised":
            return {}
        return {"flow": [{"noise": level} for level in self.levels()]}

    def chooses(self) -> bool:
        """Tell whether ``sigma_T`` is chosen from training data."""
        return self.sigma_T == "auto"

    @model_validator(mode="after")
    def _falls(self) -> Self:
        deltas = self.delta if isinstance(self.delta, tuple) else (self.delta,)
        levels = [level for level in self.levels() if level > 0]
        if levels and max(deltas) >= min(levels):
            raise ValueError(f"delta must be below every sigma_T, also {min(levels):g}")
        if self.prior == "at_noise" and len(levels) < len(self.levels()):
            raise ValueError("candidates: 0 is for the prior 'noised' only")
        return self

    @model_validator(mode="before")
    @classmethod
    def _default_candidates(cls, values: Any) -> Any:
        """Leave 0 out of the default candidates of ``at_noise``."""
        if isinstance(values, dict) and values.get("prior") == "at_noise":
            default = cls.model_fields["candidates"].default
            return {"candidates": tuple(level for level in default if level > 0), **values}
        return values


@register
class FlowSGM(Model):
    r"""Flow-initialised score model: the flow gives the tails, the score model the structure.

    The start of the reverse process is :math:`x_T = x_{flow} + \sigma_T G` at a moderate
    :math:`\sigma_T`, instead of a Gaussian at a large one. The larger :math:`\sigma_T`, the more
    of the structure the score model makes and the less of the flow's tails is left.

    Args:
        flow: A flow, fitted or not, of splines or, for images, of transformers; by default one of
            splines is made of ``flow_settings``.
        sgm: A score model, fitted or not; by default one is made of ``sgm_settings``.
        flow_settings: Settings of the flow.
        sgm_settings: Settings of the score model.
        device: Where to train and sample.
        sampling: Settings of the sampling, such as ``sigma_T="auto"``.

    References:
        Fassina, Cardoso, Le Corff and Romary, Generalizing score-based generative models for
        heavy-tailed distributions, 2026.
    """

    Settings: ClassVar[type[TrainingSettings]] = TrainingSettings
    methods: ClassVar[dict[str, type[SamplingSettings]]] = {"flow_sgm": FlowSGMSampling}

    def __init__(
        self,
        flow: Prior | Mapping[float, Prior] | None = None,
        sgm: SGM | None = None,
        *,
        flow_settings: Mapping[str, Any] | None = None,
        sgm_settings: Mapping[str, Any] | None = None,
        device: str = "auto",
        **sampling: Any,
    ) -> None:
        super().__init__(device=device)
        self.sampling = FlowSGMSampling(**sampling)
        if isinstance(flow, Mapping):
            self.flows: dict[float, Prior] = dict(flow)
        elif self.sampling.prior == "noised" or (flow is not None and flow.module is not None):
            base = flow or Flow(device=device, **(flow_settings or {}))
            self.flows = {base.settings.noise: base}
        else:
            base = flow or Flow(device=device, **(flow_settings or {}))
            own = dict(base.settings)
            self.flows = {
                level: type(base)(device=device, **{**own, "noise": level})
                for level in self.sampling.levels()
            }
        self.sgm = sgm or SGM(device=device, **(sgm_settings or {}))
        self.curve: list[dict[str, float]] = []
        self.chosen: list[float] = []

    @classmethod
    def assemble(cls, parts: Mapping[str, Sequence[Any]], device: str = "auto") -> Self:
        """Put trained flows and a trained score model together, by role."""
        flows = {flow.settings.noise: flow for flow in parts["flow"]}
        return cls(flows, parts["sgm"][0], device=device)

    @property
    def members(self) -> int:
        """Number of members ``E``."""
        return self.sgm.members

    @property
    def dim(self) -> int:
        """Dimension ``d``."""
        return self.sgm.dim

    def fit(
        self,
        x: ArrayLike | Sequence[LazyRows],
        *,
        seed: int = 0,
        seeds: Sequence[int] | None = None,
        split_seeds: Sequence[int] | None = None,
        members: Sequence[int] | None = None,
        images: ImageLayout | None = None,
        label: str | None = None,
        checkpoint: Any = None,
        quiet: bool = False,
    ) -> Self:
        """Train the parts that are not fitted yet, and choose ``sigma_T`` if it is ``"auto"``."""
        data = as_block(x) if images is None else as_images(x, images)
        self._table = not is_lazy(x) and np.ndim(x) == 2
        seeds = [seed_for("member", seed, e) for e in range(len(data))] if seeds is None else seeds
        split_seeds = seeds if split_seeds is None else split_seeds
        for part in (*self.flows.values(), self.sgm):
            if part.module is None:
                part.fit(
                    x,
                    seeds=seeds,
                    split_seeds=split_seeds,
                    members=members,
                    images=images,
                    label=part.name,
                    quiet=quiet,
                )
        if self.sampling.sigma_T == "auto":
            self.choose(self.validation(data, split_seeds), seeds, self.sampling)
        return self

    def validation(
        self, x: NDArray[np.float64] | Stored, split_seeds: Sequence[int]
    ) -> NDArray[np.float64]:
        """Give the data ``(E, n, d)`` that neither part was trained on.

        Args:
            x: The data of each member, each of shape ``(n, d)``.
            split_seeds: Seed of each member's split into training and validation data.

        Raises:
            InputError: If a part was trained on all the data.
        """
        from tailbench.training.trainer import split

        parts = (*self.flows.values(), self.sgm)
        fraction = min(part.settings.validation_fraction for part in parts)
        held = split(x[0].shape[0], fraction, split_seeds)[1].numpy()
        if held.shape[1] < 2:
            raise InputError(
                "sigma_T: 'auto' needs validation data; validation_fraction is too small"
            )
        return np.stack([as_values(rows[own]) for rows, own in zip(x, held, strict=True)])

    def choose(
        self,
        held: NDArray[np.float64],
        seeds: Sequence[int],
        settings: FlowSGMSampling,
        label: str = "choosing sigma_T",
        quiet: bool = True,
    ) -> list[float]:
        """Choose each member's ``sigma_T`` by the max-sliced W1 to validation data.

        See :func:`tailbench.models.sigma_selection.choose_level`. The curve is kept in ``curve``,
        the choice in ``chosen``.

        Args:
            held: Validation data, shape ``(E, n, d)``.
            seeds: Seed of each member.
            settings: Settings whose ``candidates`` are tried, at the finest of their sweeps.
            label: What is done, for progress.
            quiet: Show no progress.
        """
        own = [seed_for("choose", seed) for seed in seeds]
        drawn = {
            level: self.draw(
                TRIALS * held.shape[1],
                settings.finest().model_copy(update={"sigma_T": level}),
                own,
                label=f"{label}, {level:g}",
                quiet=quiet,
            ).samples.astype(np.float64)
            for level in settings.candidates
        }
        choices = [
            choose_level(
                {level: samples[e] for level, samples in drawn.items()},
                held[e],
                generator_for("choose", seed),
            )
            for e, seed in enumerate(own)
        ]
        self.chosen = [choice.level for choice in choices]
        self.curve = [
            {
                "member": e,
                "sigma_T": level,
                "max_sw1": distance,
                "standard_error": choice.errors[level],
            }
            for e, choice in enumerate(choices)
            for level, distance in choice.distances.items()
        ]
        return self.chosen

    def draw(
        self,
        n: int,
        settings: SamplingSettings,
        seeds: Sequence[int],
        *,
        label: str = "sampling",
        quiet: bool = True,
    ) -> SampleResult:
        """Draw ``n`` samples of every member: the flow's, noised to ``sigma_T``, then refined.

        Raises:
            RuntimeError: If ``sigma_T`` is ``"auto"`` and has not been chosen.
        """
        import torch

        assert isinstance(settings, FlowSGMSampling)
        if settings.sigma_T == "auto":
            if not self.chosen:
                raise RuntimeError("sigma_T has not been chosen; call fit or choose first")
            levels = list(self.chosen)
        else:
            assert isinstance(settings.sigma_T, float)
            levels = [settings.sigma_T] * len(seeds)
        starts = self._starts(n, settings, levels, seeds)
        location, scale = (self.sgm.constants[key] for key in ("location", "scale"))

        def start(members: list[int], rows: slice, streams: IndexedStreams) -> Tensor:
            x = torch.from_numpy(starts[members, rows].astype(np.float64))
            x = ((x - location[members, None]) / scale[members, None]).float().to(streams.device)
            if settings.prior == "at_noise":
                return x
            level = torch.tensor([levels[e] for e in members], device=streams.device)
            return x + level.view(-1, 1, 1) * streams.randn()

        samples, nfe = self.sgm.refine(start, levels, n, settings, seeds, label=label, quiet=quiet)
        for e, level in enumerate(levels):
            if level == 0:
                samples[e] = starts[e]
        refined = nfe if any(levels) else 0
        return SampleResult(samples, refined + 1, {"sigma_T": levels})

    def _starts(
        self, n: int, settings: FlowSGMSampling, levels: list[float], seeds: Sequence[int]
    ) -> NDArray[np.float32]:
        """Draw from the flow, or from each member's flow at its noise level."""
        if settings.prior == "noised":
            return next(iter(self.flows.values())).prior(n, seeds, noisy=False)
        missing = sorted(set(levels) - set(self.flows))
        if missing:
            raise RuntimeError(f"no flow was trained at noise level {missing[0]:g}")
        drawn = {
            level: self.flows[level].prior(n, seeds, noisy=True) for level in sorted(set(levels))
        }
        return np.stack([drawn[level][e] for e, level in enumerate(levels)])

    def _sampling(self, method: str, options: Mapping[str, Any]) -> SamplingSettings:
        """Complete the settings by those given at construction."""
        return super()._sampling(method, {**self.sampling.model_dump(), **options})

    def save(self, path: str | Path) -> None:
        """Write both parts and the choice of ``sigma_T`` into a folder."""
        path = Path(path)
        for level, flow in self.flows.items():
            flow.save(path / f"flow-{level:g}")
        self.sgm.save(path / "sgm")
        spec = {
            "type": self.name,
            "sampling": self.sampling.model_dump(mode="json", exclude={"flow", "sgm"}),
            "flows": sorted(self.flows),
            "chosen": self.chosen,
            "curve": self.curve,
            "table": self._table,
        }
        write_record(path / "spec.json", spec)
        seal(path, ["spec.json"])

    @classmethod
    def load(cls, path: str | Path, device: str = "auto") -> Self:
        """Read a model from a folder that ``save`` has written.

        Raises:
            InputError: If a file is missing or damaged, or the model is of another type.
        """
        path = Path(path)
        spec = read_spec(path, cls.name)
        flows = {level: load_model(path / f"flow-{level:g}", device) for level in spec["flows"]}
        sgm = SGM.load(path / "sgm", device)
        model = cls(flows, sgm, device=device, **spec["sampling"])
        model.chosen, model.curve, model._table = spec["chosen"], spec["curve"], spec["table"]
        return model
