"""The logs of attempts that failed, which Snakemake deletes before it tries again.

A job gives its log a second name, ``logs/train/D/M/B.attempts/1.log`` for
``logs/train/D/M/B.log``, when it starts, and takes the name away when it has ended well.
So the log of a job that was killed is kept as well, to its last line.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["keep_failed_log"]


@contextmanager
def keep_failed_log(stream: int = 1) -> Iterator[Path | None]:
    """Keep the log of the block if it fails, or if the process is killed in it.

    Args:
        stream: The stream that goes to the log; nothing is done if it does not.

    Yields:
        The second name of the log.
    """
    name = _second_name(stream)
    try:
        yield name
    except SystemExit as end:
        if not end.code and name is not None:
            _forget(name)
        raise
    if name is not None:
        _forget(name)


def _second_name(stream: int) -> Path | None:
    """Name the log again, unless another process of this attempt has done so."""
    try:
        log = Path(f"/proc/self/fd/{stream}").readlink()
        own = os.fstat(stream)
        if log.suffix != ".log" or "logs" not in log.parts or not log.samefile(f"/dev/fd/{stream}"):
            return None
        folder = log.with_suffix(".attempts")
        folder.mkdir(exist_ok=True)
        for path in folder.iterdir():
            if path.stat().st_ino == own.st_ino:
                return path
        numbers = [int(path.stem) for path in folder.iterdir() if path.stem.isdigit()]
        name = folder / f"{max(numbers, default=0) + 1}.log"
        name.hardlink_to(log)
    except OSError:  # no Linux, or a file system without second names
        return None
    return name


def _forget(name: Path) -> None:
    with suppress(OSError):
        name.unlink()
        name.parent.rmdir()  # if nothing is left
