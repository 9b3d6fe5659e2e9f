"""Check a built site: all links lead somewhere, and nothing is fetched from another host.

    python tools/check_site.py build/site

Sphinx refuses links that are wrong in the pages; this reads what it has written, with what came
from docstrings and from the theme, as a browser without a network would.
"""

from __future__ import annotations

import re
import sys
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

__all__ = ["problems"]

_LOADED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href"}
"""Which attribute names what the browser fetches to show a page."""

_FETCHED = re.compile(r"""@import|url\(\s*["']?(?:https?:)?//""")
_NOT_LOADED = {"canonical", "next", "prev", "search", "index", "author"}


class _Page(HTMLParser):
    """What a page links to, what it loads, and its anchors."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.anchors: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the links and anchors of a tag."""
        found = {name: value for name, value in attrs if value is not None}
        self.anchors |= {found[name] for name in ("id", "name") if name in found}
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        elif tag in _LOADED and _LOADED[tag] in found:
            navigation = tag == "link" and set(found.get("rel", "").split()) & _NOT_LOADED
            (self.links if navigation else self.loaded).append(found[_LOADED[tag]])


@cache
def _page(path: Path) -> _Page:
    page = _Page()
    page.feed(path.read_text(encoding="utf-8"))
    return page


def _wrong(start: Path, target: str) -> str | None:
    """Return what is wrong with a relative link of a page."""
    address = urlsplit(target)
    path = (start.parent / unquote(address.path)).resolve() if address.path else start
    if not path.is_file():
        return f"there is no {target}"
    anchor = unquote(address.fragment)
    if anchor and path.suffix == ".html" and anchor not in _page(path).anchors:
        return f"there is no anchor {target}"
    return None


def problems(site: Path) -> list[str]:
    """Return a sentence for each link of the site that is wrong, or leads to a load elsewhere."""
    found = []
    for path in sorted(site.resolve().rglob("*.html")):
        page, name = _page(path), path.relative_to(site.resolve())
        for target in page.loaded:
            if urlsplit(target).netloc:
                found.append(f"{name}: {target} is fetched from another host")
        for target in dict.fromkeys([*page.links, *page.loaded]):
            address = urlsplit(target)
            if not address.scheme and not address.netloc and (wrong := _wrong(path, target)):
                found.append(f"{name}: {wrong}")
    for path in sorted(site.rglob("*.css")):
        if _FETCHED.search(path.read_text(encoding="utf-8")):
            found.append(f"{path.relative_to(site)}: something is fetched from another host")
    return found


if __name__ == "__main__":
    if len(sys.argv) != 2 or not Path(sys.argv[1], "index.html").is_file():
        sys.exit(__doc__)
    wrong = problems(Path(sys.argv[1]))
    print("\n".join(wrong) or "All links lead somewhere, and nothing is fetched from elsewhere.")
    sys.exit(bool(wrong))
