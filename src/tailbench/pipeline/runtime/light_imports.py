"""Imports that leave out what no job uses of them: many a job takes no longer than its start."""

from __future__ import annotations

import sys
from types import ModuleType

__all__ = ["import_tailestim"]

PLOTS = ("matplotlib", "matplotlib.pyplot")


def import_tailestim() -> None:
    """Import ``tailestim`` without Matplotlib, which takes half a second.

    It imports the library of plots at its top, for drawings of its own. While it is imported an
    empty module stands in, unless Matplotlib is there already; its estimators are the same, and
    its drawings do not work in this process. Whoever imports Matplotlib afterwards gets it.
    """
    if not sys.modules.keys().isdisjoint((*PLOTS, "tailestim")):
        return
    package, pyplot = (ModuleType(name) for name in PLOTS)
    package.pyplot = pyplot  # type: ignore[attr-defined]
    pyplot.Figure = object  # type: ignore[attr-defined]  # named in annotations
    sys.modules.update(zip(PLOTS, (package, pyplot), strict=True))
    try:
        import tailestim  # noqa: F401
    finally:
        for name in PLOTS:
            del sys.modules[name]
