"""Packages of the extras: what to install where one is missing."""

from __future__ import annotations

import re
from importlib import metadata

__all__ = ["how_to_install"]

DISTRIBUTIONS = {"PIL": "pillow", "sklearn": "scikit-learn", "yaml": "pyyaml"}
"""Packages that are imported by another name than they are installed by."""
USERS = ("data", "pipeline", "images", "vine", "cluster", "kubernetes")
"""Extras for users; of several that bring a package, the first is named."""
REQUIREMENT = re.compile(r"(?P<name>[\w.-]+).*\bextra == ['\"](?P<extra>[\w.-]+)['\"]")


def how_to_install(error: ImportError) -> str | None:
    """Return a sentence on a missing package and the extra that brings it.

    Args:
        error: What the import of the package, or of a module in it, has raised.

    Returns:
        The sentence; ``None`` if no extra for users brings the package.
    """
    package = (error.name or "").partition(".")[0]
    name = _plain(DISTRIBUTIONS.get(package, package))
    try:
        requirements = metadata.requires("tailbench") or []
    except metadata.PackageNotFoundError:
        return None
    found = [match for text in requirements if (match := REQUIREMENT.match(text))]
    extras = {match["extra"] for match in found if _plain(match["name"]) == name}
    extra = next((extra for extra in USERS if extra in extras), None)
    if extra is None:
        return None
    return f"the package {package} is missing: pip install 'tailbench[{extra}]'"


def _plain(name: str) -> str:
    """Return the name of a distribution as all of its spellings have it."""
    return re.sub(r"[-_.]+", "-", name).lower()
