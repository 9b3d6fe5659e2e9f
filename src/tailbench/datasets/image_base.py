"""What all sets of images share: labels, the split into train, test and floor, and checks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tailbench.data import DataShape, DataSplits, ImageLayout
from tailbench.exceptions import InputError
from tailbench.interfaces import Target
from tailbench.io.lazy_rows import LazyRows
from tailbench.rng.seeds import generator_for
from tailbench.settings import Settings

__all__ = ["MANY", "ImageDataset", "ImageSettings", "LabelledImages", "held_out"]

MANY = 100_000
"""Rows that are assumed where only reading would tell their number."""

CHECKED_AT_ONCE = 64


class ImageSettings(Settings):
    """Settings of a set of images."""

    def shape(self) -> DataShape:
        """Return the size of the data as far as it is known without reading them: a guess."""
        return DataShape(MANY, 3 * 32 * 32, 32)


@dataclass(frozen=True)
class LabelledImages:
    """Images and their classes.

    Attributes:
        values: Shape ``(n, channels, height, width)``: bytes for pixels, from 0 to 255, single
            precision for latents. Rows that lie on the disk are read when they are used.
        labels: Class of each, shape ``(n,)``; ``None`` if unknown.
    """

    values: NDArray[Any] | LazyRows
    labels: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.values)

    def take(self, rows: NDArray[np.int64]) -> LabelledImages:
        """Return some of the images."""
        labels = None if self.labels is None else self.labels[rows]
        if isinstance(self.values, LazyRows):
            return LabelledImages(self.values.take(rows), labels)
        return LabelledImages(self.values[rows], labels)


class ImageDataset(ABC):
    """A set of images, whose law is not known.

    Subclasses set ``Settings`` and write ``read``. The images are the same for every seed; what
    differs between seeds is the subset used as floor. Large sets stay on the disk: their
    ``read`` gives a ``LazyRows``, and so do ``splits``.

    Args:
        settings: Settings of the data set; made from ``options`` if not given.
        options: Values of single settings.

    Raises:
        TypeError: If both ``settings`` and ``options`` are given.
        pydantic.ValidationError: If a setting is unknown or out of its range.
    """

    name: ClassVar[str]
    Settings: ClassVar[type[ImageSettings]] = ImageSettings
    classes: ClassVar[tuple[str, ...]] = ()
    pixels: ClassVar[bool] = True

    def __init__(self, settings: Any = None, **options: Any) -> None:
        if settings is not None and options:
            raise TypeError("give either a settings object or single settings, not both")
        self.settings: Any = self.Settings(**options) if settings is None else settings

    @property
    def source(self) -> str:
        """What messages call the data."""
        return f"the data set {self.name!r}"

    def files(self) -> tuple[Path, ...]:
        """List the user's files or folders that the images come from."""
        return ()

    @property
    def remote(self) -> str | None:
        """Name of the file that has to be fetched; ``None`` where the user has what is needed."""
        return None

    def fetch(self, output: Path) -> None:
        """Fetch the remote file, which is put in place once it has been checked.

        Raises:
            InputError: If there is nothing to fetch, it cannot be had, or is another file.
        """
        raise InputError(f"there is nothing to fetch for {self.source}")

    def class_names(self) -> tuple[str, ...]:
        """Return the names of the classes in the order of their labels; none if unknown."""
        return self.classes

    @abstractmethod
    def read(self) -> tuple[LabelledImages, LabelledImages]:
        """Read the images to train on, and those held out.

        Raises:
            InputError: If they cannot be read.
        """

    def target(self) -> Target | None:
        """The exact law of the data: not known."""
        return None

    def check(self, min_rows: int) -> None:
        """Read all images, without keeping those on the disk, and check that they can be used.

        What has yet to be fetched is not looked at.

        Args:
            min_rows: Least number of images to train on.

        Raises:
            InputError: If they cannot be read, or are too few.
        """
        if self.remote is not None:
            return
        train, test = self._parts
        if len(train) < min_rows:
            raise InputError(
                f"{self.source} has {len(train)} images for training, fewer than the {min_rows} "
                "that are needed"
            )
        if len(test) < 2:
            raise InputError(f"{self.source} has {len(test)} images to test on, fewer than two")
        for values in (train.values, test.values):
            if isinstance(values, LazyRows):
                for start in range(0, len(values), CHECKED_AT_ONCE):
                    values[start : start + CHECKED_AT_ONCE]

    def splits(self, name: str, seed: int) -> DataSplits:
        """Return train, test and, drawn from train, floor.

        If there are fewer images to train on than to test on, floor is all of train, and test
        its first rows of the same number.

        Args:
            name: Name of the data set in the configuration, which seeds the floor.
            seed: Number of the seed, which seeds the floor too.

        Raises:
            InputError: If the images cannot be read.
        """
        train, test = self._parts
        size = min(len(train), len(test))
        chosen = generator_for("data", name, "floor", seed).choice(len(train), size, replace=False)
        parts = {
            "train": train,
            "test": test.take(np.arange(size)) if size < len(test) else test,
            "floor": train.take(np.sort(chosen)),
        }
        _, channels, height, width = train.values.shape
        flat: dict[str, Any] = {
            key: part.values.reshape(len(part), -1) for key, part in parts.items()
        }
        return DataSplits(
            **flat,
            columns=tuple(f"pixel{j}" for j in range(channels * height * width)),
            images=ImageLayout(
                (channels, height, width),
                self.class_names(),
                pixels=train.values.dtype == np.uint8,
            ),
            labels={key: part.labels for key, part in parts.items() if part.labels is not None},
        )

    @cached_property
    def _parts(self) -> tuple[LabelledImages, LabelledImages]:
        return self.read()


def held_out(
    images: LabelledImages, fraction: float, name: str
) -> tuple[LabelledImages, LabelledImages]:
    """Hold out a random share of the images, the same for every seed.

    Args:
        images: All images.
        fraction: Share to hold out.
        name: Name of the data set, which seeds the choice.

    Raises:
        InputError: If nothing would be left on a side.
    """
    n_test = round(len(images) * fraction)
    if not 0 < n_test < len(images):
        raise InputError(
            f"the data set {name!r} has {len(images)} images, too few to hold out the share "
            f"{fraction:g} of them (test_fraction)"
        )
    order = generator_for("data", name, "split").permutation(len(images))
    return images.take(np.sort(order[n_test:])), images.take(np.sort(order[:n_test]))
