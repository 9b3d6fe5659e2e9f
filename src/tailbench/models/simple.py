"""The base of models not trained by gradients: closed forms, EM, models of other libraries."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tailbench.data import DataShape, ImageLayout, NetworkCost
from tailbench.exceptions import InputError, Interrupted, NotFittedError
from tailbench.models.base import Data, Model, SampleResult, check_samples
from tailbench.models.persistence import read_model, write_model
from tailbench.models.preprocessing import as_block
from tailbench.models.settings import ModelSettings, SamplingSettings
from tailbench.rng.seeds import RandomState, generator_for
from tailbench.training.context import FitContext, SampleContext
from tailbench.training.progress import Progress

if TYPE_CHECKING:
    import torch

__all__ = ["FittedState", "SimpleModel", "SimpleSettings"]

FittedState = Mapping[str, NDArray[Any] | float | int | bool | str]
"""What a fit leaves, by name: arrays of numbers, numbers and texts, and nothing else."""


class SimpleSettings(ModelSettings):
    """Settings of a simple model: what they tell of cost, to be refined where it matters."""

    def cost(self, data: DataShape) -> NetworkCost:
        """Estimate the size of the fitted state: by default a mean and a covariance."""
        size = float(data.dim + data.dim**2)
        return NetworkCost(size, 2 * size, size)

    def passes(self, rows: int) -> tuple[int, int]:
        """Return the passes over the data that a fit may take, and the rows of one: all."""
        return 100, rows


Training = TypeVar("Training", bound=SimpleSettings)
Sampling = TypeVar("Sampling", bound=SamplingSettings)


class SimpleModel(Model[Sampling], Generic[Training, Sampling]):
    """A model that is fitted and sampled one seed at a time.

    A subclass names its ``Settings`` and ``methods`` and writes ``fit_one`` and ``sample_one``.
    The base takes care of seed blocks, random seeds, precision, checks, files and cost.

    ``fit_one`` returns what it has learned, instead of keeping it in the object, and
    ``sample_one`` is given it: the base can so keep one state per seed, and write it as plain
    arrays and numbers, from which a loaded model samples the same. No object is pickled.

    Args:
        device: Ignored but for interface: such a model computes on the CPU.
        random_state: Seed of ``fit`` and ``sample`` where they are given none; see ``Model``.
        verbose: Show progress.
        settings: Settings of the model, by keyword.

    Raises:
        pydantic.ValidationError: If a setting is unknown or out of its range.
    """

    trainable: ClassVar[bool] = True
    Settings: ClassVar[type[ModelSettings]] = SimpleSettings
    chunk: ClassVar[int | None] = 1024
    """Samples that share a generator, so that the first samples of a longer draw are those of a
    shorter one; ``None`` if all have to be drawn at once, and differ with their number."""

    def __init__(
        self,
        *,
        device: str | torch.device | None = "auto",
        random_state: RandomState = None,
        verbose: bool = True,
        **settings: Any,
    ) -> None:
        super().__init__(device=device, random_state=random_state, verbose=verbose)
        self.settings = cast(Training, self.Settings(**settings))
        self.states: list[dict[str, Any]] = []
        self.info: dict[str, Any] = {}
        self.history: list[dict[str, float]] = []
        self._progress: Progress | None = None

    @classmethod
    def options(cls) -> type[ModelSettings]:
        """Return the class of the settings that the constructor takes by keyword."""
        return cls.Settings

    def report(self, note: str) -> None:
        """Show a note beside the progress, for a ``fit_one`` that takes more than seconds."""
        if self._progress is not None:
            self._progress.step(note, 0)

    @abstractmethod
    def fit_one(self, x: NDArray[np.float64], rng: np.random.Generator) -> FittedState:
        """Learn from data ``(n, d)``, and return all that ``sample_one`` needs.

        Args:
            x: Data, shape ``(n, d)``, finite, with no constant column.
            rng: The only source of randomness.
        """

    @abstractmethod
    def sample_one(
        self, state: FittedState, n: int, settings: Sampling, rng: np.random.Generator
    ) -> ArrayLike:
        """Draw ``n`` samples, shape ``(n, d)``, from what ``fit_one`` has returned.

        Args:
            state: What was learned.
            n: Number of samples.
            settings: Settings of the sampling.
            rng: The only source of randomness.
        """

    def _fit_block(self, x: Data, context: FitContext, images: ImageLayout | None) -> None:
        """Fit one seed after another; see ``fit`` for ``x``, ``images`` and errors.

        Raises:
            InputError: If the data cannot be used, or are images.
            TypeError: If ``fit_one`` returns something other than arrays, numbers and texts.
            Interrupted: If the fit is asked to stop; that of the present seed is finished first.
        """
        if images is not None:
            raise InputError(f"the {self.name} is for tables, and the data are images")
        block = as_block(cast(ArrayLike, x))
        states, seconds = [], []
        with Progress(context.label, len(block), quiet=not context.verbose) as progress:
            self._progress = progress
            for rows, seed in zip(block, context.seeds, strict=True):
                begin = time.process_time()
                state = self.fit_one(rows.copy(), generator_for("fit", seed))
                states.append(self._checked(state))
                seconds.append(time.process_time() - begin)
                progress.step()
                if context.checkpoint is not None and context.checkpoint.urgent():
                    raise Interrupted(f"{context.label}: interrupted; nothing is saved")
        self._progress = None
        self.states = states
        self.info = {
            "seconds": seconds,
            "parameters": sum(np.size(v) for v in states[0].values() if not isinstance(v, str)),
            "dim": block.shape[2],
            "seeds": len(block),
        }

    def _checked(self, state: FittedState) -> dict[str, Any]:
        """Return a copy of a state in the form in which it is saved and loaded."""
        checked: dict[str, Any] = {}
        for key, value in state.items():
            if isinstance(value, np.generic):
                value = value.item()
            kind = np.asarray(value).dtype.kind
            if isinstance(value, np.ndarray) and kind in "biuf":
                value = np.array(value, dtype=value.dtype.newbyteorder("="), order="C")
            elif not (isinstance(value, (bool, int, float, str)) and kind in "biufU"):
                raise TypeError(
                    f"the state of the {self.name} holds {key!r} of type {type(value).__name__}; "
                    "it may hold arrays of numbers, numbers and texts"
                )
            checked[str(key)] = value
        return checked

    def sample_block(self, n: int, settings: Sampling, context: SampleContext) -> SampleResult:
        """Draw ``n`` samples for each seed, chunk by chunk.

        Raises:
            RuntimeError: If the model has not been fitted.
            ValueError: If ``sample_one`` returns an array of another shape than ``(n, d)``.
            FloatingPointError: If a sample is not finite.
        """
        out = np.zeros((self.num_seeds, n, self.dim))
        size = self.chunk or max(n, 1)
        chunks = range(0, n, size)
        total = len(chunks) * self.num_seeds
        with Progress(context.label, total, quiet=not context.verbose) as progress:
            for e, (state, seed) in enumerate(zip(self.states, context.seeds, strict=True)):
                for c, begin in enumerate(chunks):
                    rng = generator_for("simple", seed, c)
                    drawn = np.asarray(self.sample_one(state, size, settings, rng))
                    if drawn.shape != (size, self.dim):
                        raise ValueError(
                            f"the {self.name} drew samples of shape {drawn.shape} instead of "
                            f"{(size, self.dim)}"
                        )
                    out[e, begin : begin + size] = drawn[: n - begin]
                    progress.step()
        check_samples(out, context.label)
        return SampleResult(out, 1)

    @property
    def num_seeds(self) -> int:
        """Number of seeds ``E`` of the block."""
        self._fitted()
        return int(self.info["seeds"])

    @property
    def dim(self) -> int:
        """Dimension ``d``."""
        self._fitted()
        return int(self.info["dim"])

    def _fitted(self) -> None:
        if not self.states:
            raise NotFittedError(f"the {self.name} has not been fitted; call fit first")

    def of_seed(self, position: int) -> Self:
        """Return the model of one seed of the block, as if it had been fitted on a table."""
        self._fitted()
        one = type(self)(**{**self.get_params(deep=False), **self.settings.model_dump()})
        one.states = [self.states[position]]
        one._be_table_of(self)
        one.info = {**self.info, "seeds": 1, "seconds": [self.info["seconds"][position]]}
        return one

    def save(self, path: str | Path) -> None:
        """Write ``model.safetensors``, ``spec.json`` and ``history.csv`` into a folder.

        Arrays and numbers go into the first, texts into the second; the third has a header alone.
        """
        self._fitted()
        arrays, plain = {}, []
        for e, state in enumerate(self.states):
            texts = {key: value for key, value in state.items() if isinstance(value, str)}
            for key in state.keys() - texts.keys():
                arrays[f"{e}.{key}"] = np.asarray(state[key])
            numbers = sorted(k for k in state.keys() - texts.keys() if np.isscalar(state[k]))
            plain.append({"order": list(state), "numbers": numbers, "texts": texts})
        spec = {
            "type": self.name,
            "settings": self.settings.model_dump(mode="json"),
            **self._form(),
            "states": plain,
            **self.info,
        }
        write_model(Path(path), spec, arrays, self.history)

    @classmethod
    def load(cls, path: str | Path, device: str | torch.device | None = "auto") -> Self:
        """Read a model from a folder that ``save`` has written.

        Raises:
            InputError: If a file is missing or damaged, or the model is of another type.
        """
        files = read_model(Path(path), cls.name)
        model = cls(device=device, **files.settings(cls.Settings))
        model._set_form(files.spec)
        model.info, model.history = files.info, files.history
        for e, plain in enumerate(model.info.pop("states")):
            state: dict[str, Any] = {}
            for key in plain["order"]:
                if key in plain["texts"]:
                    state[key] = plain["texts"][key]
                else:
                    array = files.arrays[f"{e}.{key}"]
                    state[key] = array.item() if key in plain["numbers"] else array
            model.states.append(state)
        return model
