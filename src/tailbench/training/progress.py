"""Progress of long work: a bar on a terminal where rich is installed, lines elsewhere."""

from __future__ import annotations

import re
import sys
import time
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

__all__ = ["Progress", "ProgressLine", "clock", "read_line"]

LINE = re.compile(
    r"(?P<label>.*): (?P<done>\d+)/(?P<total>\d+) \(\d+%\)(?:, (?P<note>.*))?"
    r", (?P<spent>[\d:]+) spent(?:, (?P<left>[\d:]+) left)?"
)


@dataclass(frozen=True)
class ProgressLine:
    """What a line of a log says of long work.

    Attributes:
        label: What is being done.
        done: Steps done.
        total: Number of steps.
        note: A note such as the loss; may be empty.
        spent: Seconds spent.
        left: Seconds left; ``None`` if no step was done.
    """

    label: str
    done: int
    total: int
    note: str
    spent: int
    left: int | None


def clock(seconds: float) -> str:
    """Write a duration as ``1:05`` or ``2:03:04``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def read_line(text: str) -> ProgressLine | None:
    """Read a line that ``Progress`` has written; return ``None`` for any other text."""
    found = LINE.fullmatch(text.strip())
    if found is None:
        return None
    return ProgressLine(
        found["label"],
        int(found["done"]),
        int(found["total"]),
        found["note"] or "",
        _seconds(found["spent"]),
        None if found["left"] is None else _seconds(found["left"]),
    )


def _seconds(text: str) -> int:
    """Return the seconds that ``clock`` has written."""
    seconds = 0
    for part in text.split(":"):
        seconds = 60 * seconds + int(part)
    return seconds


def _bar() -> Bar | None:
    """Build a bar of ``rich``; without that package lines are printed instead."""
    try:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar
    except ImportError:
        return None
    return Bar(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total} {task.fields[note]}"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )


class Progress:
    """Report steps done, a note such as the loss, and the time left.

    Args:
        label: What is being done.
        total: Number of steps.
        done: Steps done before, in a run that goes on.
        quiet: Report nothing.
        every: Least seconds between two lines in a log.
    """

    def __init__(
        self, label: str, total: int, done: int = 0, quiet: bool = False, every: float = 5.0
    ) -> None:
        self.label, self.total, self.done, self.every = label, total, done, every
        self.quiet = quiet
        self._first, self._start = done, time.monotonic()
        self._last = self._start
        self._bar: Bar | None = None

    def __enter__(self) -> Self:
        if not self.quiet and sys.stderr.isatty():
            self._bar = _bar()
        if self._bar is not None:
            self._bar.start()
            self._task = self._bar.add_task(
                self.label, total=self.total, completed=self.done, note=""
            )
        return self

    def step(self, note: str = "", steps: int = 1) -> None:
        """Count steps and, now and then, report."""
        self.done += steps
        if self._bar is not None:
            self._bar.update(self._task, advance=steps, note=note)
        elif not self.quiet:
            now = time.monotonic()
            if now - self._last >= self.every or self.done == self.total:
                self._last = now
                spent = now - self._start
                made = self.done - self._first
                left = f", {clock(spent / made * (self.total - self.done))} left" if made else ""
                tail = f", {note}" if note else ""
                print(
                    f"{self.label}: {self.done}/{self.total} ({self.done / self.total:.0%}){tail}, "
                    f"{clock(spent)} spent{left}",
                    file=sys.stderr,
                    flush=True,
                )

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
