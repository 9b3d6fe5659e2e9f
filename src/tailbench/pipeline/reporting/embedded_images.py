"""Pictures inside a page, within a number of bytes."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Picture", "embed"]

WIDEST = 1200
"""Pixels of the widest picture: what a page shows of it; the PDF beside it has the rest."""
QUALITY = 72
"""Of WebP: lines and small letters are as sharp as in the PNG file, a quarter of the bytes."""


@dataclass(frozen=True)
class Picture:
    """A picture as the source of an ``img`` element, with its size in pixels."""

    source: str
    width: int
    height: int


def embed(paths: Sequence[Path], budget: int, widest: int = WIDEST) -> dict[Path, Picture]:
    """Encode pictures as WebP; if they are too large together, all with fewer pixels.

    Args:
        paths: The files.
        budget: Most bytes that all of them may take, before base64.
        widest: Most pixels in a row.
    """
    scale = 1.0
    content = {path: _encoded(path, widest, scale) for path in paths}
    while (size := sum(len(data) for data, *_ in content.values())) > budget and scale > 0.3:
        scale *= max(0.5, 0.96 * math.sqrt(budget / size))
        content = {path: _encoded(path, widest, scale) for path in paths}
    return {
        path: Picture(f"data:image/webp;base64,{base64.b64encode(data).decode()}", width, height)
        for path, (data, width, height) in content.items()
    }


def _encoded(path: Path, widest: int, scale: float) -> tuple[bytes, int, int]:
    """Return a picture as WebP, with its width and height."""
    from PIL import Image

    buffer = io.BytesIO()
    with Image.open(path) as image:
        factor = scale * min(1.0, widest / image.width)
        size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
        flat = image.convert("RGB")  # of figures all is opaque
        flat.resize(size, Image.Resampling.LANCZOS).save(buffer, "WEBP", quality=QUALITY, method=4)
    return buffer.getvalue(), *size
