"""Pictures inside a page, within a number of bytes."""

from __future__ import annotations

import base64
import io
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
    """Encode PNG files; if they are too large together, with fewer colours, then fewer pixels.

    Args:
        paths: The files.
        budget: Most bytes that all of them may take, before base64.
    """
    content = {path: path.read_bytes() for path in paths}
    scale = 1.0
    while sum(map(len, content.values())) > budget and scale > 0.2:
        content = {path: _smaller(path, scale) for path in paths}
        scale *= 0.8
    return {path: _picture(data) for path, data in content.items()}


def _smaller(path: Path, scale: float) -> bytes:
    from PIL import Image

    with Image.open(path) as image:
        flat = image.convert("RGB")
    if scale < 1:
        size = (max(1, round(flat.width * scale)), max(1, round(flat.height * scale)))
        flat = flat.resize(size, Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    flat.quantize(256, dither=Image.Dither.NONE).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _picture(data: bytes) -> Picture:
    width, height = (int.from_bytes(data[i : i + 4]) for i in (16, 20))  # of the IHDR chunk
    return Picture(f"data:image/png;base64,{base64.b64encode(data).decode()}", width, height)
