"""A training that is asked to stop saves its state first.

A scheduler sends a signal ahead of what it is going to do: before it gives a node to someone else,
before time is up, or when it is told to (``sbatch --signal``). The signal is noted, the training
saves its state after the step at hand and stops with ``Interrupted``. In a Slurm job it asks for
the job to be started again, unless that is on its way or the job was cancelled.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

__all__ = ["Interrupted", "asked", "listening", "requeue"]

SIGNALS = ("SIGTERM", "SIGUSR1")
PATIENCE = 60.0  # seconds in which Slurm ends a job that it starts again

_asked: list[str] = []


class Interrupted(RuntimeError):
    """A training that was asked to stop, and has saved its state."""


def asked() -> str | None:
    """Give the name of the signal by which this process was asked to stop, if it was."""
    return _asked[0] if _asked else None


@contextmanager
def listening(names: Sequence[str] = SIGNALS) -> Iterator[None]:
    """Note signals instead of ending by them, and forget them in the end.

    Nothing is done outside of the main thread, which alone can listen.
    """
    before = {}

    def note(number: int, frame: FrameType | None) -> None:
        _asked.append(signal.Signals(number).name)

    try:
        for name in names:
            if hasattr(signal, name):
                number = getattr(signal, name)
                before[number] = signal.signal(number, note)
    except ValueError:  # another thread
        pass
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _asked.clear()


def requeue() -> bool:
    """Ask Slurm to start the job of this process again, and wait for the end that this brings.

    Only a job that goes on otherwise is started again: one that has been cancelled, or whose time
    is up, is ending already, as is one that Slurm itself will start again.

    Returns:
        Whether Slurm was asked and agreed.
    """
    job = os.environ.get("SLURM_JOB_ID")
    if job is None or shutil.which("scontrol") is None:
        return False
    if _said("squeue", "-h", "-t", "all", "-j", job, "-o", "%T") != "RUNNING":
        return False
    agreed = _said("scontrol", "requeue", job) is not None
    if agreed:
        print(f"Slurm starts job {job} again", flush=True)
        time.sleep(PATIENCE)
    return agreed


def _said(*command: str) -> str | None:
    """Give what a command printed; ``None`` if it failed."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
