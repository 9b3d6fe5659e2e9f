"""IDX files, in which sets of images are published, and checks of files and labels."""

from __future__ import annotations

import gzip
import hashlib
import math
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from tailbench.data import DataShape
from tailbench.datasets.image_base import ImageDataset, ImageSettings, LabelledImages
from tailbench.exceptions import InputError
from tailbench.settings import UserPath

__all__ = [
    "IdxDataset",
    "IdxSettings",
    "check_digest",
    "labels_of",
    "read_idx",
]

UNSIGNED_BYTES = 8  # code of the type in the header


class IdxSettings(ImageSettings):
    """Settings of a set of images in IDX files."""

    test_settings: ClassVar[Mapping[str, Any]] = {"path": "folder"}

    path: UserPath = Field(
        min_length=1,
        description="Folder of the four IDX files, compressed by gzip or not: "
        "train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz, and the same with t10k.",
    )

    def shape(self) -> DataShape:
        """Return the size of the data."""
        return DataShape(70_000, 28 * 28, 28)


class IdxDataset(ImageDataset):
    """Grey images of 28 by 28 pixels in ten classes, with the official split.

    References:
        LeCun, Cortes and Burges, The MNIST database of handwritten digits, 1998 (the format).
    """

    Settings: ClassVar[type[ImageSettings]] = IdxSettings
    shape: ClassVar[tuple[int, int]] = (28, 28)

    @property
    def source(self) -> str:
        """What messages call the data: the path."""
        return str(self.settings.path)

    def files(self) -> tuple[Path, ...]:
        """List the files: images and labels to train on, then those to test on."""
        return tuple(
            _variant(Path(self.settings.path), part, what)
            for part in ("train", "t10k")
            for what in ("images-idx3", "labels-idx1")
        )

    def read(self) -> tuple[LabelledImages, LabelledImages]:
        """Read the images, shape ``(n, 1, 28, 28)``, from 0 (black) to 255.

        Raises:
            InputError: If a file is missing, truncated or not IDX, the images are of another
                size, or the labels do not fit them.
        """
        train, train_labels, test, test_labels = self.files()
        return self._part(train, train_labels), self._part(test, test_labels)

    def _part(self, images: Path, labels: Path) -> LabelledImages:
        pixels, classes = read_idx(images, 3), read_idx(labels, 1)
        if pixels.shape[1:] != self.shape:
            size = " by ".join(map(str, pixels.shape[1:]))
            raise InputError(f"{images} has images of {size} pixels, not 28 by 28")
        return LabelledImages(
            pixels[:, None], labels_of(classes, len(pixels), len(self.classes), labels)
        )


def _variant(folder: Path, part: str, what: str) -> Path:
    """Return the path of a file under the name it has, or its first name if it has none."""
    names = [f"{part}-{what}-ubyte", f"{part}-{what.replace('-', '.')}-ubyte"]
    paths = [folder / f"{name}{suffix}" for name in names for suffix in (".gz", "")]
    return next((path for path in paths if path.is_file()), paths[0])


def read_idx(path: Path, axes: int) -> NDArray[np.uint8]:
    """Read an IDX file of bytes.

    Args:
        path: The file, compressed if it ends in ``.gz``.
        axes: Number of axes that it should have.

    Raises:
        InputError: If it is missing, truncated, or not such a file.
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as stream:
            content = stream.read()
    except FileNotFoundError:
        raise InputError(f"{path} does not exist") from None
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path} cannot be read: {error}") from error
    start = 4 * (1 + axes)
    if len(content) < start or content[:4] != bytes((0, 0, UNSIGNED_BYTES, axes)):
        raise InputError(f"{path} is not an IDX file of bytes with {axes} axes")
    shape = np.frombuffer(content, ">u4", count=axes, offset=4).tolist()
    if len(content) - start != math.prod(shape):
        raise InputError(
            f"{path} holds {len(content) - start} values, not the {math.prod(shape)} that its "
            "header tells of"
        )
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def labels_of(found: Any, images: int, classes: int, source: object) -> NDArray[np.int64]:
    """Return labels that have been checked.

    Args:
        found: Whole numbers, one for every image.
        images: Number of images.
        classes: Number of classes.
        source: What to call the file in messages.

    Raises:
        InputError: If there is not one label for every image, or one is out of range.
    """
    labels = np.asarray(found)
    if labels.shape != (images,):
        raise InputError(f"{source} has {labels.size} labels, not one for each of {images} images")
    wrong = (labels < 0) | (labels >= classes)
    if wrong.any():
        label = labels[np.argmax(wrong)]
        raise InputError(f"{source} has the label {label}, which is not in 0 to {classes - 1}")
    return labels.astype(np.int64)


def check_digest(path: Path, expected: str) -> None:
    """Check that a file is the one it should be.

    Args:
        path: The file.
        expected: ``md5:`` or ``sha256:``, and the digest as hexadecimal digits.

    Raises:
        InputError: If it is another file, or cannot be read.
    """
    algorithm, _, digest = expected.partition(":")
    try:
        with path.open("rb") as stream:
            state = hashlib.file_digest(
                stream, lambda: hashlib.new(algorithm, usedforsecurity=False)
            )
    except FileNotFoundError:
        raise InputError(f"{path} does not exist") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    if state.hexdigest() != digest:
        raise InputError(
            f"{path} is damaged or another file: its {algorithm} is {state.hexdigest()}, "
            f"not {digest}"
        )
