"""Numbers that the source papers publish.

A table is a CSV file. Its comment lines are YAML:

``source``
    The publication, and what to know when reading the table.
``datasets``
    Type and settings of the dataset here by the published name of the data.
``compared_with``
    The metrics that the numbers are compared with.
``raw``
    Metrics of ours that have ``units``, with their outputs: comparable only in those of the data.
``note``
    What to know of the comparison; may name columns of the table, and ``steps_here``.
``data``, ``metric``, ``method``
    Values of columns that the table lacks; ``data`` may be left out where there is one dataset.
``type``
    Type of the method here, where published names are no names of ours.
``budget``
    Runs, training steps and batch size of the source.
``reasons``
    Why ours is likely lower or higher.
``only_with_data``
    Whether to leave the numbers out where the configuration has no such data.
"""

from __future__ import annotations

import io
from importlib import resources
from typing import TYPE_CHECKING, Any

from tailbench.exceptions import InputError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["citation", "head", "load", "names"]


def names() -> tuple[str, ...]:
    """List the published tables, sorted."""
    files = resources.files(__name__).iterdir()
    return tuple(sorted(f.name.removesuffix(".csv") for f in files if f.name.endswith(".csv")))


def load(name: str) -> pd.DataFrame:
    """Read a published table as it is printed, one row per number.

    Raises:
        InputError: If there is no such table; the message lists those there are.
    """
    import pandas as pd

    return pd.read_csv(io.StringIO(_text(name)), comment="#")


def head(name: str) -> dict[str, Any]:
    """Read the description of a published table.

    Raises:
        InputError: If there is no such table.
    """
    import yaml

    lines = (line for line in _text(name).splitlines() if line.startswith("#"))
    return dict(yaml.safe_load("\n".join(line[2:] for line in lines)))


def citation(name: str) -> str:
    """Read where a published table comes from, and what to know when reading it.

    Raises:
        InputError: If there is no such table.
    """
    return str(head(name)["source"])


def _text(name: str) -> str:
    if name not in names():
        raise InputError(f"there is no published table {name!r} (known: {', '.join(names())})")
    return resources.files(__name__).joinpath(f"{name}.csv").read_text(encoding="utf-8")
