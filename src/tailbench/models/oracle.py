"""The sampler of a score model with the exact score in the place of the trained network."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field, model_validator

from tailbench import registry
from tailbench.data import DataShape, ImageLayout
from tailbench.exceptions import InputError, NotFittedError
from tailbench.models.base import Data, Model, SampleResult
from tailbench.models.estimator import TOGETHER
from tailbench.models.held_out import held_out_block, noised_start
from tailbench.models.persistence import read_model, write_model
from tailbench.models.preprocessing import as_block, robust_units
from tailbench.models.settings import ModelSettings, SamplingSettings, fixed, swept_values
from tailbench.models.sgm import SGM, ReverseSettings
from tailbench.models.simple import SimpleSettings
from tailbench.registry import register
from tailbench.rng.seeds import RandomState, generator_for
from tailbench.training.context import FitContext, SampleContext

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from tailbench.rng.streams import IndexedStreams

__all__ = ["Oracle", "OracleSampling"]

Level = Annotated[float, Field(gt=0)]
DRAWN = 1024  # held-out rows that share a generator
OPERATIONS = 25_000  # of an integral over a few hundred variances, for each coordinate


class OracleSampling(ReverseSettings):
    """The sampler of 'sgm' with the exact score: what is left is its error in the steps."""

    test_settings: ClassVar[Mapping[str, Any]] = {"sampling_steps": 4}
    sweeps: ClassVar[tuple[str, ...]] = ("sigma_T", "sampling_steps", "sigma_min")

    start: Literal["gaussian", "data"] = Field(
        "gaussian",
        description="The start: 'gaussian', noise of level sigma_max; 'data', held-out data (those "
        "of the floor) plus noise of level sigma_T, by which the steps alone are judged.",
    )
    sigma_max: float = Field(
        80.0, gt=0, description="Noise level of the Gaussian start, in robust units of the data."
    )
    sigma_T: Level | tuple[Level, ...] | None = Field(
        None,
        description="Noise level of the start 'data', in robust units of the data, which it "
        "requires; a list is a sweep.",
    )

    @model_validator(mode="after")
    def _falls(self) -> Self:
        if (self.start == "data") != (self.sigma_T is not None):
            raise ValueError("sigma_T is required for the start 'data', and for no other")
        given = self.sigma_max if self.sigma_T is None else self.sigma_T
        highest = min(given) if isinstance(given, tuple) else given
        lowest = swept_values(self.sigma_min)
        if max(lowest) >= highest:
            raise ValueError(f"sigma_min must be below the first noise level, {highest:g}")
        return self

    @property
    def needs(self) -> frozenset[str]:
        """Training data for the units, the exact law and, for the start 'data', the floor."""
        return frozenset({"train", "target"} | ({"floor"} if self.start == "data" else set()))

    def own_operations(self, data: DataShape) -> float:
        """Estimate the operations of all evaluations of the exact score for one sample."""
        evaluations = (2 if self.sampler == "heun" else 1) * self.total_steps()
        return evaluations * OPERATIONS * (1.0 + data.dim)


class _ExactSGM(SGM):
    """A score model that is not trained: its predictions are exact."""

    def __init__(
        self, target: Any, location: NDArray[np.float64], scale: NDArray[np.float64]
    ) -> None:
        super().__init__(device="cpu")
        self._target = target
        self._units = location, scale
        self._set_units(location, scale)
        self.info = {"seeds": len(location), "dim": location.shape[1]}
        self.module = self._select(range(len(location)))

    def _select(self, positions: Sequence[int]) -> nn.Module:
        from tailbench.diffusion.exact import ExactNoise

        location, scale = (units[list(positions)] for units in self._units)
        return ExactNoise(self._target.noised_score, location, scale)


@register
class Oracle(Model[OracleSampling]):
    r"""The reverse process of 'sgm' by the exact score :math:`\nabla \log p_\sigma` of the target.

    Sampler, steps, noise levels and units are those of ``SGM``, and so are the random draws of
    equal seeds; the score is exact and in double precision. From a Gaussian start, what is wrong
    with the samples is the start and the steps, not the learning. From held-out data plus noise,
    which have the exact law at :math:`\sigma_T`, it is the steps alone.

    ``fit`` computes the robust units of the data and learns nothing.

    Args:
        target: The exact law of the data, with a ``noised_score``.
        held_out: Data of that law for the start 'data', shape ``(m, d)`` or ``(E, m, d)``; drawn
            from the target if left out. More samples than rows need some rows twice.
        device: Ignored but for interface: the exact score is computed on the CPU.
        random_state: Seed of ``sample`` where it is given none; see ``Model``.
        verbose: Ignored but for interface.
        sampling: Settings of the sampling, such as ``start="data", sigma_T=2.0``.

    Raises:
        pydantic.ValidationError: If a setting is unknown or out of its range.

    References:
        Chen, Chewi, Li, Li, Salim and Zhang, Sampling is as easy as learning the score, 2023 (the
        split into start, discretisation and score error).
    """

    Settings: ClassVar[type[ModelSettings]] = SimpleSettings
    methods: ClassVar[Mapping[str, type[SamplingSettings]]] = {"oracle": OracleSampling}
    sampling: OracleSampling
    heavy_tailed = False  # its start is Gaussian

    def __init__(
        self,
        target: Any = None,
        *,
        held_out: ArrayLike | Sequence[Any] | None = None,
        device: str | torch.device | None = "auto",
        random_state: RandomState = None,
        verbose: bool = True,
        **sampling: Any,
    ) -> None:
        super().__init__(device=device, random_state=random_state, verbose=verbose)
        self.sampling = OracleSampling(**sampling)
        self.target, self.held_out = target, held_out
        self._exact: _ExactSGM | None = None

    @classmethod
    def assemble(cls, parts: Mapping[str, Sequence[Any]], device: str = "auto") -> Self:
        """Build the model, which has no trained parts."""
        return cls(device=device)

    def supply(self, given: Mapping[str, Any]) -> None:
        """Take the target, training data for the units and, if they are given, held-out data."""
        self.target, self.held_out = given["target"], given.get("floor")
        self._set_up(as_block(np.stack([np.asarray(rows) for rows in given["train"]])))

    def _fit_block(self, x: Data, context: FitContext, images: ImageLayout | None) -> None:
        """Compute the units of the data of a seed block.

        Raises:
            InputError: If the data cannot be used, or are not of the target's dimension, or the
                target has no exact noised score.
        """
        if images is not None:
            raise InputError("the oracle is for tables, and the data are images")
        self._set_up(as_block(cast(ArrayLike, x)))

    def _set_up(self, block: NDArray[np.float64]) -> None:
        if self.target is None:
            raise InputError("the oracle needs the target: Oracle(target).fit(x)")
        if block.shape[2] != self.target.dim:
            raise InputError(
                f"the data have {block.shape[2]} columns, and the target {self.target.dim}"
            )
        if self.target.noised_score(block[0, :1], 1.0) is None:
            raise InputError(f"the target {self.target.name!r} has no exact noised score")
        self._exact = _ExactSGM(self.target, *robust_units(block))

    @property
    def num_seeds(self) -> int:
        """Number of seeds ``E`` of the block."""
        return self._fitted().num_seeds

    @property
    def dim(self) -> int:
        """Dimension ``d``."""
        return self._fitted().dim

    def _fitted(self) -> _ExactSGM:
        if self._exact is None:
            raise NotFittedError(f"the {self.name} has not been fitted; call fit first")
        return self._exact

    def _batch(self) -> int | None:
        return TOGETHER["cpu"]

    def sample_block(
        self, n: int, settings: OracleSampling, context: SampleContext
    ) -> SampleResult:
        """Draw ``n`` samples for each seed from a Gaussian, or from noised held-out data.

        Raises:
            FloatingPointError: If a sample is not finite.
        """
        exact, seeds = self._fitted(), context.seeds
        if settings.start == "gaussian":
            start, level = _gaussian(settings.sigma_max), settings.sigma_max
        else:
            level = cast(float, fixed(settings.sigma_T))
            start = noised_start(exact, self._held_out(n, seeds), level, n, seeds)
        levels = [level] * len(seeds)
        samples, nfe = exact.refine(start, levels, n, settings, context)
        return SampleResult(
            samples, nfe, {} if settings.start == "gaussian" else {"sigma_T": levels}
        )

    def _held_out(self, n: int, seeds: Sequence[int]) -> list[Any]:
        """Return the held-out rows of each seed, drawn from the target if none are given."""
        if self.held_out is not None:
            return held_out_block(self.held_out, len(seeds))
        chunks = range(-(-max(n, 1) // DRAWN))
        return [
            np.concatenate(
                [self.target.sample(DRAWN, generator_for("held_out", seed, c)) for c in chunks]
            )
            for seed in seeds
        ]

    def save(self, path: str | Path) -> None:
        """Write the units, the name and the settings of the target, and held-out data, if any.

        Raises:
            InputError: If the target is not a registered part, so that it cannot be found again.
        """
        exact = self._fitted()
        type_ = getattr(self.target, "name", None)
        if type_ not in registry.names("targets"):
            raise InputError("the target is not a registered part, and cannot be saved by name")
        arrays = {key: value.numpy() for key, value in exact.constants.items()}
        if self.held_out is not None:
            rows = held_out_block(self.held_out, exact.num_seeds)
            arrays |= {f"held_out.{e}": np.asarray(own) for e, own in enumerate(rows)}
        spec = {
            "type": self.name,
            "target": {"type": type_, **self.target.settings.model_dump(mode="json")},
            "sampling": self.sampling.model_dump(mode="json"),
            **self._form(),
        }
        write_model(Path(path), spec, arrays, [])

    @classmethod
    def load(cls, path: str | Path, device: str | torch.device | None = "auto") -> Self:
        """Read a model from a folder that ``save`` has written.

        Raises:
            InputError: If a file is missing or damaged, or the model is of another type.
        """
        files = read_model(Path(path), cls.name)
        arrays = files.arrays
        rows = [arrays[f"held_out.{e}"] for e in range(len(arrays) - 2)]
        target = registry.make_dataset(files.spec["target"])
        model = cls(target, held_out=rows or None, device=device, **files.spec["sampling"])
        model._exact = _ExactSGM(target, arrays["location"], arrays["scale"])
        model._set_form(files.spec)
        return model


def _gaussian(sigma: float) -> Callable[[list[int], slice, IndexedStreams], Tensor]:
    """Return the Gaussian start of a scale, in double precision."""
    return lambda positions, rows, streams: sigma * streams.randn().double()
