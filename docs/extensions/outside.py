"""Links to pages that are not part of the site, such as CONTRIBUTING.md: the site has the file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx

_LINK = re.compile(r"\]\(((?:\.\./)+[\w./-]+\.md)(?:#[\w-]+)?\)")


def as_files(text: str, folder: Path, root: Path) -> str:
    """Return a page in which links to Markdown outside of the site are links to files.

    Args:
        text: The page.
        folder: The folder that it lies in.
        root: The folder of all pages.
    """

    def replaced(match: re.Match[str]) -> str:
        inside = (folder / match[1]).resolve().is_relative_to(root)
        return match[0] if inside else f"](path:{match[1]})"

    return _LINK.sub(replaced, text)


def _replace(app: Sphinx, page: str, source: list[str]) -> None:
    root = Path(app.srcdir).resolve()
    source[0] = as_files(source[0], (root / page).parent, root)


def setup(app: Sphinx) -> dict[str, bool]:
    """Replace the links when a page is read."""
    app.connect("source-read", _replace)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
