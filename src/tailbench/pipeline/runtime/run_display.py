"""How a run is shown: one live panel on a terminal, one line for each finished job in a log."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Protocol, TextIO

from tailbench.pipeline.runtime.job_progress import progress_of
from tailbench.pipeline.runtime.run_state import Job, RunState
from tailbench.training.progress import clock

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table

__all__ = ["Display", "Lines", "Panel", "duration", "ended_line", "panel", "planned_line"]

BAR = 24
"""Columns of the bar of a stage."""
FAILURES = 5
"""Failures that the panel has room for."""


class Display(Protocol):
    """Where a run is shown."""

    def begin(self, state: RunState) -> None:
        """Start, when the jobs of the run are known."""

    def ended(self, state: RunState, job: Job) -> None:
        """Show a job that has ended."""

    def say(self, text: str) -> None:
        """Show a message."""

    def close(self) -> None:
        """Show nothing that changes any more."""


class Lines:
    """Lines of a log.

    Args:
        stream: Where they go.
    """

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def begin(self, state: RunState) -> None:
        """Write what is to be done."""
        self.say(f"{planned_line(state)} to run")

    def ended(self, state: RunState, job: Job) -> None:
        """Write one line."""
        self.say(ended_line(state, job))

    def say(self, text: str) -> None:
        """Write a message."""
        print(text, file=self.stream, flush=True)

    def close(self) -> None:
        """Leave the lines as they are."""


class Panel:
    """A panel that is drawn again twice a second.

    Args:
        console: The terminal.
    """

    def __init__(self, console: Console) -> None:
        from rich.live import Live

        self.console = console
        self.state = RunState()
        self._live = Live(
            console=console,
            auto_refresh=True,
            refresh_per_second=2,
            get_renderable=self._draw,
            redirect_stdout=sys.stdout.isatty(),
        )

    def begin(self, state: RunState) -> None:
        """Draw the panel from now on."""
        self.state = state
        self._live.start()

    def ended(self, state: RunState, job: Job) -> None:
        """Leave it to the panel, which has the state."""

    def say(self, text: str) -> None:
        """Write a message above the panel."""
        self.console.print(text, markup=False, highlight=False)

    def close(self) -> None:
        """Draw the panel a last time."""
        self._live.stop()

    def _draw(self) -> RenderableType:
        return panel(self.state, time.time(), self.console.height)


def duration(seconds: float) -> str:
    """Write a duration as ``41 s``, ``3 min 5 s`` or ``2 h 3 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def planned_line(state: RunState) -> str:
    """Write how many jobs a run has, in all and of each stage."""
    counts = ", ".join(f"{count} {stage}" for stage, count in (state.planned or {}).items())
    jobs = "job" if state.total == 1 else "jobs"
    return f"{state.total} {jobs} ({counts})"


def ended_line(state: RunState, job: Job) -> str:
    """Write one line on a job that has ended: ``[12/79] train gmm/sgm 0-2, 41 s``."""
    count = f"[{state.done}/{state.total}] {job.title}"
    if job.skipped:
        return f"{count} skipped, as {job.failure}"
    took = duration(job.seconds or 0.0)
    if job.stopped:
        return f"{count} stopped after {took}"
    if job.failure:
        log = "" if job.log is None else f" ({job.log})"
        return f"{count} failed after {took}: {job.failure}{log}"
    return f"{count}, {took}"


def panel(state: RunState, now: float, height: int) -> RenderableType:
    """Draw a run: a bar for each stage, the running jobs, the failures.

    Args:
        state: The run, which another thread may be changing.
        now: The time, in seconds since the epoch.
        height: Rows of the terminal; running jobs that do not fit are counted.
    """
    from rich.console import Group
    from rich.text import Text

    failed = list(state.failed.values())
    room = height - len(state.planned or {}) - min(len(failed), FAILURES) - 4
    parts: list[RenderableType] = [_stages(state)]
    running = list(state.running.values())
    if running:
        shown = running if len(running) <= room else running[: max(room - 1, 1)]
        parts += [Text("running", style="bold"), _running(shown, now)]
        if len(shown) < len(running):
            parts.append(Text(f"  and {len(running) - len(shown)} more", style="dim"))
    if failed:
        parts.append(Text(f"failed: {len(failed)}", style="bold red"))
    for job in failed[-FAILURES:]:
        text = f"  {job.title}: {job.failure}"
        parts.append(Text(text, style="red", no_wrap=True, overflow="ellipsis"))
    return Group(*parts)


def _stages(state: RunState) -> Table:
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2, 0, 0))
    for stage, count in (state.planned or {}).items():
        done = state.finished[stage]
        bar = ProgressBar(total=count, completed=done, width=BAR)
        grid.add_row(Text(stage), bar, Text(f"{done}/{count}", justify="right"))
    return grid


def _running(jobs: list[Job], now: float) -> Table:
    from rich.table import Table

    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True, overflow="ellipsis")
    grid.add_column(no_wrap=True, justify="right")
    grid.add_column(no_wrap=True, overflow="ellipsis")
    for job in jobs:
        grid.add_row(f"  {job.title}", clock(now - job.began), _progress(job))
    return grid


def _progress(job: Job) -> str:
    """Write how far a job is, by its log."""
    found = None if job.log is None else progress_of(job.log, job.block, job.began)
    if found is None:
        return ""
    left = None if found.left is None else f"{clock(found.left)} left"
    return ", ".join(part for part in (f"{found.share:.0%}", left, found.note) if part)
