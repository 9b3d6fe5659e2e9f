"""Long-tailed CIFAR-10: colour images of 32 by 32 pixels in classes of falling size."""

from __future__ import annotations

import math
import tarfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field, PositiveInt

from tailbench.data import DataShape
from tailbench.datasets.idx_files import check_digest, labels_of
from tailbench.datasets.image_base import ImageDataset, ImageSettings, LabelledImages
from tailbench.exceptions import DiskFull, InputError
from tailbench.io.atomic import replacing
from tailbench.registry import register
from tailbench.rng.seeds import generator_for
from tailbench.settings import UserPath

__all__ = ["CIFAR10LT", "CIFAR10LTSettings", "reference_counts"]

SHAPE = (3, 32, 32)
ROW = 1 + math.prod(SHAPE)
TRAIN = tuple(f"data_batch_{i}.bin" for i in range(1, 6))
TEST = "test_batch.bin"
FOLDER = "cifar-10-batches-bin"
ARCHIVE = "cifar-10-binary.tar.gz"
OFFICIAL = "md5:c32a1d4ab5d03f1284b67883e8d87530"


class CIFAR10LTSettings(ImageSettings):
    """Settings of long-tailed CIFAR-10."""

    test_settings: ClassVar[Mapping[str, Any]] = {"path": "cifar-10-binary.tar.gz"}

    path: UserPath = Field(
        min_length=1,
        description="The archive cifar-10-binary.tar.gz, by its path or by its address "
        "(https://...), from where it is fetched, once; it is not unpacked.",
    )
    checksum: str | None = Field(
        OFFICIAL,
        pattern="^(md5:[0-9a-f]{32}|sha256:[0-9a-f]{64})$",
        description="Digest of the archive, by default the one its authors publish; "
        "null to take any archive.",
    )
    counts: tuple[PositiveInt, ...] = Field(
        (5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50),
        min_length=10,
        max_length=10,
        description="Number of training images of each class, from airplane to truck.",
    )
    test: Literal["long_tailed", "balanced"] = Field(
        "long_tailed",
        description="Whether the held-out images follow the proportions of counts, or are all "
        "of the test set.",
    )

    def shape(self) -> DataShape:
        """Return the size of the data."""
        return DataShape(60_000, 3 * 32 * 32, 32)


@register
class CIFAR10LT(ImageDataset):
    r"""Long-tailed CIFAR-10, a subset of CIFAR-10 with rare classes.

    By default class ``c`` has ``5000 * 100**(-c / 9)`` training images, rounded down: the
    largest class is a hundred times the smallest. A model learns those proportions, so the
    images it is compared with have them too: as many of each class as the test set allows,
    2,480 by default. Which images are chosen is the same for every member and whatever the
    counts: fewer images of a class are a subset of more.

    References:
        Krizhevsky, Learning multiple layers of features from tiny images, 2009. Cao, Wei,
        Gaidon, Arechiga and Ma, Learning imbalanced datasets with label-distribution-aware
        margin loss, NeurIPS 2019.
    """

    Settings = CIFAR10LTSettings
    classes: ClassVar[tuple[str, ...]] = (
        "airplane",
        "automobile",
        "bird",
        "cat",
        "deer",
        "dog",
        "frog",
        "horse",
        "ship",
        "truck",
    )

    @property
    def source(self) -> str:
        """What messages call the data: the path."""
        return str(self.settings.path)

    def files(self) -> tuple[Path, ...]:
        """List the archive; nothing if it is to be fetched."""
        return () if self.remote is not None else (Path(self.settings.path),)

    @property
    def remote(self) -> str | None:
        """The name of the archive, if the path is an address."""
        path = self.settings.path
        return ARCHIVE if path.startswith(("https://", "http://")) else None

    def fetch(self, output: Path) -> None:
        """Download the archive.

        Raises:
            InputError: If it cannot be downloaded, or has another checksum.
            DiskFull: If the disk is full.
        """
        import pooch

        address, expected = self.settings.path, self.settings.checksum
        try:
            with replacing(output) as temporary:
                pooch.retrieve(
                    address,
                    expected,
                    fname=temporary.name,
                    path=temporary.parent,
                    downloader=pooch.HTTPDownloader(timeout=60),
                )
        except DiskFull:
            raise
        except OSError as error:
            raise InputError(f"{address} cannot be fetched: {error}") from None
        except ValueError:  # what pooch says of another checksum
            raise InputError(f"{address} has another checksum than {expected}") from None

    def read(self) -> tuple[LabelledImages, LabelledImages]:
        """Read the images, shape ``(n, 3, 32, 32)``, from 0 to 255.

        Raises:
            InputError: If the archive is missing, truncated, another one or without a batch, or
                has too few images of a class.
        """
        path = Path(self.settings.path)
        if self.settings.checksum is not None:
            check_digest(path, self.settings.checksum)
        batches = _read_batches(path, len(self.classes))
        parts = [batches[name] for name in TRAIN]
        train = LabelledImages(
            np.concatenate([part.values for part in parts]),
            np.concatenate([part.labels for part in parts if part.labels is not None]),
        )
        test = batches[TEST]
        chosen = self._choose(train, self.settings.counts, "train")
        if self.settings.test == "balanced":
            return chosen, test
        available = [int(np.sum(test.labels == label)) for label in range(len(self.classes))]
        counts = reference_counts(self.settings.counts, available)
        return chosen, self._choose(test, counts, "test")

    def _choose(self, images: LabelledImages, counts: Sequence[int], part: str) -> LabelledImages:
        rows = []
        for label, (name, count) in enumerate(zip(self.classes, counts, strict=True)):
            found = np.flatnonzero(images.labels == label)
            if len(found) < count:
                raise InputError(
                    f"{self.source} has {len(found)} {part} images of the class {name!r}, fewer "
                    f"than {count}"
                )
            order = generator_for("data", self.name, part, label).permutation(found)
            rows.append(order[:count])
        return images.take(np.sort(np.concatenate(rows)))


def reference_counts(counts: Sequence[int], available: Sequence[int]) -> list[int]:
    """Return the largest counts in given proportions, rounded, at least one of each class.

    Args:
        counts: What they are in proportion to.
        available: Most that each can be.
    """
    most, per = min(zip(available, counts, strict=True), key=lambda pair: pair[0] / pair[1])
    return [max(1, (2 * count * most + per) // (2 * per)) for count in counts]


def _read_batches(path: Path, classes: int) -> dict[str, LabelledImages]:
    """Read the batches of the archive, by name, without writing any of it to the disk.

    Raises:
        InputError: If the archive is missing or damaged, or one of the batches is.
    """
    wanted = {str(PurePosixPath(FOLDER, name)): name for name in (*TRAIN, TEST)}
    found: dict[str, LabelledImages] = {}
    try:
        with tarfile.open(path, "r:gz") as archive:
            for member in archive:
                stream = archive.extractfile(member) if member.isfile() else None
                if stream is not None and member.name in wanted:
                    name = wanted[member.name]
                    source = f"{name} in {path}"
                    found[name] = _batch(stream.read(), classes, source)
    except FileNotFoundError:
        raise InputError(f"{path} does not exist") from None
    except (OSError, EOFError, zlib.error, tarfile.TarError) as error:
        raise InputError(f"{path} cannot be read as a .tar.gz archive: {error}") from error
    for member_name, name in wanted.items():
        if name not in found:
            raise InputError(f"{path} has no file {member_name}")
    return found


def _batch(content: bytes, classes: int, source: str) -> LabelledImages:
    """Return the images of a batch.

    A row has the label in one byte, and then 1,024 values each of red, of green and of blue.

    Raises:
        InputError: If the batch is not whole rows, or a label is out of range.
    """
    if not content or len(content) % ROW:
        raise InputError(
            f"{source} is not a batch of CIFAR-10: its {len(content)} bytes are not rows of {ROW}"
        )
    rows = np.frombuffer(content, np.uint8).reshape(-1, ROW)
    return LabelledImages(
        rows[:, 1:].reshape(-1, *SHAPE), labels_of(rows[:, 0], len(rows), classes, source)
    )
