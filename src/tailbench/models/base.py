"""What all models share: fitting, tuning and sampling of seed blocks.

Importing this module does not import torch, so that the settings of models can be read fast.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tailbench.data import ImageLayout
from tailbench.io.lazy_rows import LazyRows
from tailbench.models.preprocessing import is_lazy
from tailbench.models.settings import SamplingSettings
from tailbench.rng.seeds import seed_for
from tailbench.training.context import FitContext, SampleContext

if TYPE_CHECKING:
    from tailbench.training.checkpoint import Checkpoint

__all__ = ["Data", "Model", "SampleResult", "Sampling", "TuneResult", "check_samples"]

Data = ArrayLike | Sequence[LazyRows]
"""Data of a seed block: ``(n, d)``, ``(E, n, d)``, or one array per seed that lies on the disk."""
Sampling = TypeVar("Sampling", bound=SamplingSettings)


@dataclass(frozen=True)
class SampleResult:
    """Samples and what they cost.

    Attributes:
        samples: Shape ``(E, n, d)``, in units of the data: tables in double precision, images in
            single.
        nfe: Network evaluations per sample.
        extra: What else is worth keeping, as plain data.
    """

    samples: NDArray[np.floating]
    nfe: int
    extra: dict[str, Any] = field(default_factory=dict)


def check_samples(samples: NDArray[np.floating], label: str) -> None:
    """Check that samples are finite, and no farther than single precision reaches (3e38).

    Metrics square them: what is farther is the failure of a model, as infinity is.

    Raises:
        FloatingPointError: If one is not; the message begins with the label.
    """
    if not (np.abs(samples) <= np.finfo(np.float32).max).all():
        raise FloatingPointError(f"{label}: a sample is not finite")


@dataclass(frozen=True)
class TuneResult:
    """A setting that was chosen by the training data, and what by.

    Attributes:
        chosen: Value for each seed of the block.
        curve: One row per seed and candidate: the seed's number as ``seed``, the candidate under
            the name of the setting, and its scores.
    """

    chosen: list[float]
    curve: list[dict[str, float]]


class Model(ABC, Generic[Sampling]):
    """A way from data to samples; its parts may be models themselves.

    ``fit`` and ``sample`` are for users. A pipeline, which has a seed of its own for each entry
    of a block, calls ``fit_block``, ``tune`` and ``sample_block``.

    Args:
        device: ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"cuda:1"``.
    """

    kind: ClassVar[str] = "models"
    name: ClassVar[str]
    trainable: ClassVar[bool] = False
    """Whether a configuration can train it by itself, not only its parts."""
    heavy_tailed: ClassVar[bool] = True
    """Whether samples of a short training reach as far as heavy-tailed data."""
    package: ClassVar[str | None] = None
    """Package of an extra that it is trained by, under the name of its import."""
    methods: ClassVar[Mapping[str, type[SamplingSettings]]]
    tuning: ClassVar[str] = "nothing"
    """What the project chose for it by trials, and on which data: a phrase for the report."""

    sampling: SamplingSettings | None = None
    """Settings of the sampling that were given when the model was built."""
    default_method: str | None = None
    """Method to sample where none is named; that of the model's own name if left out."""

    def __init__(self, *, device: str = "auto") -> None:
        self.device = device
        self._table = False

    @property
    @abstractmethod
    def num_seeds(self) -> int:
        """Number of seeds ``E`` of the block."""

    @property
    @abstractmethod
    def dim(self) -> int:
        """Dimension ``d``."""

    @abstractmethod
    def fit_block(self, x: Data, context: FitContext, images: ImageLayout | None = None) -> Self:
        """Train on the data of a seed block; see ``fit`` for ``x``, ``images`` and errors."""

    @abstractmethod
    def sample_block(self, n: int, settings: Sampling, context: SampleContext) -> SampleResult:
        """Draw ``n`` samples for each seed by the given settings, which hold no sweep.

        Raises:
            FloatingPointError: If a sample is not finite.
        """

    def tune(self, x: Data, settings: Sampling, context: FitContext) -> TuneResult | None:
        """Choose what the settings leave open by the training data.

        ``sample_block`` uses the choice. Most models have nothing to choose, and return ``None``:
        see ``SamplingSettings.tuning_runs``.

        Args:
            x: The training data.
            settings: Settings of the sampling.
            context: Seeds of the choice.
        """
        return None

    def supply(self, given: Mapping[str, Any]) -> None:
        """Take the data that the settings of a sampling name in ``needs``.

        Args:
            given: ``"train"`` and ``"floor"``, rows of each seed, ``"target"``, the exact law, and
                ``"columns"``, their names.
        """
        raise NotImplementedError(f"{type(self).__name__} needs no data to sample")

    def of_seed(self, position: int) -> Self:
        """Return the model of one seed of the block, as if it had been fitted on a table.

        Args:
            position: Position of the seed in the block, from 0.
        """
        raise NotImplementedError(f"a {type(self).__name__} is not taken apart by seeds")

    @abstractmethod
    def save(self, path: str | Path) -> None:
        """Write the model into a folder."""

    @classmethod
    @abstractmethod
    def load(cls, path: str | Path, device: str = "auto") -> Self:
        """Read a model from a folder that ``save`` has written.

        Raises:
            InputError: If a file is missing or damaged, or the model is of another type.
        """

    def fit(
        self,
        x: Data,
        *,
        seed: int = 0,
        images: ImageLayout | None = None,
        checkpoint: Checkpoint | None = None,
        verbose: bool = True,
    ) -> Self:
        """Train on data; a model that has been fitted is trained anew.

        Args:
            x: Data, shape ``(n, d)``, or ``(E, n, d)`` for a seed block; of images also one array
                per seed whose rows lie on the disk.
            seed: Seed of the training.
            images: Layout of the rows if they are images; pixels are from -1 to 1, or bytes from
                0 to 255.
            checkpoint: Where to keep the state of the training, if anywhere.
            verbose: Show progress.

        Raises:
            InputError: If the data cannot be used.
            TrainingDiverged: If a loss is not finite or explodes.
        """
        table = not is_lazy(x) and np.ndim(cast(Any, x)) < 3
        count = 1 if table else len(cast(Sequence[Any], x))
        self.fit_block(x, FitContext.of(seed, count, self.name, checkpoint, verbose), images)
        self._table = table
        return self

    def sample(
        self, n: int, *, seed: int = 0, method: str | None = None, **options: Any
    ) -> NDArray[np.floating]:
        """Draw samples.

        Args:
            n: Number of samples for each seed of the block.
            seed: Seed of the draws; the first samples of a longer draw are those of a shorter one.
            method: Method to sample, one of ``methods``; that of the model's own name if left out,
                or that by which it was loaded from a run.
            options: Settings of the sampling, by keyword.

        Returns:
            Shape ``(n, d)``, or ``(E, n, d)`` if the model was fitted on a block.

        Raises:
            RuntimeError: If the model has not been fitted.
            ValueError: If the model has no such method, or a setting is a sweep of several values.
        """
        settings = self._sampling(method or self.default_method or self.name, options).single()
        context = SampleContext([seed_for("sample", seed, e) for e in range(self.num_seeds)])
        samples = self.sample_block(n, settings, context).samples
        return samples[0] if self._table else samples

    def _sampling(self, method: str, options: Mapping[str, Any]) -> Sampling:
        """Return the settings of a method, completed by those given first, and by defaults."""
        if method not in self.methods:
            known = ", ".join(self.methods)
            raise ValueError(f"the {self.name} has no method {method!r} (known: {known})")
        settings = self.methods[method]
        given = self.sampling.model_dump() if isinstance(self.sampling, settings) else {}
        return cast(Sampling, settings(**{**given, **options}))
