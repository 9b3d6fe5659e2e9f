"""Arrays as users have them, in the form that figures draw: variants, and an axis of seeds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tailbench.data import Variant

__all__ = ["SampleSets", "Samples", "by_seed"]

Samples: TypeAlias = Mapping[str, ArrayLike] | Mapping[Variant, ArrayLike]
"""Samples by method or by variant, each of shape ``(n, d)``, or ``(E, n, d)`` of several seeds."""


def by_seed(x: ArrayLike, what: str = "the data") -> NDArray[Any]:
    """Return an array with an axis of seeds, shape ``(E, n, d)``; ``(n, d)`` is one seed.

    Raises:
        ValueError: If the array has neither shape.
    """
    array = np.asarray(x)
    if array.ndim == 2:
        return array[None]
    if array.ndim != 3:
        shape = "×".join(map(str, array.shape))
        raise ValueError(f"{what}: the shape is {shape or 'that of a number'}, not (n, d)")
    return array


class SampleSets(Mapping[Variant, NDArray[Any]]):
    """Samples by variant, each of shape ``(E, n, d)``, looked up one at a time."""

    def __init__(self, samples: Samples) -> None:
        self._samples: Mapping[Any, ArrayLike] = samples
        self._keys = {key if isinstance(key, Variant) else Variant(key): key for key in samples}

    def __getitem__(self, variant: Variant) -> NDArray[Any]:
        """Return the samples of a variant."""
        return by_seed(self._samples[self._keys[variant]], f"the samples of {variant.text}")

    def __iter__(self) -> Iterator[Variant]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)

    def by_method(self) -> dict[str, list[Variant]]:
        """Return the variants of each method, in the order of the samples."""
        found: dict[str, list[Variant]] = {}
        for variant in self:
            found.setdefault(variant.method, []).append(variant)
        return found
