"""Checksums of the files of results: what was truncated or changed is refused, never used.

Every folder that a job fills has one file ``SHA256SUMS``, in the format of coreutils: one line per
file, its SHA-256 and its name, so that ``sha256sum -c SHA256SUMS`` checks the folder without this
package. Everything else is what it is without checksums: plain CSV, plain JSON, arrays of NumPy.

No checksum depends on a clock, a machine or a path: the same input gives the same files.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from tailbench.exceptions import CorruptFile, InputError
from tailbench.io.atomic import atomic_write

__all__ = [
    "ADVICE",
    "SUMS",
    "checksum",
    "read_plain",
    "read_record",
    "read_sums",
    "read_text",
    "seal",
    "verified",
    "write_record",
    "write_sums",
    "write_text",
]

SUMS = "SHA256SUMS"
ADVICE = "delete it and rerun; the workflow will regenerate it"
RERUN = "rerun; the workflow will regenerate it"
LINE = re.compile(r"([0-9a-f]{64}) [ *]([^/\\\n]+)")


def checksum(path: Path) -> str:
    """Return the SHA-256 of a file, read in pieces, and once as long as the file is the same.

    Raises:
        InputError: If the file is missing.
    """
    try:
        now = path.stat()
        return _checksum(path, now.st_mtime_ns, now.st_size, now.st_ino)
    except FileNotFoundError:
        raise InputError(f"{path} does not exist; {RERUN}") from None


@lru_cache(maxsize=4096)
def _checksum(path: Path, *_: int) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def write_sums(folder: Path, sums: Mapping[str, str]) -> None:
    """Write the ``SHA256SUMS`` of a folder.

    Args:
        folder: The folder.
        sums: The SHA-256 of each file, by its name.
    """
    lines = [f"{digest}  {name}\n" for name, digest in sorted(sums.items())]
    atomic_write(folder / SUMS, "".join(lines))


def seal(folder: Path, names: Iterable[str]) -> None:
    """Write the ``SHA256SUMS`` of files that lie in a folder.

    Raises:
        InputError: If a file is missing.
    """
    write_sums(folder, {name: checksum(folder / name) for name in names})


def read_sums(folder: Path) -> dict[str, str]:
    """Read the SHA-256 of each file of a folder, by name.

    Raises:
        InputError: If there is no ``SHA256SUMS``, or a line of it is none.
    """
    path = folder / SUMS
    try:
        *lines, rest = path.read_text(encoding="utf-8").split("\n")
    except FileNotFoundError:
        raise InputError(f"{folder} has no {SUMS}; delete the folder and rerun") from None
    except UnicodeDecodeError:
        raise CorruptFile(f"{path} is corrupt, it is not text", ADVICE) from None
    if rest:
        raise CorruptFile(f"{path} is corrupt, its last line has no end", ADVICE)
    found = [LINE.fullmatch(line) for line in lines]
    if None in found:
        number = found.index(None) + 1
        raise CorruptFile(f"{path} is corrupt, line {number} is not a checksum", ADVICE)
    return {match[2]: match[1] for match in found if match}


def verified(path: Path) -> Path:
    """Return the path of a file whose content is what was written.

    Raises:
        InputError: If the file is missing, corrupt or without checksum; says what to delete, so
            that the workflow makes it again.
    """
    if not path.is_file():
        raise InputError(f"{path} does not exist; {RERUN}")
    _compare(path, checksum(path))
    return path


def _compare(path: Path, digest: str) -> None:
    expected = read_sums(path.parent).get(path.name)
    if expected is None:
        raise CorruptFile(f"{path.parent / SUMS} has no checksum of {path.name}", ADVICE)
    if digest != expected:
        raise CorruptFile(f"{path} is corrupt, its checksum is not that in {SUMS}", ADVICE)


def write_text(path: Path, text: str) -> str:
    """Write text, such as the lines of a table, and return its SHA-256."""
    atomic_write(path, text)
    return hashlib.sha256(text.encode()).hexdigest()


def read_text(path: Path) -> str:
    """Read text, such as the lines of a table, whose checksum is right.

    Raises:
        InputError: If the file is missing or corrupt.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"{path} does not exist; {RERUN}") from None
    _compare(path, hashlib.sha256(content).hexdigest())
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise CorruptFile(f"{path} is corrupt ({error})", ADVICE) from None


def write_record(path: Path, data: Mapping[str, Any]) -> str:
    """Write plain data as JSON, and return the SHA-256 of the file.

    Raises:
        ValueError: If a number is not finite.
    """
    return write_text(path, json.dumps(data, indent=1, allow_nan=False) + "\n")


def read_record(path: Path) -> dict[str, Any]:
    """Read a mapping from a JSON file whose checksum is right.

    Raises:
        InputError: If the file is missing, corrupt, or holds something else.
    """
    return _mapping(path, read_text(path))


def read_plain(path: Path) -> dict[str, Any]:
    """Read a mapping from a JSON file that has no checksum.

    Raises:
        InputError: If the file is missing, or holds something else.
    """
    try:
        return _mapping(path, path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path} does not exist; {RERUN}") from None
    except UnicodeDecodeError as error:
        raise CorruptFile(f"{path} is corrupt ({error})", ADVICE) from None


def _mapping(path: Path, text: str) -> dict[str, Any]:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CorruptFile(f"{path} is corrupt ({error})", ADVICE) from None
    if not isinstance(data, dict):
        raise CorruptFile(f"{path} is corrupt, it holds no mapping", ADVICE)
    return data
