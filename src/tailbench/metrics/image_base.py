"""What all metrics of images share: pixels from rows, and distances between sets of features."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field

from tailbench.data import ImageLayout, as_bytes
from tailbench.interfaces import MetricOutput, Target
from tailbench.metrics.base import ConfiguredMetric, ImageContext, pair
from tailbench.settings import Settings

__all__ = ["FidelityMetric", "FidelitySettings", "ImageMetric", "fidelity_outputs"]

S = TypeVar("S", bound=Settings)
F = TypeVar("F", bound="FidelitySettings")


class ImageMetric(ConfiguredMetric[S], ABC):
    """A metric of images with pixels; a subclass gives ``compare``.

    Values are brightnesses from -1 to 1 and are rounded to bytes; what lies outside is cut off,
    as it is when images are shown.
    """

    labelled: ClassVar[bool] = False

    def applies(self, truth: Target | None, images: ImageLayout | None = None) -> bool:
        """Whether the rows are images with pixels, and labelled if labels are needed."""
        return images is not None and images.pixels and bool(images.classes or not self.labelled)

    def __call__(
        self,
        samples: ArrayLike,
        reference: ArrayLike,
        truth: Target | None,
        rng: np.random.Generator,
        images: ImageContext | None = None,
    ) -> dict[str, float]:
        """Compare images ``samples`` ``(n, d)`` with ``reference`` ``(m, d)``.

        Args:
            samples: What a model has drawn, shape ``(n, d)``.
            reference: Held-out real images, shape ``(m, d)``.
            truth: Not used: the law of images is not known.
            rng: Source of all randomness: equal generators give equal values.
            images: What is known of the images.

        Returns:
            One value per output.

        Raises:
            ValueError: If an array is not a finite, non-empty table, their widths differ, they do
                not fit the shape of the images, or nothing is known of the images.
        """
        x, y = pair(samples, reference)
        if images is None:
            raise ValueError("metrics of images need to know what the rows are")
        if int(np.prod(images.images.shape)) != x.shape[1]:
            raise ValueError(
                f"rows of {x.shape[1]} columns are no images of shape {images.images.shape}"
            )
        return self.compare(as_bytes(x).reshape(-1, *images.images.shape), len(y), images, rng)

    @abstractmethod
    def compare(
        self,
        pixels: NDArray[np.uint8],
        size: int,
        images: ImageContext,
        rng: np.random.Generator,
    ) -> dict[str, float]:
        """Compute the outputs of images ``(n, C, H, W)`` against a reference of ``size`` images."""


class FidelitySettings(Settings):
    """How two sets of features are compared."""

    k: int = Field(
        3,
        ge=1,
        le=1000,
        description="Neighbour whose distance is the radius of a point, for precision and recall.",
    )
    subsets: int = Field(
        100, ge=1, le=10_000, description="Random subsets over which KID is averaged."
    )
    subset_size: int = Field(
        1000,
        ge=2,
        le=100_000,
        description="Images of each subset; fewer where there are fewer images.",
    )


class FidelityMetric(ImageMetric[F]):
    """FID, KID, precision and recall in a feature space; a subclass names it and its weights."""

    space: ClassVar[str]

    @abstractmethod
    def weights(self, images: ImageContext) -> Path | None:
        """Return the file of the weights of the network that gives features."""

    @property
    def batch_size(self) -> int | None:
        """Images at a time; ``None`` for a number that suits the network."""
        return None

    def compare(
        self,
        pixels: NDArray[np.uint8],
        size: int,
        images: ImageContext,
        rng: np.random.Generator,
    ) -> dict[str, float]:
        """Compute the four values.

        Raises:
            InputError: If the weights cannot be used.
            ValueError: If the features of the reference are missing or do not fit it, or there are
                no more images than neighbours.
        """
        from tailbench.metrics import fidelity

        real = images.features.get(self.space)
        if real is None or len(real) != size:
            raise ValueError(
                f"the features {self.space!r} of the {size} images of the reference are needed"
            )
        least, chosen = min(len(pixels), size), self.settings
        if least <= chosen.k:
            raise ValueError(f"{least} images are too few for neighbourhoods of {chosen.k}")
        made = fidelity.features(
            pixels, self.space, self.weights(images), images.device, self.batch_size
        )
        return {
            f"{key}_{self.space}": value
            for key, value in fidelity.distances(
                made,
                real,
                k=chosen.k,
                subsets=chosen.subsets,
                subset_size=min(chosen.subset_size, least),
                seed=int(rng.integers(2**32)),
            ).items()
        }


def fidelity_outputs(space: str, label: str) -> dict[str, MetricOutput]:
    """Describe the four values of a feature space, by their names."""
    return {
        f"fid_{space}": MetricOutput(f"FID ({label})", group="images"),
        f"kid_{space}": MetricOutput(f"KID ({label})", group="images"),
        f"precision_{space}": MetricOutput(f"precision ({label})", better="higher", group="images"),
        f"recall_{space}": MetricOutput(f"recall ({label})", better="higher", group="images"),
    }
