"""Ask Slurm to start a job again that was asked to stop."""

from __future__ import annotations

import os
import shutil
import subprocess
import time

__all__ = ["requeue"]


PATIENCE = 60.0  # seconds in which Slurm ends a job that it starts again


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
    """Return what a command printed; ``None`` if it failed."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
