"""What all metrics share: settings, the check of their input, and the centre of the data."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tailbench.data import ImageLayout
from tailbench.interfaces import MetricOutput, Target
from tailbench.settings import Settings as BaseSettings
from tailbench.stats.order_statistics import column_medians
from tailbench.stats.shared_work import once

__all__ = [
    "BaseMetric",
    "ConfiguredMetric",
    "ImageContext",
    "TrainMetric",
    "centre",
    "checked",
    "mean_or_nan",
    "pair",
    "radii",
    "rows_without",
]

S = TypeVar("S", bound=BaseSettings)


@dataclass(frozen=True)
class ImageContext:
    """What metrics of images are told besides the samples and the reference.

    Attributes:
        images: What the rows are.
        features: Features of the reference, by the name of the space, each ``(m, k)``.
        classifier: File of the classifier that was trained on the labelled training data.
        shares: Shares of the classes in the training data, shape ``(classes,)``.
        device: Where to compute the features of the samples.
    """

    images: ImageLayout
    features: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    classifier: Path | None = None
    shares: NDArray[np.float64] | None = None
    device: str = "cpu"


class ConfiguredMetric(Generic[S]):
    """What has typed settings and gives one number per output.

    A subclass names its ``Settings`` and ``outputs`` and, if it compares images, the feature
    space it does so in, and the settings that the features in that space depend on. One that is
    not ``by_default`` is computed only where a configuration names it; one that ``needs_train``
    is called with the training rows besides, one that is not ``quick`` takes more than some
    hundredths of a second for ten thousand rows, and ``least_dim`` is the fewest columns that it
    is defined for.

    Args:
        settings: How to compute it; made from ``options`` if not given.
        options: Values of single settings, as in ``MSLE(level=0.9)``.

    Raises:
        TypeError: If both ``settings`` and ``options`` are given.
        pydantic.ValidationError: If a setting is unknown or out of its range.
    """

    kind: ClassVar[str] = "metrics"
    name: ClassVar[str]
    Settings: ClassVar[type[BaseSettings]]
    outputs: ClassVar[Mapping[str, MetricOutput]]
    by_default: ClassVar[bool] = True
    least_dim: ClassVar[int] = 1
    space: ClassVar[str | None] = None
    needs_train: ClassVar[bool] = False
    quick: ClassVar[bool] = True
    extraction: ClassVar[tuple[str, ...]] = ()

    def __init__(self, settings: S | None = None, **options: Any) -> None:
        if settings is not None and options:
            raise TypeError("give either a settings object or single settings, not both")
        self.settings: S = settings if settings is not None else self.Settings(**options)  # type: ignore[assignment]

    def applies(self, truth: Target | None, images: ImageLayout | None = None) -> bool:
        """Whether the metric is defined for data of this exact law (``None``: unknown).

        Args:
            truth: The exact law of the data, or ``None``.
            images: What the rows are if they are images.
        """
        return truth is None or truth.dim >= self.least_dim


class BaseMetric(ConfiguredMetric[S], ABC):
    """A metric of rows of numbers, whatever they are; a subclass gives ``compare``."""

    def __call__(
        self,
        samples: ArrayLike,
        reference: ArrayLike,
        truth: Target | None,
        rng: np.random.Generator,
        images: ImageContext | None = None,
    ) -> dict[str, float]:
        """Compare ``samples`` ``(n, d)`` with ``reference`` ``(m, d)``.

        Args:
            samples: What a model has drawn, shape ``(n, d)``.
            reference: Held-out real data, shape ``(m, d)``.
            truth: The exact law of the data, or ``None``.
            rng: Source of all randomness: equal generators give equal values.
            images: What is known of images; not used.

        Returns:
            One value per output.

        Raises:
            ValueError: If an array is not a finite, non-empty table, or their widths differ.
        """
        return self.compare(*pair(samples, reference), truth, rng)

    @abstractmethod
    def compare(
        self,
        samples: NDArray[np.float64],
        reference: NDArray[np.float64],
        truth: Target | None,
        rng: np.random.Generator,
    ) -> dict[str, float]:
        """Compute the outputs from arrays that have been checked."""


class TrainMetric(ConfiguredMetric[S], ABC):
    """A metric that compares with the training rows too; a subclass gives ``compare``."""

    needs_train = True

    def __call__(
        self,
        samples: ArrayLike,
        reference: ArrayLike,
        truth: Target | None,
        rng: np.random.Generator,
        images: ImageContext | None = None,
        *,
        train: ArrayLike,
    ) -> dict[str, float]:
        """Compare ``samples`` ``(n, d)`` with ``reference`` ``(m, d)`` and ``train`` ``(k, d)``.

        Args:
            samples: What a model has drawn, shape ``(n, d)``.
            reference: Held-out real data, shape ``(m, d)``.
            truth: The exact law of the data, or ``None``; not used.
            rng: Source of all randomness: equal generators give equal values.
            images: What is known of images; not used.
            train: What the model was trained on, shape ``(k, d)``.

        Returns:
            One value per output.

        Raises:
            ValueError: If an array is not a finite, non-empty table, or their widths differ.
        """
        x, y = pair(samples, reference)
        rows = checked(train, "training rows")
        if rows.shape[1] != x.shape[1]:
            raise ValueError(
                f"samples have {x.shape[1]} columns, but the training rows have {rows.shape[1]}"
            )
        return self.compare(x, y, rows, rng)

    @abstractmethod
    def compare(
        self,
        samples: NDArray[np.float64],
        reference: NDArray[np.float64],
        train: NDArray[np.float64],
        rng: np.random.Generator,
    ) -> dict[str, float]:
        """Compute the outputs from arrays that have been checked."""


def pair(
    samples: ArrayLike, reference: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return samples and reference as checked tables.

    Raises:
        ValueError: If an array is not a finite, non-empty table, or their widths differ.
    """
    x, y = checked(samples, "samples"), checked(reference, "reference")
    if x.shape[1] != y.shape[1]:
        raise ValueError(f"samples have {x.shape[1]} columns, but the reference has {y.shape[1]}")
    return x, y


def checked(x: ArrayLike, what: str) -> NDArray[np.float64]:
    """Return a table as float64, shape ``(n, d)``; nothing is cleaned.

    Raises:
        ValueError: If it is not a non-empty table of finite numbers.
    """
    table = np.asarray(x, dtype=np.float64)
    if table.ndim != 2 or 0 in table.shape:
        raise ValueError(f"{what} must be a non-empty table (n, d), not of shape {table.shape}")
    finite = np.isfinite(table)
    if not finite.all():
        bad = int(np.count_nonzero(~finite.all(axis=1)))
        raise ValueError(f"{bad} of {len(table)} rows of the {what} are not finite")
    return table


def rows_without(rows: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the rows that are not among others, shape ``(k, d)``, in their order.

    Args:
        rows: Rows, shape ``(n, d)``.
        others: What is left out, to the bit, shape ``(m, d)``.
    """
    first, second = (
        np.ascontiguousarray(x).view(np.dtype((np.void, x.shape[1] * x.itemsize)))[:, 0]
        for x in (rows, others)
    )
    return rows[~np.isin(first, second)]


def centre(reference: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the point from which tails are measured: the median of each column, shape ``(d,)``.

    A mean would not do: for a tail index of at most one it does not exist.
    """
    return column_medians(reference)


@once
def radii(x: NDArray[np.float64], reference: NDArray[np.float64]) -> NDArray[np.float64]:
    """Compute the Euclidean distances of rows from the centre of a reference, shape ``(n,)``.

    Args:
        x: Rows, shape ``(n, d)``.
        reference: What the centre is of, shape ``(m, d)``.
    """
    distances: NDArray[np.float64] = np.linalg.norm(x - centre(reference), axis=1)
    return distances


def mean_or_nan(values: NDArray[np.float64]) -> float:
    """Average what is not ``nan``; ``nan`` if that is nothing."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else float("nan")
