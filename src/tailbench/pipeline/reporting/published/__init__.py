"""Numbers that the source papers publish, and their loader."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING

from tailbench.exceptions import InputError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["load", "names", "source"]


def names() -> tuple[str, ...]:
    """List the published tables, sorted."""
    files = resources.files(__name__).iterdir()
    return tuple(sorted(f.name.removesuffix(".csv") for f in files if f.name.endswith(".csv")))


def load(name: str) -> pd.DataFrame:
    """Read a published table as it is printed, one row per number.

    Raises:
        InputError: If there is no such table; the message lists those there are.
    """
    import io

    import pandas as pd

    return pd.read_csv(io.StringIO(_text(name)), comment="#")


def source(name: str) -> str:
    """Return where a published table comes from, and what is to be known when reading it.

    Raises:
        InputError: If there is no such table.
    """
    lines = (line for line in _text(name).splitlines() if line.startswith("#"))
    text = " ".join(line.removeprefix("#").strip() for line in lines)
    return text.removeprefix("Source: ")


def _text(name: str) -> str:
    if name not in names():
        raise InputError(f"there is no published table {name!r} (known: {', '.join(names())})")
    return resources.files(__name__).joinpath(f"{name}.csv").read_text(encoding="utf-8")
