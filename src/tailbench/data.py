"""Data and what is known of them: splits, image layouts, modes of mixtures, bytes of pixels.

Arrays of data have the shape ``(n, d)``; arrays of a seed block have ``(E, n, d)``, one entry of
the first axis for each seed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

__all__ = [
    "DataShape",
    "DataSplits",
    "ImageLayout",
    "MixtureModes",
    "NetworkCost",
    "Variant",
    "as_bytes",
    "as_values",
]


@dataclass(frozen=True)
class MixtureModes:
    """The modes of a mixture whose components are well apart.

    Attributes:
        means: Centres, shape ``(k, d)``.
        std: Standard deviation of every component, in units of the data.
        weights: Probabilities of the components, shape ``(k,)``, summing to one.
    """

    means: NDArray[np.float64]
    std: float
    weights: NDArray[np.float64]


@dataclass(frozen=True)
class ImageLayout:
    """What rows are that are images, or latents of images, laid out channel by channel.

    Attributes:
        shape: Channels, height and width; their product is ``d``.
        classes: Names of the classes, in the order of the labels; none without labels.
        pixels: Whether the values are brightnesses, not latents.
    """

    shape: tuple[int, int, int]
    classes: tuple[str, ...] = ()
    pixels: bool = True

    @classmethod
    def of(cls, plain: Mapping[str, Any] | None) -> ImageLayout | None:
        """Read what ``dataclasses.asdict`` has written, also by way of JSON; ``None`` of none."""
        if plain is None:
            return None
        return cls(tuple(plain["shape"]), tuple(plain["classes"]), plain["pixels"])


@dataclass(frozen=True)
class DataShape:
    """The size of the data of one seed, as far as settings tell it without reading data.

    Attributes:
        rows: Rows of the larger of the training and the held-out data.
        dim: Dimension ``d``.
        side: Height and width, where rows are images.
    """

    rows: int
    dim: int
    side: int = 1


@dataclass(frozen=True)
class NetworkCost:
    """The size of a model, by which memory and time of its jobs are estimated.

    Attributes:
        parameters: Number of parameters.
        operations: Multiplications and additions to evaluate it at one sample.
        activations: Numbers that are kept for the gradient at one sample.
        calls: Kernels that a GPU starts one after another, in units of a small perceptron's.
    """

    parameters: float
    operations: float
    activations: float
    calls: float = 1.0


@dataclass(frozen=True)
class DataSplits:
    """The data of one seed.

    Attributes:
        train: What models are fitted on, shape ``(n, d)``.
        test: Held-out reference of every metric, shape ``(m, d)``.
        floor: Real data of the size of ``test``, used as if a model had made it: a metric
            between ``floor`` and ``test`` is the best that metric can be expected to show.
        columns: Names of the ``d`` columns.
        images: What the rows are if they are images; bytes are then pixels, from 0 to 255.
        labels: Class of every row of ``train``, ``test`` and ``floor``, where it is known.
    """

    train: NDArray[Any]
    test: NDArray[Any]
    floor: NDArray[Any]
    columns: Sequence[str]
    images: ImageLayout | None = None
    labels: Mapping[str, NDArray[np.int64]] = field(default_factory=dict)


def as_values(stored: NDArray[Any], dtype: DTypeLike = np.float64) -> NDArray[Any]:
    """Return stored data as numbers: bytes are pixels, and 0 to 255 becomes -1 to 1."""
    if stored.dtype == np.uint8:
        return stored.astype(dtype) / np.asarray(127.5, dtype) - np.asarray(1.0, dtype)
    return stored.astype(dtype, copy=False)


def as_bytes(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Return the pixels nearest to values from -1 to 1; what lies outside is cut off."""
    return np.rint(np.clip(127.5 * (values + 1.0), 0.0, 255.0)).astype(np.uint8)


@dataclass(frozen=True)
class Variant:
    """A method at one point of its sweep.

    Attributes:
        method: Name of the method in the configuration.
        label: The swept settings as text, such as ``sigma_T=2,sampling_steps=8``; empty without
            a sweep.
            Two variants of a method are the same if their labels are.
        settings: The swept settings with their values.
    """

    method: str
    label: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict, compare=False)

    @property
    def text(self) -> str:
        """The variant for readers: ``flow_sgm, sigma_T = 2``."""
        settings = self.label.replace(",", ", ").replace("=", " = ")
        return f"{self.method}, {settings}" if settings else self.method
