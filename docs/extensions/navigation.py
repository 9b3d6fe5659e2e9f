"""Which page stands where: the one list of pages, added to the first page as tables of contents."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx

SECTIONS = {
    "Tutorials": [
        "tutorials/losses-to-scenarios",
        "tutorials/judge-a-generator",
        "tutorials/model-from-a-package",
        "tutorials/reproduce-a-table",
        "tutorials/cluster-run",
    ],
    "How to": [
        "running",
        "which-model",
        "own-data",
        "choose",
        "score",
        "scenarios",
        "data",
        "cluster",
        "gpu",
        "scaling",
        "adding-a-part",
    ],
    "Reference": ["configuration", "parts", "models", "metrics", "api", "published", "security"],
    "Explanation": [
        "explanation/floors",
        "explanation/tails",
        "explanation/what-metrics-see",
        "explanation/training",
        "ranking",
        "report",
        "theory",
        "architecture",
        "reliability",
    ],
    "Gallery": ["gallery"],
    "Reproduction": [
        "reproduction/README",
        "reproduction/leaderboard/README",
        "reproduction/headline/README",
        "reproduction/headline-small/README",
        "reproduction/data/README",
        "reproduction/rivals/README",
        "reproduction/starts/README",
        "reproduction/heavy-noise/README",
        "reproduction/gpu/README",
    ],
}


def _add(app: Sphinx, page: str, source: list[str]) -> None:
    if page != "index":
        return
    for caption, pages in SECTIONS.items():
        lines = "\n".join(pages)
        source[0] += f"\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n{lines}\n```\n"


def setup(app: Sphinx) -> dict[str, bool]:
    """Add the tables of contents to the first page when it is read."""
    app.connect("source-read", _add)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
