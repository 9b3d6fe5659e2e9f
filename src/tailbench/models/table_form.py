"""What a model knows of the form of its data: whether they were a table, and names of columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tailbench.exceptions import NotFittedError
from tailbench.io.column_types import DOUBLE, in_types

__all__ = ["TableForm"]


class TableForm:
    """A model that gives samples in the form of the data that it was fitted on."""

    name: ClassVar[str]
    dim: Any
    _table: bool = False
    """Whether the data were a table, so that samples have no axis of seeds."""
    _names: tuple[str, ...] | None = None
    """Names of the columns, if the data were a data frame."""
    _types: tuple[str, ...] | None = None
    """Types of these columns, if one of them is not in double precision."""

    def _take_form(self, *parts: TableForm) -> None:
        """Take the form of the data that the parts of a model were fitted on."""
        self._table = all(part._table for part in parts)
        first = parts[0] if self._table else TableForm()
        self._names, self._types = first._names, first._types

    def _be_table_of(self, other: TableForm) -> None:
        """Take the form of a table, with the names and types of the columns of another model."""
        self._table, self._names, self._types = True, other._names, other._types

    def _framed(self, samples: NDArray[np.floating]) -> Any:
        """Return samples ``(n, d)`` as the data were given: with names and types of columns."""
        if self._names is None:
            return samples
        import pandas as pd

        if self._types is None:
            return pd.DataFrame(samples, columns=list(self._names))
        frame = pd.concat(in_types(samples, self._types), axis=1)
        return frame.set_axis(list(self._names), axis=1)

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
        types = {} if self._types is None else {"feature_types": list(self._types)}
        return {"table": self._table, **names, **types}

    def _set_form(self, spec: Mapping[str, Any]) -> None:
        """Take the form of the data from what was saved."""
        self._table, names = spec["table"], spec.get("feature_names")
        self._names = None if names is None else tuple(names)
        types = spec.get("feature_types")
        self._types = None if types is None else tuple(types)

    def _set_types(self, types: tuple[str, ...] | None) -> None:
        """Keep the types of the columns, where not all are in double precision."""
        self._types = types if types and set(types) != {DOUBLE} else None
