"""What a run of the workflow is doing, by the events that Snakemake logs."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tailbench.exceptions import InputError
from tailbench.pipeline.results.failures import read_failure
from tailbench.pipeline.runtime.job_progress import last_line

__all__ = ["Job", "RunState"]

TARGETS = ("all", "total")
"""What Snakemake counts besides jobs: the rule that asks for all of them, and their sum."""

STOPPED = re.compile(r"exit status (130|143)\b|died with <Signals\.(SIGINT|SIGTERM)")
"""How a command has ended that Ctrl-C or a request to end has stopped."""

ENDED = re.compile(r"(exit status \d+)|died with <Signals\.(\w+)")
OURS = "tailbench: "
"""What an error begins with that the command line has turned into a sentence."""


@dataclass
class Job:
    """A job that has started.

    Attributes:
        stage: Its stage, such as ``train``.
        name: What it works on, such as ``gmm/sgm 0-2``; may be empty.
        block: Its seed block; may be empty.
        log: Its log; ``None`` if it has none.
        folder: The folder that its first output is in.
        began: When it started, in seconds since the epoch.
        seconds: How long it took; ``None`` while it runs.
        failure: Why it has no result; empty if it has not failed.
        skipped: Whether another job's failure is the reason.
        stopped: Whether it was asked to end, as by Ctrl-C; the next run goes on with it.
    """

    stage: str
    name: str
    block: str
    log: Path | None
    folder: Path | None
    began: float
    seconds: float | None = None
    failure: str = ""
    skipped: bool = False
    stopped: bool = False

    @property
    def title(self) -> str:
        """The stage and what it works on."""
        return f"{self.stage} {self.name}".strip()


@dataclass
class RunState:
    """Counts of jobs, those that run and those that failed; fed with one event after another.

    Attributes:
        started: Whether Snakemake has begun to execute the workflow.
        planned: Jobs of each stage, in the order of the workflow; ``None`` before they are known,
            and where nothing is to be done.
        finished: Jobs of each stage that have ended, also those whose failure is recorded.
        running: The jobs that run, by their number.
        failed: The jobs that have failed and not been tried again since, by their title.
        stopped: Whether a job was asked to end before it was done.
    """

    started: bool = False
    planned: dict[str, int] | None = None
    finished: Counter[str] = field(default_factory=Counter)
    running: dict[int, Job] = field(default_factory=dict)
    failed: dict[str, Job] = field(default_factory=dict)
    stopped: bool = False
    _error: str = ""

    @property
    def total(self) -> int:
        """The number of jobs of the run."""
        return sum((self.planned or {}).values())

    @property
    def done(self) -> int:
        """The number of jobs that have ended."""
        return sum(self.finished.values())

    def feed(self, event: str, fields: Mapping[str, Any], now: float) -> Job | None:
        """Take in an event.

        Args:
            event: Its name in Snakemake's interface for loggers, such as ``job_finished``.
            fields: What Snakemake says of it.
            now: When it was, in seconds since the epoch.

        Returns:
            The job that has ended by it, well or not; ``None`` if none has.
        """
        if event == "workflow_started":
            self.started = True
        elif event == "error":
            self._error = str(fields.get("msg"))  # of the job whose failure comes next
        elif event == "run_info":
            counts = fields["stats"]
            self.planned = {name: n for name, n in counts.items() if name not in TARGETS}
        elif event == "job_info" and fields["rule_name"] not in TARGETS:
            self._start(fields, now)
        elif event == "job_finished" and fields["job_id"] in self.running:
            return self._finish(self.running.pop(fields["job_id"]), now)
        elif event == "job_error" and fields["jobid"] in self.running:
            return self._fail(self.running.pop(fields["jobid"]), fields, now)
        return None

    def _start(self, fields: Mapping[str, Any], now: float) -> None:
        wildcards = dict(fields.get("wildcards") or {})
        block = wildcards.pop("block", "")
        name = "/".join(map(str, wildcards.values()))
        logs, outputs = fields.get("log") or (), fields.get("output") or ()
        job = Job(
            fields["rule_name"],
            f"{name} {block}".strip(),
            block,
            Path(logs[0]) if logs else None,
            Path(outputs[0]).parent if outputs else None,
            now,
        )
        self.running[fields["jobid"]] = job
        self.failed.pop(job.title, None)  # it is tried again

    def _finish(self, job: Job, now: float) -> Job:
        """Count a job that has ended well, which may have recorded a failure."""
        job.seconds = now - job.began
        self.finished[job.stage] += 1
        try:
            failure = None if job.folder is None else read_failure(job.folder)
        except InputError as error:
            job.failure = str(error)
        else:
            if failure is not None:
                job.skipped = failure.skipped
                job.failure = f"{failure.job} failed" if failure.skipped else failure.reason
        if job.failure and not job.skipped:
            self.failed[job.title] = job
        return job

    def _fail(self, job: Job, fields: Mapping[str, Any], now: float) -> Job:
        job.seconds, job.stopped = now - job.began, bool(STOPPED.search(self._error))
        # A cluster adds a log of its own, for a job that has not come to write to ours.
        logs = {Path(log): last_line(Path(log)) for log in fields.get("log") or ()}
        job.log, said = next(((log, line) for log, line in logs.items() if line), (job.log, ""))
        if said.startswith(OURS):
            job.failure = said.removeprefix(OURS)
        else:
            ended = ENDED.search(self._error)
            how = ended[1] or f"killed by {ended[2]}" if ended else "no reason is known"
            job.failure = f"{how}; last log line: {said}" if said else how
        self.stopped = self.stopped or job.stopped
        if not job.stopped and job.stage != "finish":  # which fails because others have
            self.failed[job.title] = job
        return job
