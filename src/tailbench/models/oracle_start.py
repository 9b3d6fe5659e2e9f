"""A trained score model from the start that a perfect prior would give it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from pydantic import Field, model_validator

from tailbench.data import ImageLayout
from tailbench.models.base import Data, Model, SampleResult
from tailbench.models.held_out import held_out_block, noised_start
from tailbench.models.parts import check_part, template
from tailbench.models.persistence import read_model, write_model
from tailbench.models.settings import Parts, SamplingSettings, TrainingSettings, fixed, swept_values
from tailbench.models.sgm import SGM, ReverseSettings
from tailbench.registry import register
from tailbench.rng.seeds import RandomState
from tailbench.training.context import FitContext, SampleContext

if TYPE_CHECKING:
    import torch

__all__ = ["OracleStart", "OracleStartSampling"]

Level = Annotated[float, Field(gt=0)]


class OracleStartSampling(ReverseSettings):
    """The trained score model, started from held-out data plus noise of level sigma_T."""

    test_settings: ClassVar[Mapping[str, Any]] = {"sampling_steps": 6, "sigma_T": 1.0}
    parts: ClassVar[Parts] = {"model": ("sgm",)}
    sweeps: ClassVar[tuple[str, ...]] = ("sigma_T", "sampling_steps", "sigma_min")

    model: str = Field("sgm", description="The trained score model, by its name under models.")
    sigma_T: Level | tuple[Level, ...] = Field(
        2.0,
        description="Noise level of the start, in robust units of the data; a list is a sweep.",
    )

    @model_validator(mode="after")
    def _falls(self) -> Self:
        levels = self.sigma_T if isinstance(self.sigma_T, tuple) else (self.sigma_T,)
        lowest = swept_values(self.sigma_min)
        if max(lowest) >= min(levels):
            raise ValueError(f"sigma_min must be below every sigma_T, also {min(levels):g}")
        return self

    @property
    def needs(self) -> frozenset[str]:
        """The data of the floor, which are the start."""
        return frozenset({"floor"})


@register
class OracleStart(Model[OracleStartSampling]):
    r"""A trained score model, started from held-out data plus noise at :math:`\sigma_T`.

    The start has the exact law of noised data, as a perfect prior of ``FlowSGM`` would have it.
    What a method with the same score model and :math:`\sigma_T` does worse is due to its start.

    In a benchmark the held-out data are those of the floor, of which each row is used once (more
    samples than rows need some of them twice, drawn with replacement). So the distance of these
    samples to the test data and the floor are not independent: both move with the same rows. At a
    small :math:`\sigma_T` the samples are near the rows themselves, and the distance near the
    floor, whatever the score model.

    Args:
        model: A score model, the template of what ``fit`` trains; by default one is built from
            ``model_settings``.
        model_settings: Settings of the score model.
        held_out: The start, shape ``(m, d)`` or ``(E, m, d)``: rows that the model has not seen.
        prefit: Whether ``model`` has been fitted and is to be used as it is.
        device: Where to train and sample.
        random_state: Seed of ``fit`` and ``sample`` where they are given none; see ``Model``.
        verbose: Show progress.
        sampling: Settings of the sampling, such as ``sigma_T=1.0``.

    Raises:
        pydantic.ValidationError: If a setting is unknown or out of its range.
    """

    Settings: ClassVar[type[TrainingSettings]] = TrainingSettings
    methods: ClassVar[Mapping[str, type[SamplingSettings]]] = {"oracle_start": OracleStartSampling}
    sampling: OracleStartSampling

    def __init__(
        self,
        model: SGM | None = None,
        *,
        model_settings: Mapping[str, Any] | None = None,
        held_out: ArrayLike | Sequence[Any] | None = None,
        prefit: bool = False,
        device: str | torch.device | None = "auto",
        random_state: RandomState = None,
        verbose: bool = True,
        **sampling: Any,
    ) -> None:
        super().__init__(device=device, random_state=random_state, verbose=verbose)
        self.sampling = OracleStartSampling(**sampling)
        if model is None:
            model = SGM(device=device, **(model_settings or {}))
        check_part("model", model, SGM)
        self.sgm = model if prefit else template(model)
        self.held_out, self.prefit = held_out, prefit
        if prefit:
            self._take_form(self.sgm)

    @classmethod
    def assemble(cls, parts: Mapping[str, Sequence[Any]], device: str = "auto") -> Self:
        """Build the model from a trained score model."""
        return cls(parts["model"][0], prefit=True, device=device)

    def supply(self, given: Mapping[str, Any]) -> None:
        """Take the held-out data."""
        self.held_out = given["floor"]

    @property
    def num_seeds(self) -> int:
        """Number of seeds ``E`` of the block."""
        return self.sgm.num_seeds

    @property
    def dim(self) -> int:
        """Dimension ``d``."""
        return self.sgm.dim

    def _fit_block(self, x: Data, context: FitContext, images: ImageLayout | None) -> None:
        """Train the score model, unless it is prefit.

        Raises:
            RuntimeError: If it is prefit and has not been fitted.
        """
        if self.prefit:
            self.sgm.num_seeds  # noqa: B018 (raises where it has not been fitted)
        else:
            self.sgm.fit_block(x, context, images)

    def _batch(self) -> int | None:
        return self.sgm._batch()

    def sample_block(
        self, n: int, settings: OracleStartSampling, context: SampleContext
    ) -> SampleResult:
        """Draw ``n`` samples for each seed, from as many held-out rows with noise.

        Raises:
            RuntimeError: If there are no held-out data.
            FloatingPointError: If a sample is not finite.
        """
        seeds, level, count = context.seeds, fixed(settings.sigma_T), self.sgm.num_seeds
        if self.held_out is None:
            raise RuntimeError("held-out data are required: OracleStart(held_out=rows)")
        exact = noised_start(self.sgm, held_out_block(self.held_out, count), level, n, seeds)
        samples, nfe = self.sgm.refine(
            lambda *chosen: exact(*chosen).float(), [level] * len(seeds), n, settings, context
        )
        return SampleResult(samples, nfe, {"sigma_T": [level] * len(seeds)})

    def save(self, path: str | Path) -> None:
        """Write the score model into a folder of its own, and the held-out data."""
        path = Path(path)
        self.sgm.save(path / "sgm")
        arrays = {}
        if self.held_out is not None:
            rows = held_out_block(self.held_out, self.num_seeds)
            arrays = {f"held_out.{e}": np.asarray(own) for e, own in enumerate(rows)}
        spec = {
            "type": self.name,
            "sampling": self.sampling.model_dump(mode="json", exclude={"model"}),
            "prefit": self.prefit,
            **self._form(),
        }
        write_model(path, spec, arrays, [])

    @classmethod
    def load(cls, path: str | Path, device: str | torch.device | None = "auto") -> Self:
        """Read a model from a folder that ``save`` has written.

        Raises:
            InputError: If a file is missing or damaged, or the model is of another type.
        """
        path = Path(path)
        files = read_model(path, cls.name)
        rows = [files.arrays[f"held_out.{e}"] for e in range(len(files.arrays))]
        sgm = SGM.load(path / "sgm", device)
        model = cls(
            sgm, held_out=rows or None, prefit=True, device=device, **files.spec["sampling"]
        )
        model.prefit = files.spec["prefit"]
        model._set_form(files.spec)
        return model
