"""The record of a part: a file of JSON lines, whole after every line.

A line is the ``start`` of a run, with where it ran, a ``row`` of results, or the ``end`` of a run:
``finished``, ``stopped`` by the time limit, or ``failed`` with a reason. A run that was killed has
no end. A run that goes on adds its lines to those of the run before.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tailbench.exceptions import InputError
from tailbench.io.atomic import atomic_write

__all__ = ["Records"]


class Records:
    """The lines of a part, which are on the disk as soon as they are added.

    Args:
        path: The file; it need not exist.

    Raises:
        InputError: If it exists and is not such a file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines: list[dict[str, Any]] = []
        if path.exists():
            try:
                self.lines = [json.loads(line) for line in path.read_text().splitlines()]
            except ValueError as error:
                raise InputError(f"{path} is corrupt: {error}") from error

    def add(self, kind: str, **content: Any) -> None:
        """Add a line, and write the file anew beside its place."""
        self.lines.append({"kind": kind, **content})
        text = "".join(json.dumps(line, default=float) + "\n" for line in self.lines)
        atomic_write(self.path, text)

    def clear(self) -> None:
        """Forget all lines; the file stays until the next one is added."""
        self.lines = []

    def drop_rows(self, **wanted: Any) -> None:
        """Forget the results with these values, not where and how long they ran."""
        self.lines = [
            line
            for line in self.lines
            if line["kind"] != "row" or any(line.get(k) != v for k, v in wanted.items())
        ]

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The results, in their order."""
        return [_content(line) for line in self.lines if line["kind"] == "row"]

    @property
    def start(self) -> dict[str, Any]:
        """Where the last run was made; empty before the first."""
        found = [_content(line) for line in self.lines if line["kind"] == "start"]
        return found[-1] if found else {}

    @property
    def end(self) -> dict[str, Any]:
        """How the last run ended; empty if there was none, ``killed`` if it has not."""
        if not self.lines:
            return {}
        last = self.lines[-1]
        return _content(last) if last["kind"] == "end" else {"status": "killed"}

    @property
    def seconds(self) -> float:
        """The time that all runs took together."""
        return sum(line["seconds"] for line in self.lines if line["kind"] == "end")

    def has(self, **wanted: Any) -> bool:
        """Say whether there is a result with these values."""
        return any(all(row.get(k) == v for k, v in wanted.items()) for row in self.rows)


def _content(line: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in line.items() if key != "kind"}
