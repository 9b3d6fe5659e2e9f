"""Latents of images, as the encoder of an autoencoder has made them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from tailbench.data import DataShape
from tailbench.datasets.idx_files import labels_of
from tailbench.datasets.image_base import (
    MANY,
    ImageDataset,
    ImageSettings,
    LabelledImages,
    held_out,
)
from tailbench.exceptions import InputError
from tailbench.io.lazy_rows import LazyRows
from tailbench.registry import nearest, register
from tailbench.settings import UserPath

__all__ = ["Latents", "LatentsSettings"]

LABELS = "labels"
MOST_CLASSES = 100_000
FLOATS = {"F16": "float16", "F32": "float32", "F64": "float64"}


class LatentsSettings(ImageSettings):
    """Settings of latents."""

    test_settings: ClassVar[Mapping[str, Any]] = {"path": "folder"}

    path: UserPath = Field(
        min_length=1,
        description="Folder of shards: .npy files, or .safetensors files, which may hold whole "
        "numbers as 'labels' too; latents have the axes rows, channels, height and width.",
    )
    key: str = Field(
        "latents", min_length=1, description="Name of the latents in .safetensors files."
    )
    test_fraction: float = Field(
        0.25, gt=0, lt=1, description="Fraction of the latents that is held out from training."
    )
    classes: tuple[Annotated[int, Field(ge=0)], ...] | None = Field(
        None,
        min_length=1,
        description="Labels to keep, a subset such as the dogs of ImageNet, in the order of the "
        "classes; by default all.",
    )
    side: int = Field(
        32,
        ge=1,
        description="Height and width of the latents, by which memory and time of jobs are "
        "estimated before they are read.",
    )

    def shape(self) -> DataShape:
        """Return the size of the data, a guess: latents of 4 channels."""
        return DataShape(MANY, 4 * self.side**2, self.side)

    @field_validator("classes")
    @classmethod
    def _no_label_twice(cls, classes: tuple[int, ...] | None) -> tuple[int, ...] | None:
        if len(set(classes or ())) < len(classes or ()):
            raise ValueError("a label is named twice")
        return classes


@dataclass(frozen=True)
class Shard:
    """One file.

    Attributes:
        path: The file.
        shape: Rows, channels, height and width.
        read: Reads the given rows, in the type of the file.
        labels: Class of every row, if the file tells.
    """

    path: Path
    shape: tuple[int, ...]
    read: Callable[[NDArray[np.int64]], NDArray[Any]]
    labels: NDArray[np.int64] | None = None


@register
class Latents(ImageDataset):
    """Latents of images from NPY or safetensors files, in single precision.

    The files stay where they are: rows are read when they are used. Nothing is rescaled. The
    classes are named by their labels, from 0 to the largest, or are some of them. Test rows are a
    random share.

    References:
        Rombach, Blattmann, Lorenz, Esser and Ommer, High-resolution image synthesis with latent
        diffusion models, CVPR 2022.
    """

    pixels: ClassVar[bool] = False
    Settings = LatentsSettings

    @property
    def source(self) -> str:
        """What messages call the data: the path."""
        return str(self.settings.path)

    def files(self) -> tuple[Path, ...]:
        """List the shards, sorted by name, or the folder if there are none."""
        folder = Path(self.settings.path)
        found = [
            path
            for path in (folder.iterdir() if folder.is_dir() else ())
            if path.suffix.lower() in READERS and path.name[0] != "." and path.is_file()
        ]
        return tuple(sorted(found)) or (folder,)

    def class_names(self) -> tuple[str, ...]:
        """Return the labels as text: those kept, or 0 to the largest; none without labels.

        Raises:
            InputError: As ``read``.
        """
        labels, kept = self._labels, self.settings.classes
        if labels is None:
            return ()
        return tuple(map(str, range(int(labels.max()) + 1) if kept is None else kept))

    def read(self) -> tuple[LabelledImages, LabelledImages]:
        """Find the latents, shape ``(n, channels, height, width)``, read when they are used.

        Raises:
            InputError: If there are none, a shard is damaged, of another shape than the first
                or without what the first has, or a class is to be kept that no row has; when rows
                are used, if one is not finite.
        """
        rows, labels = self._chosen()
        values = LazyRows(self._rows, rows, self._shards[0].shape[1:], np.float32)
        return held_out(LabelledImages(values, labels), self.settings.test_fraction, self.name)

    def _chosen(self) -> tuple[NDArray[np.int64], NDArray[np.int64] | None]:
        """Return the rows of the classes to keep, and their positions among these classes."""
        rows, labels, kept = np.arange(self._ends[-1]), self._labels, self.settings.classes
        if kept is None:
            return rows, labels
        if labels is None:
            raise InputError(f"{self.source} has no {LABELS}, of which classes names some")
        missing = sorted(set(kept) - set(labels.tolist()))
        if missing:
            raise InputError(f"{self.source} has no latents of the class {missing[0]} (classes)")
        places = np.full(max(int(labels.max()), *kept) + 1, -1)
        places[list(kept)] = np.arange(len(kept))
        found = places[labels]
        return rows[found >= 0], found[found >= 0]

    @cached_property
    def _shards(self) -> list[Shard]:
        files = self.files()
        folder = Path(self.settings.path)
        if not folder.is_dir():
            raise InputError(
                f"{folder} {'is not a folder' if folder.exists() else 'does not exist'}"
            )
        if files == (folder,):
            raise InputError(f"{folder} has no .npy or .safetensors files")
        shards = [READERS[path.suffix.lower()](path, self.settings.key) for path in files]
        first = shards[0]
        for shard in shards:
            if len(shard.shape) != 4 or not all(shard.shape):
                raise InputError(
                    f"{shard.path} holds latents of shape {shard.shape}, not some rows of "
                    "channels, height and width"
                )
            if shard.shape[1:] != first.shape[1:]:
                raise InputError(
                    f"{shard.path} holds latents of shape {shard.shape[1:]}, not "
                    f"{first.shape[1:]} as {first.path}"
                )
            if (shard.labels is None) != (first.labels is None):
                without, having = (shard, first) if shard.labels is None else (first, shard)
                raise InputError(f"{without.path} has no {LABELS}, but {having.path} has")
        return shards

    @cached_property
    def _ends(self) -> NDArray[np.int64]:
        """Number of rows up to the end of every shard."""
        return np.cumsum([shard.shape[0] for shard in self._shards], dtype=np.int64)

    @property
    def _labels(self) -> NDArray[np.int64] | None:
        labels = [shard.labels for shard in self._shards if shard.labels is not None]
        return np.concatenate(labels) if labels else None

    def _rows(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        ends = self._ends
        latents = np.empty((len(rows), *self._shards[0].shape[1:]), np.float32)
        owner = np.searchsorted(ends, rows, side="right")
        for number in np.unique(owner):
            shard, mine = self._shards[number], owner == number
            inside = rows[mine] - (ends[number] - shard.shape[0])
            with np.errstate(over="ignore"):  # what overflows is reported below
                found = shard.read(inside).astype(np.float32)
            finite = np.isfinite(found).reshape(len(found), -1).all(axis=1)
            if not finite.all():
                raise InputError(
                    f"row {inside[np.argmin(finite)] + 1} of {shard.path} holds what is not a "
                    "finite number of single precision"
                )
            latents[mine] = found
        return latents


def _npy(path: Path, key: str) -> Shard:
    """Open a NPY file."""
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path} cannot be read as .npy: {reason}") from error
    if not isinstance(array, np.ndarray) or array.dtype.kind != "f":
        kind = array.dtype if isinstance(array, np.ndarray) else "several arrays"
        raise InputError(f"{path} holds {kind}, not floating point numbers")
    return Shard(path, array.shape, lambda rows: array[rows])


def _safetensors(path: Path, key: str) -> Shard:
    """Open a safetensors file."""
    from safetensors import SafetensorError, safe_open

    try:
        file = safe_open(path, framework="np")
        known = list(file.keys())
    except (OSError, SafetensorError) as error:
        raise InputError(f"{path} cannot be read as .safetensors: {error}") from error
    if key not in known:
        raise InputError(f"{path} has no tensor {key!r}{nearest(key, known)}")
    tensor = file.get_slice(key)
    shape = tuple(tensor.get_shape())
    if tensor.get_dtype() not in FLOATS:
        raise InputError(f"{path} holds {tensor.get_dtype()} as {key!r}, not {', '.join(FLOATS)}")

    def read(rows: NDArray[np.int64]) -> NDArray[Any]:
        found = np.empty((len(rows), *shape[1:]), FLOATS[tensor.get_dtype()])
        for i, row in enumerate(rows.tolist()):
            found[i] = tensor[row : row + 1][0]
        return found

    return Shard(path, shape, read, _labels(file, path, shape) if LABELS in known else None)


def _labels(file: Any, path: Path, shape: tuple[int, ...]) -> NDArray[np.int64]:
    labels = file.get_tensor(LABELS)
    if labels.dtype.kind not in "iu":
        raise InputError(f"{path} holds {labels.dtype} as {LABELS!r}, not whole numbers")
    return labels_of(labels, shape[0] if shape else 0, MOST_CLASSES, path)


READERS: dict[str, Callable[[Path, str], Shard]] = {".npy": _npy, ".safetensors": _safetensors}
