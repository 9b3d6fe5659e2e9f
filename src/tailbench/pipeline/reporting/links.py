"""Files that lie beside the report, which it links to."""

from __future__ import annotations

from pathlib import Path

from tailbench.pipeline.results.layout import Layout

__all__ = ["beside", "pdf"]

FILES = {
    "metrics.csv": ("metrics_table", "every value, with floors and costs"),
    "tables": ("tables", "each table as CSV and LaTeX"),
    "figures": ("figures", "each figure as PDF and PNG"),
    "models": ("trained", "trained models, for tailbench.load"),
    "samples": ("drawn", "samples of each method"),
    "config.json": ("config", "the configuration, completed"),
    "SHA256SUMS": ("sums", "checksums"),
}


def beside(layout: Layout, page: Path) -> list[dict[str, str]]:
    """List the files and folders of the results that lie where the links of a page would lead.

    Args:
        layout: The layout of the results.
        page: The page.

    Returns:
        ``name``, ``href`` (relative to the page) and ``text`` of each that is there.
    """
    places = {"trained": f"{layout.root}/models", "drawn": f"{layout.root}/samples"}
    found = []
    for name, (attribute, text) in FILES.items():
        href = _relative(layout, places.get(attribute) or getattr(layout, attribute), page)
        if href is not None:
            found.append({"name": name, "href": href, "text": text})
    return found


def pdf(layout: Layout, figure: str, dataset: str, page: Path) -> str | None:
    """Return the link to the PDF of a figure; ``None`` if there is none beside the page."""
    return _relative(layout, f"{layout.figure(figure)}/{dataset}.pdf", page)


def _relative(layout: Layout, path: str, page: Path) -> str | None:
    """Return a path of the results relative to the page, if it is there."""
    inside = Path(path).relative_to(layout.root)
    target = page.parent / inside
    if not target.exists():
        return None
    return f"{inside.as_posix()}/" if target.is_dir() else inside.as_posix()
