"""What all models share: fitting, tuning and sampling of seed blocks.

Importing this module does not import torch, so that the settings of models can be read fast.
"""

from __future__ import annotations

import copy
import operator
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Self, TypeVar, cast

from numpy.typing import ArrayLike

from tailbench.compute.devices import usual_torch
from tailbench.data import ImageLayout
from tailbench.exceptions import InputError, NotFittedError
from tailbench.io.column_types import column_types
from tailbench.io.lazy_rows import LazyRows
from tailbench.models.parameters import Parameters
from tailbench.models.preprocessing import as_block, as_numbers, column_names, is_lazy
from tailbench.models.results import SampleResult, TuneResult, check_samples
from tailbench.models.settings import SamplingSettings
from tailbench.models.table_form import TableForm
from tailbench.rng.seeds import RandomState, seed_for, seed_of
from tailbench.settings import Settings
from tailbench.training.context import Callback, FitContext, SampleContext

if TYPE_CHECKING:
    import torch

    from tailbench.training.checkpoint import Checkpoint

__all__ = ["Data", "Model", "SampleResult", "Sampling", "TuneResult", "check_samples"]

Data = ArrayLike | Sequence[LazyRows]
"""Data of a seed block: ``(n, d)``, ``(E, n, d)``, or one array per seed that lies on the disk."""
Sampling = TypeVar("Sampling", bound=SamplingSettings)


class Model(Parameters, TableForm, ABC, Generic[Sampling]):
    """A way from data to samples; its parts may be models themselves.

    ``fit`` and ``sample`` are for users. A pipeline, which has a seed of its own for each entry
    of a block, calls ``fit_block``, ``tune`` and ``sample_block``.

    A subclass writes ``_fit_block`` and ``sample_block``.

    Args:
        device: ``"auto"`` (also ``None``), ``"cpu"``, ``"cuda"``, ``"cuda:1"`` or a torch device.
        random_state: Seed of ``fit`` and ``sample`` where they are given none: a number, or a
            generator of NumPy, from which each of them draws one. ``None`` is the seed 0 for
            ``fit``, and other numbers for each call of ``sample``.
        verbose: Show progress.
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

    def __init__(
        self,
        *,
        device: str | torch.device | None = "auto",
        random_state: RandomState = None,
        verbose: bool = True,
    ) -> None:
        self.device, self.random_state, self.verbose = device, random_state, verbose
        self._table, self._names, self._types = False, None, None
        self._draws = 0  # calls of sample so far

    @classmethod
    def options(cls) -> type[Settings]:
        """Return the class of the settings that the constructor takes by keyword."""
        return next(iter(cls.methods.values()))

    @property
    @abstractmethod
    def num_seeds(self) -> int:
        """Number of seeds ``E`` of the block."""

    @property
    @abstractmethod
    def dim(self) -> int:
        """Dimension ``d``."""

    def fit_block(self, x: Data, context: FitContext, images: ImageLayout | None = None) -> Self:
        """Train on the data of a seed block; see ``fit`` for ``x``, ``images`` and errors.

        All or nothing: whatever ends it early, the model is as it was before.
        """
        fresh = copy.copy(self)
        fresh._reset()
        with usual_torch():
            fresh._fit_block(x, context, images)
        vars(self).update(vars(fresh))
        return self

    def _fit_block(self, x: Data, context: FitContext, images: ImageLayout | None) -> None:
        """Train an untrained model on the data of a seed block."""
        raise NotImplementedError(f"{type(self).__name__} has no _fit_block")

    def _reset(self) -> None:
        """Become the untrained model of the present parameters."""
        made = vars(type(self)(**self.get_params(deep=False)))
        vars(self).update({name: value for name, value in made.items() if name != "sampling"})

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
    def load(cls, path: str | Path, device: str | torch.device | None = "auto") -> Self:
        """Read a model from a folder that ``save`` has written.

        Raises:
            InputError: If a file is missing or damaged, or the model is of another type.
        """

    def fit(
        self,
        x: Data,
        y: object = None,
        *,
        seed: int | None = None,
        images: ImageLayout | None = None,
        checkpoint: Checkpoint | None = None,
        callback: Callback | None = None,
        verbose: bool | None = None,
    ) -> Self:
        """Train on data; a model that has been fitted is trained anew.

        Whatever ends it early, a model that was fitted before is as it was.

        Args:
            x: Data, shape ``(n, d)``, also a data frame or a tensor, or ``(E, n, d)`` for a seed
                block; of images also one array per seed whose rows lie on the disk.
            y: Ignored but for interface.
            seed: Seed of the training; by default that of ``random_state``, and else 0.
            images: Layout of the rows if they are images; pixels are from -1 to 1, or bytes from
                0 to 255.
            checkpoint: Where to keep the state of the training, if anywhere.
            callback: Called with each row of the history as it is written, and ``label``, the
                model that is trained. What it raises ends the training.
            verbose: Show progress; by default as the model was built.

        Raises:
            InputError: If the data cannot be used.
            TrainingDiverged: If a loss is not finite or explodes.
        """
        names = types = None
        if is_lazy(x):
            table = False
        else:
            names, types, x = column_names(x), column_types(x), as_numbers(x)
            table = x.ndim < 3
            x = as_block(x, names) if images is None else x
        count = 1 if table else len(cast(Sequence[Any], x))
        number = seed_of(self.random_state) or 0 if seed is None else operator.index(seed)
        shown = self.verbose if verbose is None else verbose
        context = FitContext.of(number, count, self.name, checkpoint, shown, callback)
        self.fit_block(x, context, images)
        self._table, self._names, self._draws = table, names if table else None, 0
        self._set_types(types if self._names else None)
        return self

    def sample(
        self, n: int, *, seed: int | None = None, method: str | None = None, **options: Any
    ) -> Any:
        """Draw samples.

        Args:
            n: Number of samples for each seed of the block.
            seed: Seed of the draws; the first samples of a longer draw are those of a shorter one.
                By default that of ``random_state``. Without one, each call draws other samples:
                the first after ``fit`` those of the seed 0.
            method: Method to sample, one of ``methods``; that of the model's own name if left out,
                or that by which it was loaded from a run.
            options: Settings of the sampling, by keyword.

        Returns:
            Array of shape ``(n, d)``, or ``(E, n, d)`` if the model was fitted on a block; a data
            frame if it was fitted on one whose columns have names, in the types of its columns of
            numbers: whole ones are rounded; what a type cannot hold stays in double precision.

        Raises:
            NotFittedError: If the model has not been fitted.
            ValueError: If the model has no such method, or a setting is a sweep of several values.
        """
        n = operator.index(n)
        if n < 0:
            raise InputError(f"the number of samples is at least 0, not {n}")
        settings = self._sampling(method or self.default_method or self.name, options).single()
        seeds = [seed_for("sample", self._draw(seed), e) for e in range(self.num_seeds)]
        with usual_torch():
            context = SampleContext(seeds, batch=self._batch())
            samples = self.sample_block(n, settings, context).samples
        self._draws += 1
        return self._framed(samples[0]) if self._table else samples

    def _draw(self, seed: int | None) -> int:
        """Return the seed of a call of ``sample``."""
        if seed is not None:
            return operator.index(seed)
        given = seed_of(self.random_state)
        if given is not None:
            return given
        return seed_for("draw", self._draws) if self._draws else 0

    def _batch(self) -> int | None:
        """Return how many samples ``sample`` computes at once; ``None`` for as many as is fast.

        Products of matrices of other sizes are rounded in other ways. In batches of one size, the
        first samples of a longer draw are those of a shorter one to the bit.
        """
        return None

    def __sklearn_is_fitted__(self) -> bool:
        try:
            return self.num_seeds > 0
        except NotFittedError:
            return False

    def _sampling(self, method: str, options: Mapping[str, Any]) -> Sampling:
        """Return the settings of a method, completed by those given first, and by defaults."""
        if method not in self.methods:
            known = ", ".join(self.methods)
            raise ValueError(f"the {self.name} has no method {method!r} (known: {known})")
        settings = self.methods[method]
        given = self.sampling.model_dump() if isinstance(self.sampling, settings) else {}
        return cast(Sampling, settings(**{**given, **options}))
