"""The lock of a results folder: one run writes to it at a time."""

from __future__ import annotations

from pathlib import Path

from tailbench.exceptions import InputError
from tailbench.pipeline.results.layout import Layout
from tailbench.pipeline.runtime.locks import acquire

__all__ = ["lock_results_dir"]


def lock_results_dir(results: str | Path) -> None:
    """Lock a folder for this process, which is released however the process ends.

    Snakemake's own lock outlives a process that is killed, and then has to be removed by hand.
    Where the file system has no locks, nothing is locked.

    Args:
        results: The folder, which is created.

    Raises:
        InputError: If another process on this machine, or another one that shares the folder,
            holds it.
    """
    try:
        handle = acquire(Layout(str(results)).lock)  # closed by the end of the process
    except OSError:
        return
    if handle is None:
        raise InputError(f"another run holds the lock on {Path(results).resolve()}")
