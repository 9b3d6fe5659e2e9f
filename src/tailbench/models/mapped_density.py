"""The density of a model behind maps of the columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tailbench.margins.column_maps import ColumnMaps
from tailbench.margins.slopes import line_and_slope
from tailbench.models.density import Density

__all__ = ["MappedDensity"]

Array = NDArray[np.float64]


class MappedDensity(Density):
    """The density of a fitted model whose columns pass maps: that on the line times their slopes.

    Args:
        model: The model, with a density of its own.
        maps: The maps of each seed, ``None`` where there are none.
        names: Names of the columns, if the data were a data frame.
        columns: What messages call the columns where the data had no names.
    """

    def __init__(
        self,
        model: Any,
        maps: Sequence[ColumnMaps | None],
        names: tuple[str, ...] | None,
        columns: Sequence[str] | None = None,
    ) -> None:
        self.model, self.maps, self._names, self.columns = model, maps, names, columns

    @property
    def name(self) -> str:  # type: ignore[override]
        """Name of the model."""
        return str(self.model.name)

    @property
    def num_seeds(self) -> int:
        """Number of seeds of the block."""
        return int(self.model.num_seeds)

    @property
    def dim(self) -> int:
        """Dimension ``d``."""
        return int(self.model.dim)

    def _log_prob(self, block: Array) -> Array:
        names = self._names or self.columns or [str(j) for j in range(self.dim)]
        lines, slopes = np.array(block), np.zeros(block.shape[:2])
        for e, maps in enumerate(self.maps):
            if maps is not None:
                lines[e], slopes[e] = line_and_slope(maps, block[e], names)
        values = np.asarray(self.model._log_prob(lines), dtype=np.float64)
        return np.where(np.isfinite(slopes), values + slopes, -np.inf)
