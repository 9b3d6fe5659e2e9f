"""Some of the rows of a table."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["thinned"]


def thinned(x: NDArray[np.float64], most: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return a table, or ``most`` of its rows, drawn without replacement, where it has more."""
    return x if len(x) <= most else x[rng.choice(len(x), most, replace=False)]
