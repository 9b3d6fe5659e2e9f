"""What a figure of the benchmark is, and what it may read of the results."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from tailbench.plots.paper import form

if TYPE_CHECKING:
    import matplotlib.figure
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from tailbench.data import Variant

__all__ = ["ALL", "Figure", "FigureData", "Need", "narrow_parts"]

NARROW = 5.0
"""Inches below which three panels have no room beside each other."""

ALL = "all"
"""What a figure of all datasets is called in place of one."""


class Need(Enum):
    """What a figure reads, besides the configuration."""

    METRICS = "metrics"
    DATA = "data"
    SAMPLES = "samples"
    HISTORIES = "histories"
    FIRST_DATA = "first data"
    """The data of the first block of seeds alone."""
    FIRST_SAMPLES = "first samples"
    """The samples of the first block of seeds alone."""


class FigureData(Protocol):
    """The results that a figure is drawn from.

    Arrays of data have the shape ``(E, n, d)``, one entry of the first axis for each seed.
    """

    @property
    def metrics(self) -> pd.DataFrame:
        """The tidy metrics of all datasets."""

    @property
    def methods(self) -> Sequence[str]:
        """All methods of the configuration, by whose order they get their colours."""

    @property
    def first_block(self) -> FigureData:
        """The same results, of which only the first block of seeds is seen."""

    def chosen_methods(self) -> Collection[str]:
        """Return the methods whose ``sigma_T`` was chosen from data, without a sweep over it."""

    def base_model(self, name: str) -> str:
        """Return the configuration's model that a model is derived from, or its own name."""

    def train(self, dataset: str) -> NDArray[np.floating]:
        """Read the training data."""

    def test(self, dataset: str) -> NDArray[np.floating]:
        """Read the held-out data."""

    def floor(self, dataset: str) -> NDArray[np.floating]:
        """Read more real data, of the size of the held-out ones."""

    def meta(self, dataset: str) -> Mapping[str, Any]:
        """Read what is known of the data: ``columns``, ``images``."""

    def norm_tail_index(self, dataset: str) -> float | None:
        """Return the exact tail exponent of the norm; ``None`` if it is unknown."""

    def samples(self, dataset: str) -> Mapping[Variant, NDArray[np.floating]]:
        """Return the samples by variant, read when looked up."""

    def history(self, dataset: str) -> pd.DataFrame:
        """Read the losses of training: ``model``, ``seed``, ``step``, ``loss``, ``val_loss``."""


class Figure(ABC):
    """A figure of the benchmark, drawn for each dataset, or once for all of them.

    A subclass under ``@register`` takes apart what it needs and calls a function of arrays or of
    a table, which is what a user calls.

    Attributes:
        name: The name of its module, set when it is registered.
        needs: What it reads.
        caption: Its caption in the report.
        across: Whether it is one figure of all datasets, drawn with ``ALL`` for the dataset.
    """

    kind: ClassVar[str] = "figures"
    name: ClassVar[str]
    needs: ClassVar[frozenset[Need]]
    caption: ClassVar[str]
    across: ClassVar[bool] = False

    def __init_subclass__(cls, **options: Any) -> None:
        """Check the needs: one that is misspelt would be read from files that do not exist yet.

        Raises:
            TypeError: If ``needs`` holds anything else than ``Need``.
        """
        super().__init_subclass__(**options)
        for need in cls.__dict__.get("needs", ()):
            if not isinstance(need, Need):
                raise TypeError(f"{cls.__name__}.needs: {need!r} is no tailbench.plots.Need")

    @abstractmethod
    def draw(self, data: FigureData, dataset: str) -> matplotlib.figure.Figure | None:
        """Draw the figure of a dataset; ``None`` if it does not apply to it."""

    def draw_parts(self, data: FigureData, dataset: str) -> dict[str, matplotlib.figure.Figure]:
        """Draw the figure in parts that fit on paper, by what each is called besides the name.

        One part without a name, or none, unless a figure says how it is parted.
        """
        drawn = self.draw(data, dataset)
        return {} if drawn is None else {"": drawn}


def narrow_parts(
    table: pd.DataFrame, draw: Callable[[pd.DataFrame], matplotlib.figure.Figure | None]
) -> dict[str, matplotlib.figure.Figure]:
    """Draw a table of groups of metrics as one figure, or one for each where paper is narrow."""
    width = form().width
    narrow = width is not None and width < NARROW
    parts = {str(group): of for group, of in table.groupby("group")} if narrow else {"": table}
    drawn = {name: draw(part) for name, part in parts.items()}
    return {name: figure for name, figure in drawn.items() if figure is not None}
