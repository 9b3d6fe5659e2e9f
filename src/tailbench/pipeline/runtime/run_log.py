"""What is shown of all that Snakemake logs, and how a run has ended."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from tailbench.pipeline.runtime.run_display import Display, duration, planned_line
from tailbench.pipeline.runtime.run_state import RunState

__all__ = ["DONE", "NOTHING", "OUTCOME", "RunLog"]

OUTCOME = "TAILBENCH_RUN_OUTCOME"
"""The variable that names a file for how the run has ended, and in which folder it was.

``tailbench run`` sets it, and prints the summary in the place of the Snakefile.
"""

DONE, NOTHING = "done", "nothing"
"""Outcomes of a run after which its summary is of use."""

PASSED_ON = (
    "Creating conda environment",
    "Downloading and installing remote packages",
    "Pulling singularity image",
    "Terminating processes on user request",
    "Trying to restart job",
    "Will exit after finishing currently running jobs",
)
"""Beginnings of Snakemake's messages, other than warnings, that a user waits for."""

SAID_ELSEWHERE = (
    "RuleException:\nCalledProcessError",
    "Exiting because a job execution failed",
    "WorkflowError:\nAt least one job did not complete successfully",
)
"""Beginnings of Snakemake's errors that repeat what the failure of a job has said."""


class RunLog:
    """Follow a run by its events, and show it.

    Args:
        display: Where it is shown.
        dry_run: Whether jobs are listed and not run.
    """

    def __init__(self, display: Display, dry_run: bool = False) -> None:
        self.display, self.dry_run, self.state = display, dry_run, RunState()
        self._held: list[str] = []
        self._wrong = False
        self._first: float | None = None
        self._last = 0.0

    def record(
        self, event: str, level: int, text: str, fields: Mapping[str, Any], now: float
    ) -> None:
        """Take in what Snakemake logs.

        Args:
            event: The name of the event; empty for a mere message.
            level: The level, one of those of ``logging``.
            text: The message.
            fields: What Snakemake says of the event.
            now: When it was, in seconds since the epoch.
        """
        if self._first is None:
            self._first = now
        self._last = now
        job = self.state.feed(event, fields, now)
        if event == "run_info" and not self.dry_run:
            self.display.begin(self.state)
        elif event == "job_info" and self.dry_run and fields.get("rule_msg"):
            self.display.say(fields["rule_msg"])
        elif job is not None:
            self.display.ended(self.state, job)
        elif event in ("", "error"):
            self._message(level, text)

    def close(self) -> str:
        """Show how the run has ended, and return it: ``DONE``, ``NOTHING`` or another word."""
        self.display.close()
        state = self.state
        if not state.started:
            # No run, but such as --lint or --list: what Snakemake has to say is all there is.
            for text in [] if self._wrong else self._held:
                self.display.say(text)
            return "none"
        if state.planned is None:
            if self._wrong:
                return "error"
            self.display.say("Nothing to be done: all results are up to date.")
            return "dry" if self.dry_run else NOTHING
        if self.dry_run:
            self.display.say(f"{planned_line(state)} would run.")
            return "dry"
        whole = state.done == state.total
        jobs = f"{state.total} job{'' if state.total == 1 else 's'}"
        jobs = jobs if whole else f"{state.done} of {jobs}"
        failed = f", {len(state.failed)} failed" if state.failed else ""
        stopped = "; stopped, and the same command goes on" if state.stopped else ""
        took = duration(self._last - (self._first or 0.0))
        self.display.say(f"{jobs} in {took}{failed}{stopped}")
        return DONE if whole else "failed"

    def _message(self, level: int, text: str) -> None:
        if level >= logging.WARNING and not text.startswith(SAID_ELSEWHERE):
            self._wrong = self._wrong or level >= logging.ERROR
            self.display.say(text)
        elif not self.state.started:
            self._held.append(text)
        elif text.startswith(PASSED_ON):
            self.display.say(text)
