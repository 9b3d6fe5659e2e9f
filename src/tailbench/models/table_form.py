"""What a model knows of the form of its data: whether they were a table, and names of columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tailbench.exceptions import NotFittedError

__all__ = ["TableForm"]


class TableForm:
    """A model that gives samples in the form of the data that it was fitted on."""

    name: ClassVar[str]
    dim: Any
    _table: bool = False
    """Whether the data were a table, so that samples have no axis of seeds."""
    _names: tuple[str, ...] | None = None
    """Names of the columns, if the data were a data frame."""

    def _take_form(self, *parts: TableForm) -> None:
        """Take the form of the data that the parts of a model were fitted on."""
        self._table = all(part._table for part in parts)
        self._names = parts[0]._names if self._table else None

    def _framed(self, samples: NDArray[np.floating]) -> Any:
        """Return samples ``(n, d)`` as the data were given: with the names of their columns."""
        if self._names is None:
            return samples
        import pandas as pd

        return pd.DataFrame(samples, columns=list(self._names))

    @property
    def n_features_in_(self) -> int:
        """Number of columns of the data; there after ``fit``."""
        return self.dim

    @property
    def feature_names_in_(self) -> NDArray[np.object_]:
        """Names of the columns of the data; there after ``fit`` on a data frame that has them."""
        if self._names is None:
            raise NotFittedError(f"the {self.name} has not been fitted on columns with names")
        return np.array(self._names, dtype=object)

    def _form(self) -> dict[str, Any]:
        """Return what is to be saved of the form of the data."""
        names = {} if self._names is None else {"feature_names": list(self._names)}
        return {"table": self._table, **names}

    def _set_form(self, spec: Mapping[str, Any]) -> None:
        """Take the form of the data from what was saved."""
        self._table, names = spec["table"], spec.get("feature_names")
        self._names = None if names is None else tuple(names)
