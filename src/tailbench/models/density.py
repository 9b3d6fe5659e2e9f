"""Models with a density: the checks of the rows, and what scikit-learn calls it."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tailbench.compute.devices import usual_torch
from tailbench.exceptions import InputError
from tailbench.models.preprocessing import as_numbers, column_names

__all__ = ["Density"]


class Density:
    """A model whose density can be computed, by ``_log_prob`` of its rows."""

    name: ClassVar[str]
    dim: Any
    num_seeds: Any
    _names: tuple[str, ...] | None

    @abstractmethod
    def _log_prob(self, block: NDArray[np.float64]) -> NDArray[np.float64]:
        """Compute the log-density at finite rows ``(E, n, d)``, shape ``(E, n)``."""

    def log_prob(self, x: Any) -> NDArray[np.float64]:
        """Compute the log-density at ``x``.

        Args:
            x: Rows ``(n, d)`` in the units of the data, also a data frame; ``(E, n, d)`` of a
                model that was fitted on a block.

        Returns:
            Natural logarithms, in double precision, of the shape of ``x`` without its last axis.
            Minus infinity where squares of the rows are beyond the range of double precision.

        Raises:
            NotFittedError: If the model has not been fitted.
            InputError: If ``x`` has another number of seeds or columns than the model or other
                names, or is not finite.
        """
        rows = self._rows(x)
        with usual_torch(), np.errstate(over="ignore"):
            values = self._log_prob(rows if rows.ndim == 3 else rows[None])
        return values if rows.ndim == 3 else values[0]

    def score_samples(self, x: Any) -> NDArray[np.float64]:
        """Compute the log-density at ``x``, as ``log_prob`` does, by its name in scikit-learn."""
        return self.log_prob(x)

    def score(self, x: Any, y: object = None) -> float:
        """Compute the mean log-density at ``x``, by which scikit-learn chooses settings.

        Args:
            x: Rows, as for ``log_prob``.
            y: Ignored but for interface.
        """
        return float(self.log_prob(x).mean())

    def _rows(self, x: Any) -> NDArray[np.float64]:
        """Return checked rows, shape ``(n, d)`` or ``(E, n, d)``."""
        seeds, dim, names = self.num_seeds, self.dim, column_names(x)
        if names is not None and self._names is not None and names != self._names:
            raise InputError(
                f"the columns are {', '.join(names)}, and the {self.name} was fitted on "
                f"{', '.join(self._names)}"
            )
        rows = np.array(as_numbers(x), np.float64)  # torch reads forward, and what it owns
        if rows.ndim not in (2, 3):
            raise InputError(f"rows have the shape (n, d) or (E, n, d), not {rows.shape}")
        if rows.shape[-1] != dim:
            raise InputError(
                f"X has {rows.shape[-1]} features, but {type(self).__name__} is expecting {dim} "
                "features as input"
            )
        if (len(rows) if rows.ndim == 3 else 1) != seeds:
            raise InputError(
                f"the {self.name} has {seeds} seeds, and the rows are of shape {rows.shape}"
            )
        if not np.isfinite(rows).all():
            raise InputError("rows must not hold NaN or infinity")
        return rows
