"""Samples that somebody else's program has made, as a method beside the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field

from tailbench.data import ImageLayout
from tailbench.exceptions import InputError, NotFittedError
from tailbench.io.numeric_columns import SINGLE, numbers_of
from tailbench.io.tables import read_table
from tailbench.models.base import Data, Model, SampleResult, check_samples
from tailbench.models.persistence import read_model, write_model
from tailbench.models.preprocessing import as_block
from tailbench.models.settings import ModelSettings, SamplingSettings
from tailbench.models.simple import SimpleSettings
from tailbench.registry import register
from tailbench.rng.seeds import RandomState, generator_for
from tailbench.settings import UserPath
from tailbench.training.context import FitContext, SampleContext

if TYPE_CHECKING:
    import torch

__all__ = ["Samples", "SamplesSampling"]


class SamplesSampling(SamplingSettings):
    """A file of samples."""

    test_settings: ClassVar[Mapping[str, Any]] = {"path": "samples.npy"}

    path: UserPath = Field(
        min_length=1,
        description="A .csv file with a header, a .parquet or a .npy file, rows first. It "
        "has at least as many rows as are held out, and the columns of the data by name, in any "
        "order; a .npy file has them in their order.",
    )

    @property
    def needs(self) -> frozenset[str]:
        """The names of the columns."""
        return frozenset({"columns"})

    def files(self) -> tuple[str, ...]:
        """List the file, whose change makes the samples out of date."""
        return (self.path,)


@register
class Samples(Model[SamplesSampling]):
    """Rows of a file in the place of a model's samples.

    Each seed takes rows at random, none of them twice; a file of just as many rows as are held
    out gives the same samples to all seeds, which then differ by the held-out rows alone. How the
    samples came about is unknown: nothing is trained, and each counts as one evaluation.

    ``fit`` takes the number of the columns, and learns nothing.

    Args:
        columns: Names of the columns, in their order; by default that of the file.
        device: Ignored but for interface.
        random_state: Seed of ``sample`` where it is given none; see ``Model``.
        verbose: Ignored but for interface.
        sampling: Settings of the sampling: ``path="theirs.csv"``.

    Raises:
        pydantic.ValidationError: If a setting is unknown or missing.
    """

    Settings: ClassVar[type[ModelSettings]] = SimpleSettings
    methods: ClassVar[Mapping[str, type[SamplingSettings]]] = {"samples": SamplesSampling}

    def __init__(
        self,
        *,
        columns: Sequence[str] | None = None,
        device: str | torch.device | None = "auto",
        random_state: RandomState = None,
        verbose: bool = True,
        **sampling: Any,
    ) -> None:
        super().__init__(device=device, random_state=random_state, verbose=verbose)
        self.sampling = SamplesSampling(**sampling) if sampling else None
        self.columns = columns
        self._seeds, self._dim = 1, 0

    @classmethod
    def assemble(cls, parts: Mapping[str, Sequence[Any]], device: str = "auto") -> Self:
        """Build the model, which has no trained parts."""
        return cls(device=device)

    def supply(self, given: Mapping[str, Any]) -> None:
        """Take the names of the columns."""
        self.columns = tuple(given["columns"])
        self._dim = len(self.columns)

    def _fit_block(self, x: Data, context: FitContext, images: ImageLayout | None) -> None:
        """Take the number of seeds and of columns.

        Raises:
            InputError: If the data cannot be used.
        """
        if images is not None:
            raise InputError("samples in a file are tables, and the data are images")
        block = as_block(cast(ArrayLike, x))
        self._seeds, self._dim = len(block), block.shape[2]

    def sample_block(
        self, n: int, settings: SamplesSampling, context: SampleContext
    ) -> SampleResult:
        """Take ``n`` rows of the file for each seed.

        Raises:
            InputError: If the file cannot be read, has other columns than the data or fewer than
                ``n`` rows, or a value is missing or infinite.
        """
        rows = self._read(Path(settings.path))
        if len(rows) < n:
            raise InputError(
                f"{settings.path} has {len(rows)} rows, and {n} are needed: as many as are held "
                "out, or n_samples of the dataset"
            )
        chosen = [
            generator_for("samples", seed).permutation(len(rows))[:n] for seed in context.seeds
        ]
        out = np.stack([rows[order] for order in chosen])
        check_samples(out, context.label)
        return SampleResult(out, 1)

    def _read(self, path: Path) -> NDArray[np.float64]:
        """Read the columns of the data."""
        table, dim = read_table(path), self.dim
        found = list(table.columns)
        names = list(self.columns or found)
        if path.suffix.lower() == ".npy":
            names = found if len(found) == dim else names
        if sorted(found) != sorted(names) or len(names) != dim:
            raise InputError(
                f"{path} has the columns {', '.join(found)}, and the data have "
                f"{', '.join(self.columns) if self.columns else dim}"
            )
        return numbers_of(table, names, str(path), largest=SINGLE)

    @property
    def num_seeds(self) -> int:
        """Number of seeds ``E`` of the block."""
        self._fitted()
        return self._seeds

    @property
    def dim(self) -> int:
        """Dimension ``d``."""
        self._fitted()
        return self._dim

    def _fitted(self) -> None:
        if not self._dim:
            raise NotFittedError(f"the {self.name} has not been fitted; call fit first")

    def save(self, path: str | Path) -> None:
        """Write the path of the file and the names of the columns, not the samples."""
        self._fitted()
        spec = {
            "type": self.name,
            "columns": None if self.columns is None else list(self.columns),
            "sampling": self.sampling.model_dump() if self.sampling else {},
            "seeds": self._seeds,
            "dim": self._dim,
            **self._form(),
        }
        write_model(Path(path), spec, {}, [])

    @classmethod
    def load(cls, path: str | Path, device: str | torch.device | None = "auto") -> Self:
        """Read a model from a folder that ``save`` has written.

        Raises:
            InputError: If a file is missing or damaged, or the model is of another type.
        """
        spec = read_model(Path(path), cls.name).spec
        model = cls(columns=spec["columns"], device=device, **spec["sampling"])
        model._seeds, model._dim = spec["seeds"], spec["dim"]
        model._set_form(spec)
        return model
