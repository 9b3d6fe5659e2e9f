"""Draw the pictures of docs/gallery.md by the code that stands there.

    python tools/gallery.py

The page is run in an empty folder that has ``docs`` of this checkout, and writes its pictures to
``gallery/``, which then replace those of docs/gallery/.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from tutorials import run

__all__ = ["MOST", "PAGE", "PICTURES", "draw"]

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "gallery.md"
PICTURES = ROOT / "docs" / "gallery"
MOST = 1_500_000
"""Bytes of all pictures together: they are part of every checkout."""


def draw(folder: Path) -> list[Path]:
    """Run the page in an empty folder; return its pictures, sorted."""
    (folder / "docs").symlink_to(ROOT / "docs")
    (folder / "gallery").mkdir()
    before = Path.cwd()
    os.chdir(folder)
    try:
        run(PAGE.read_text(encoding="utf-8"))
    finally:
        os.chdir(before)
    return sorted((folder / "gallery").glob("*.png"))


if __name__ == "__main__":
    os.environ["MPLBACKEND"] = "agg"
    with tempfile.TemporaryDirectory() as folder:
        drawn = draw(Path(folder))
        shutil.rmtree(PICTURES, ignore_errors=True)
        PICTURES.mkdir()
        for path in drawn:
            shutil.copy(path, PICTURES / path.name)
    size = sum(path.stat().st_size for path in PICTURES.glob("*.png"))
    print(f"{len(drawn)} pictures, {size / 1e6:.2f} MB of {MOST / 1e6:.2f}")
