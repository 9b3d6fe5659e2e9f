"""Handwritten digits of 8 by 8 pixels, shipped with scikit-learn."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import Field

from tailbench.data import DataShape
from tailbench.datasets.image_base import (
    ImageDataset,
    ImageSettings,
    LabelledImages,
    held_out,
)
from tailbench.registry import register

__all__ = ["Digits", "DigitsSettings"]


class DigitsSettings(ImageSettings):
    """Settings of the digits."""

    test_fraction: float = Field(
        0.25, gt=0, lt=1, description="Fraction of the images that is held out from training."
    )

    def shape(self) -> DataShape:
        """Return the size of the data."""
        return DataShape(1797, 8 * 8, 8)


@register
class Digits(ImageDataset):
    """Digits of 43 people, 1,797 images of 8 by 8 pixels with 17 shades of grey.

    Enough to try models of images without a download or a GPU. The shades 0 to 16 are spread
    over the bytes, 0 to 255. Test images are a random share.

    References:
        Alpaydin and Kaynak, Optical recognition of handwritten digits, UCI, 1998.
    """

    Settings = DigitsSettings
    classes: ClassVar[tuple[str, ...]] = tuple("0123456789")

    def read(self) -> tuple[LabelledImages, LabelledImages]:
        """Read the images, shape ``(n, 1, 8, 8)``."""
        from sklearn.datasets import load_digits

        found = load_digits()
        values = np.rint(found.images * (255.0 / 16.0)).astype(np.uint8)[:, None]
        every = LabelledImages(values, found.target.astype(np.int64))
        return held_out(every, self.settings.test_fraction, self.name)
