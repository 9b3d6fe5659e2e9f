"""Files that are either whole or absent: written beside their place, then renamed into it."""

from __future__ import annotations

import errno
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tailbench.exceptions import DiskFull

__all__ = ["atomic_write", "replacing"]


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path that takes the place of ``path`` when the block ends well.

    The body writes a file or makes a folder at the temporary path, which lies in the same
    folder, is hidden, and ends like ``path`` (so that writers who look at the extension see
    the right one). If the body fails, what it wrote is removed and ``path`` is as before.

    Args:
        path: The file or folder to write or to replace; its parents are made.

    Raises:
        FileNotFoundError: If the body has written nothing.
        DiskFull: If the disk is full; the message names the path.
    """
    path = Path(path)
    temporary = _beside(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        _flush(temporary)
        _put(temporary, path)
        _flush_folder(path.parent)
    except Exception as error:
        if _is_full(error):
            raise DiskFull(
                f"there is no space left to write {path}: free some and run again; what is "
                "finished is kept"
            ) from error
        if isinstance(error, OSError) and error.filename == str(temporary):
            error.filename = str(path)  # the name that the user has given
        raise
    finally:
        _remove(temporary)


def _is_full(error: Exception) -> bool:
    """Whether a disk is full; libraries that are not Python's put the system's words in theirs."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    words = (os.strerror(errno.ENOSPC), "StorageFull", "QuotaExceeded")
    return any(word in str(error) for word in words)


def atomic_write(path: str | Path, content: bytes | str) -> None:
    """Write a whole file at once; text is UTF-8 with its line ends left as they are."""
    with replacing(path) as temporary:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)


def _beside(path: Path) -> Path:
    return path.with_name(f".{uuid.uuid4().hex[:12]}.{path.name}")


def _put(temporary: Path, path: Path) -> None:
    """Rename, moving a folder that stands in the way aside first: rename cannot replace it."""
    if not path.is_dir() and not temporary.is_dir():
        temporary.replace(path)
        return
    aside = _beside(path)
    existed = os.path.lexists(path)
    if existed:
        path.rename(aside)
    try:
        temporary.rename(path)
    except BaseException:
        if existed:
            aside.rename(path)
        raise
    _remove(aside)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    """Force a file, or every file of a folder, to the disk, so that no crash leaves it empty."""
    for file in path.rglob("*") if path.is_dir() else [path]:
        if file.is_file():
            with file.open("rb") as stream:
                os.fsync(stream.fileno())
        elif file.is_dir():
            _flush_folder(file)
    if path.is_dir():
        _flush_folder(path)


def _flush_folder(path: Path) -> None:
    """Force a folder's list of names to the disk, where the system lets folders be opened."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    except OSError:
        return
    finally:
        os.close(handle)
