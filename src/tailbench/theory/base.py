"""What all experiments on theorems share: settings, cells and rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import BaseModel

__all__ = ["Experiment", "Row"]

Row = dict[str, Any]
"""One measured value with what it belongs to: texts and numbers by column."""


class Experiment:
    """An experiment on a theorem: cells that can be computed apart, each a table of rows.

    Subclasses set ``Settings`` and write ``cells`` and ``measure``. What is claimed of the rows,
    and how they are fitted and drawn, is in the module of the same name in ``tailbench.claims``:
    a change there computes nothing again.

    Args:
        settings: Settings of the experiment; made from ``options`` if not given.
        options: Values of single settings.

    Raises:
        TypeError: If both ``settings`` and ``options`` are given.
        pydantic.ValidationError: If a setting is unknown or out of its range.
    """

    name: ClassVar[str]
    Settings: ClassVar[type[BaseModel]]
    settings: Any
    trains: ClassVar[bool] = False
    """Whether networks are trained, for which a GPU is worth its while."""

    def __init__(self, settings: Any = None, **options: Any) -> None:
        if settings is not None and options:
            raise TypeError("give either a settings object or single settings, not both")
        self.settings = self.Settings(**options) if settings is None else settings

    def cells(self) -> dict[str, dict[str, Any]]:
        """Return what each cell depends on, as plain data, by the name of the cell."""
        raise NotImplementedError

    def measure(self, spec: Mapping[str, Any], device: str = "cpu") -> list[Row]:
        """Compute a cell.

        Args:
            spec: What ``cells`` says of it.
            device: Where networks are trained.

        Returns:
            One mapping per row; all rows of an experiment have the same columns.
        """
        raise NotImplementedError
