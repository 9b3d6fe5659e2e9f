"""A folder of the user's own images."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, StrictStr, field_validator

from tailbench.data import DataShape
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

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["ImageFolder", "ImageFolderSettings"]

SUFFIXES = (".png", ".jpg", ".jpeg")
GREY = ("1", "L")
COLOUR = (*GREY, "P", "RGB", "CMYK", "YCbCr")


class ImageFolderSettings(ImageSettings):
    """Settings of a folder of images."""

    test_settings: ClassVar[Mapping[str, Any]] = {"path": "folder", "size": 64}

    path: UserPath = Field(
        min_length=1,
        description="Folder of PNG and JPEG files, searched with all folders in it; those "
        "directly in it are the classes, if there are any.",
    )
    size: int = Field(ge=1, description="Height and width in pixels.")
    resize: bool = Field(
        False,
        description="Whether images of another size are cut to the square in their middle and "
        "resampled (Lanczos), instead of refused.",
    )
    channels: Literal[1, 3] = Field(3, description="Whether images are grey, 1, or in colour, 3.")
    classes: tuple[StrictStr, ...] | None = Field(
        None,
        min_length=1,
        description="Names of the folders to use as classes, in the order of the labels; "
        "by default all, sorted.",
    )
    test_fraction: float = Field(
        0.25, gt=0, lt=1, description="Fraction of the images that is held out from training."
    )

    def shape(self) -> DataShape:
        """Return the size of the data: of the images that are there, of a guess if none are."""
        try:
            images = sum(len(paths) for _, paths in _found(self))
        except (InputError, OSError):
            images = MANY
        return DataShape(images, self.channels * self.size**2, self.size)

    @field_validator("classes")
    @classmethod
    def _folders(cls, classes: tuple[str, ...] | None) -> tuple[str, ...] | None:
        for i, name in enumerate(classes or ()):
            if name in ("", ".", "..") or set(name) & {"/", "\\"}:
                raise ValueError(f"classes has {name!r}, which is not the name of a folder")
            if name in (classes or ())[:i]:
                raise ValueError(f"classes names {name!r} twice")
        return classes


@register
class ImageFolder(ImageDataset):
    """PNG and JPEG files of the user's, for example a subset of ImageNet.

    The files stay where they are: an image is decoded when it is used. Grey images become
    colour ones where those are asked for, not the other way round; transparent images, and grey
    ones of 16 bits, are refused. Images are taken as stored: a note in the file on how to turn
    them is not obeyed. Files and folders whose names start with a dot are left out. Test images
    are a random share of all classes together.
    """

    Settings = ImageFolderSettings

    @property
    def source(self) -> str:
        """What messages call the data: the path."""
        return str(self.settings.path)

    def files(self) -> tuple[Path, ...]:
        """List the folder."""
        return (Path(self.settings.path),)

    def class_names(self) -> tuple[str, ...]:
        """Return the names of the folders that are classes; none if there are only files.

        Raises:
            InputError: As ``read``.
        """
        return tuple(name for name, _ in self._found if name)

    def read(self) -> tuple[LabelledImages, LabelledImages]:
        """Find the images, shape ``(n, channels, size, size)``, bytes read when they are used.

        Raises:
            InputError: If there are none, a class is missing or empty, or files lie beside the
                classes; when images are used, if one is damaged or of another size or kind.
        """
        shape = (self.settings.channels, self.settings.size, self.settings.size)
        sizes = [len(paths) for _, paths in self._found]
        values = LazyRows(self._decode, np.arange(sum(sizes)), shape, np.uint8)
        labels = np.repeat(np.arange(len(sizes)), sizes) if self.class_names() else None
        return held_out(LabelledImages(values, labels), self.settings.test_fraction, self.name)

    @cached_property
    def _paths(self) -> list[str]:
        return [path for _, paths in self._found for path in paths]

    @cached_property
    def _found(self) -> list[tuple[str, list[str]]]:
        return _found(self.settings)

    def _decode(self, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        size, channels = self.settings.size, self.settings.channels
        images = np.empty((len(rows), size, size, channels), np.uint8)
        for i, row in enumerate(rows):
            images[i] = self._pixels(self._paths[row]).reshape(size, size, channels)
        return np.moveaxis(images, -1, 1)

    def _pixels(self, path: str) -> NDArray[Any]:
        """Read an image, shape ``(size, size)`` or ``(size, size, 3)``."""
        from PIL import Image

        try:
            with Image.open(path, formats=("PNG", "JPEG")) as image:
                self._check(image, path)
                image.load()
                return np.asarray(self._fitted(image.convert("RGB" if self._colour else "L")))
        except InputError:
            raise
        except FileNotFoundError:
            raise InputError(f"{path} does not exist") from None
        # Pillow raises SyntaxError for some broken PNG files.
        except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError) as error:
            raise InputError(f"{path} cannot be read as an image: {error}") from error

    @property
    def _colour(self) -> bool:
        return bool(self.settings.channels == 3)

    def _check(self, image: Image.Image, path: str) -> None:
        """Check the header of an image."""
        size = self.settings.size
        if image.mode not in (COLOUR if self._colour else GREY) or "transparency" in image.info:
            kind = "transparent" if "transparency" in image.info else f"of mode {image.mode}"
            raise InputError(
                f"{path} is {kind}, which cannot be made {'RGB' if self._colour else 'grey'} "
                f"without loss (channels: {self.settings.channels})"
            )
        if not self.settings.resize and image.size != (size, size):
            raise InputError(
                f"{path} is {image.height} pixels high and {image.width} wide, not {size} "
                "(set resize to cut and resample)"
            )

    def _fitted(self, image: Image.Image) -> Image.Image:
        from PIL import Image

        size = self.settings.size
        if image.size == (size, size):
            return image
        side = min(image.size)
        left, top = ((length - side) // 2 for length in image.size)
        # Not the argument box of resize, which lets the kernel see beyond the square.
        square = image.crop((left, top, left + side, top + side))
        return square.resize((size, size), Image.Resampling.LANCZOS)


def _found(settings: ImageFolderSettings) -> list[tuple[str, list[str]]]:
    """Files of every class, or those of the only class, without a name."""
    folder = Path(settings.path)
    if not folder.is_dir():
        raise InputError(f"{folder} {'is not a folder' if folder.exists() else 'does not exist'}")
    inside = sorted(path.name for path in folder.iterdir() if path.name[0] != ".")
    folders = [name for name in inside if (folder / name).is_dir()]
    wanted = settings.classes
    for name in wanted or ():
        if name not in folders:
            raise InputError(f"{folder} has no class {name!r}{nearest(name, folders)}")
    found = [(name, _images_in(folder / name)) for name in wanted or folders]
    for name, paths in found:
        if wanted and not paths:
            raise InputError(f"the class {name!r} in {folder} has no PNG or JPEG images")
    found = [(name, paths) for name, paths in found if paths]
    beside = [str(folder / name) for name in inside if _is_image(folder / name)]
    if found and beside and not wanted:
        raise InputError(f"{beside[0]} lies beside the folders that are classes")
    if not found and not beside:
        raise InputError(f"{folder} has no PNG or JPEG images")
    return found or [("", beside)]


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and path.is_file()


def _images_in(folder: Path) -> list[str]:
    """List the images in a folder and all folders in it, in an order that no system changes."""
    found = []
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name[0] != "."]
        paths = [Path(parent, name) for name in names if name[0] != "."]
        found += [path.relative_to(folder).as_posix() for path in paths if _is_image(path)]
    return [str(folder / path) for path in sorted(found)]
