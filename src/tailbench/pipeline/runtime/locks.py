"""Locks that end with the process that holds them, and turns at work that two may have started.

A training can be started twice at once: a scheduler starts a job again beside one that it has
lost sight of, or a run that was killed left its jobs behind. Locks of the kernel (``flock``) are
released however a process ends, and reach other machines where the file system does.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

__all__ = ["acquire", "holder", "turn"]

POLL = 0.5  # seconds
REMIND = 300.0


def acquire(path: str | Path) -> int | None:
    """Lock a file, which is made, without waiting.

    Args:
        path: The file; locks belong to it, and it is never removed.

    Returns:
        A handle: the lock ends when it is closed, which the end of the process does. ``None`` if
        another process has the lock.

    Raises:
        OSError: If the file system has no locks.
    """
    import fcntl

    Path(path).parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    except BaseException:
        os.close(handle)
        raise
    return handle


def holder(path: str | Path) -> str:
    """Say who took a lock last, as ``turn`` has noted it."""
    return str(_note(Path(path)).get("holder", "another process"))


@contextmanager
def turn(
    path: str | Path,
    key: str,
    files: Sequence[Path],
    what: str = "this",
    found: Callable[[], bool] = lambda: False,
) -> Iterator[bool]:
    """Wait for one's turn at work that another process may be doing, and say whether it is left.

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
        _write(handle, {**note, "files": [_digest(file) for file in files]})
    finally:
        if handle is not None:
            os.close(handle)


def _wait(path: Path, what: str) -> int | None:
    said = None
    while True:
        try:
            handle = acquire(path)
        except (ImportError, OSError) as error:  # no POSIX system, or a file system without locks
            print(f"{what}: not guarded against a second process, as {path}: {error}", flush=True)
            return None
        if handle is not None:
            if said is not None:
                print(f"{what}: goes on, the other process has ended", flush=True)
            return handle
        if said is None or time.monotonic() - said > REMIND:
            said = time.monotonic()
            print(f"{what}: waits for {holder(path)}, which is at it already", flush=True)
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
    return all(file.is_file() for file in files) and note["files"] == [_digest(f) for f in files]


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
