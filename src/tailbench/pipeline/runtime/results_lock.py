"""The lock of a results folder: one run writes to it at a time."""

from __future__ import annotations

import os
from pathlib import Path

from tailbench.exceptions import InputError

__all__ = ["lock_results_dir"]


def lock_results_dir(results: str | Path) -> None:
    """Hold a folder for this process, which is released however the process ends.

    Snakemake's own lock outlives a process that is killed, and then has to be removed by hand.

    Args:
        results: The folder, which is made.

    Raises:
        InputError: If another process on this machine, or another one that shares the folder,
            holds it.
    """
    try:
        import fcntl
    except ImportError:  # not a POSIX system
        return
    path = Path(results) / ".lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT)  # never closed, but by the end of the process
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise InputError(f"another run is writing to {Path(results).resolve()}") from None
    except OSError:  # a file system without locks
        os.close(handle)
