"""The figures of a run as pictures of the report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tailbench import registry
from tailbench.pipeline.reporting.embedded_images import embed
from tailbench.pipeline.reporting.links import pdf

if TYPE_CHECKING:
    from tailbench.pipeline.results.reader import ResultsReader

__all__ = ["BUDGET", "REDRAWN", "page_figures", "theory_picture"]

BUDGET = 950_000
"""Bytes of pictures: a third more as base64, and the report of the default run is below 2 MB."""

REDRAWN = ("ranking", "pareto", "comparison", "profiles", "verdict_map")
"""Figures that the page draws by itself or says in words, of which it links the PDF alone."""

_ORDER = ("survival", "qq_tail", "samples", "images", "sigma_t", "nfe", "steps", "cost", "training")
_FOLDS = {
    "": ("survival", "images"),
    "Quantiles and samples": ("qq_tail", "samples"),
    "Sweeps and costs": ("sigma_t", "nfe", "steps", "cost"),
    "Training": ("training",),
}
"""Figures by what they are folded under; those under nothing are shown."""
_OTHERS = "Other figures"


def page_figures(
    inputs: ResultsReader, names: Sequence[str], page: Path
) -> tuple[dict[str | None, dict[str, list[dict[str, Any]]]], list[dict[str, str]]]:
    """Collect the pictures that were drawn, and links to figures that the page draws itself.

    Args:
        inputs: The results.
        names: The data sets that have a section.
        page: The page, beside which PDF files are looked for.

    Returns:
        By data set, and ``None`` for all of them, ``""`` for those without a section, the figures
        by what they are folded under; and ``title`` and ``href`` of figures that are only linked.
    """
    found = sorted(Path(inputs.layout.figures).glob("*/*.png"))
    place = {name: i for i, name in enumerate(_ORDER)}
    found.sort(key=lambda path: place.get(path.parent.name, len(_ORDER)))
    pictures = embed([path for path in found if path.parent.name not in REDRAWN], BUDGET)
    figures: dict[str | None, dict[str, list[dict[str, Any]]]]
    figures = {name: {} for name in [*names, "", None]}
    linked = []
    for path in found:
        figure, dataset = path.parent.name, path.stem
        part = registry.load("figures", figure) if figure in registry.names("figures") else None
        href = pdf(inputs.layout, figure, dataset, page)
        title = registry.first_line(part) if part else figure.replace("_", " ")
        if path not in pictures:
            if href is not None:
                linked.append({"title": f"{figure}, {dataset}", "href": href})
            continue
        across = part is not None and part.across
        where = None if across else dataset if dataset in names else ""
        fold = next((fold for fold, members in _FOLDS.items() if figure in members), _OTHERS)
        figures[where].setdefault(fold, []).append(
            {
                "figure": figure,
                "dataset": dataset,
                "title": title.rstrip("."),
                "caption": getattr(part, "caption", ""),
                "picture": pictures[path],
                "pdf": href,
            }
        )
    return figures, linked


def theory_picture(inputs: ResultsReader, name: str) -> Any:
    """Return the picture of an experiment; ``None`` if there is none."""
    path = Path(inputs.layout.theory(name), "figure.png")
    return embed([path], BUDGET // 4)[path] if path.is_file() else None
