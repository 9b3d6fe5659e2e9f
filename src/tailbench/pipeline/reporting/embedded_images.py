"""Pictures inside a page, within a number of bytes."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Picture", "embed"]


@dataclass(frozen=True)
class Picture:
    """A picture as the source of an ``img`` element, with its size in pixels."""

    source: str
    width: int
    height: int


def embed(paths: Sequence[Path], budget: int) -> dict[Path, Picture]:
    """Encode PNG files as they are; if they are too large together, all with fewer pixels.

    Args:
        paths: The files.
        budget: Most bytes that all of them may take, before base64.
    """
    content = {path: path.read_bytes() for path in paths}
    scale = 1.0
    while (size := sum(map(len, content.values()))) > budget and scale > 0.2:
        scale *= max(0.5, 0.97 * math.sqrt(budget / size))
        content = {path: _smaller(path, scale) for path in paths}
    return {path: _picture(data) for path, data in content.items()}


def _smaller(path: Path, scale: float) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    with Image.open(path) as image:
        size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        flat = image.convert("RGB")  # of figures all is opaque
        flat.resize(size, Image.Resampling.LANCZOS).save(buffer, "PNG", compress_level=9)
    return buffer.getvalue()


def _picture(data: bytes) -> Picture:
    width, height = (int.from_bytes(data[i : i + 4]) for i in (16, 20))  # of the IHDR chunk
    return Picture(f"data:image/png;base64,{base64.b64encode(data).decode()}", width, height)
