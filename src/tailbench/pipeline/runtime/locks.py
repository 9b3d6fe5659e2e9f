"""Locks that end with the process that holds them, and jobs that two processes may have started.

A training can be started twice at once: a scheduler starts a job again beside one that it has
lost sight of, or a run that was killed left its jobs behind. The native locks of ``filelock``
(``flock``) are released however a process ends, and reach other machines where the file system
does. They are taken on a descriptor of ours, not by ``FileLock``: the file also holds a note of
the work, GPUs stay locked across ``os.exec``, and nothing falls back to a lock file that would
outlive a process that is killed.
"""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tailbench.io.checksums import checksum

__all__ = ["acquire", "exclusive_job", "holder"]

POLL = 0.5  # seconds
REMIND = 300.0


def acquire(path: str | Path) -> int | None:
    """Lock a file, which is created, without waiting.

    Args:
        path: The file; locks belong to it, and it is never removed.

    Returns:
        A handle: the lock ends when it is closed, which the end of the process does. ``None`` if
        another process has the lock.

    Raises:
        OSError: If the file system has no locks.
    """
    from filelock import lock_descriptor

    Path(path).parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        if lock_descriptor(handle, blocking=False):
            return handle
    except BaseException:
        os.close(handle)
        raise
    os.close(handle)
    return None


def holder(path: str | Path) -> str:
    """Return who took a lock last, as ``exclusive_job`` has noted it."""
    return str(_note(Path(path)).get("holder", "another process"))


@contextmanager
def exclusive_job(
    path: str | Path,
    key: str,
    files: Sequence[Path],
    what: str = "this",
    found: Callable[[], bool] = lambda: False,
) -> Iterator[bool]:
    """Acquire the job's lock, and report whether the job still has to run.

    Args:
        path: The file to lock.
        key: Digest of all that the work depends on.
        files: What the work makes.
        what: What to call the work in messages.
        found: Puts files that were made before in their places, if there are any, and says so.

    Yields:
        ``True`` if the work is to be done; ``False`` if the files are there as a process with the
        same key left them, or have been found.
    """
    path = Path(path)
    handle = _wait(path, what)
    try:
        if _finished(_note(path), key, files) or found():
            yield False
            return
        note = {"holder": _myself(), "key": key}
        _write(handle, note)
        yield True
        _write(handle, {**note, "files": [checksum(file) for file in files]})
    finally:
        if handle is not None:
            os.close(handle)


def _wait(path: Path, what: str) -> int | None:
    said = None
    while True:
        try:
            handle = acquire(path)
        except OSError as error:  # a file system, or a system, without locks
            print(
                f"{what}: warning: file locking of {path} is unavailable ({error}); a second "
                "process at the same job would not be detected",
                flush=True,
            )
            return None
        if handle is not None:
            if said is not None:
                print(f"{what}: lock acquired, continuing", flush=True)
            return handle
        if said is None or time.monotonic() - said > REMIND:
            said = time.monotonic()
            print(f"{what}: waiting for {holder(path)}, which already runs this job", flush=True)
        time.sleep(POLL)


def _myself() -> str:
    job = os.environ.get("SLURM_JOB_ID")
    return f"process {os.getpid()} on {socket.gethostname()}" + (f" (job {job})" if job else "")


def _note(path: Path) -> dict[str, Any]:
    with suppress(OSError, ValueError):
        note = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(note, dict):
            return note
    return {}


def _write(handle: int | None, note: dict[str, Any]) -> None:
    """Write into the locked file; it cannot be replaced, since the lock is on it."""
    if handle is not None:
        os.ftruncate(handle, 0)
        os.pwrite(handle, json.dumps(note).encode(), 0)


def _finished(note: dict[str, Any], key: str, files: Sequence[Path]) -> bool:
    if note.get("key") != key or "files" not in note:
        return False
    return all(file.is_file() for file in files) and note["files"] == [checksum(f) for f in files]
