"""Checksums of the files of results: what was truncated or changed is refused, never used.

Three kinds of files, three places for a checksum, which is always a SHA-256:

- Arrays, and the tables of a whole run, have theirs in a JSON file beside them, the *record*, under
  ``"sha256"``: ``meta.json`` beside the data, ``spec.json`` beside a model, ``plan.json`` beside
  ``metrics.csv`` and ``config.json``, and else a file of the same name that ends in ``.json``.
- A record carries its own, under ``"checksum"``: that of all its other content, so that neither
  layout nor the order of keys counts.
- A table of one cell has its own in its last line, ``# sha256 ...``: that of the lines before it.

No checksum depends on a clock, a machine or a path: the same input gives the same files.
"""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from tailbench.exceptions import InputError
from tailbench.io.atomic import atomic_write

__all__ = [
    "ADVICE",
    "checksum",
    "read_plain",
    "read_record",
    "read_table",
    "record_of",
    "verified",
    "write_record",
    "write_table",
]

ADVICE = "delete it and run again: it is made anew where it is needed"
RECORDS = {
    "train.safetensors": "meta.json",
    "test.safetensors": "meta.json",
    "model.safetensors": "spec.json",
    "history.csv": "spec.json",
    "metrics.csv": "plan.json",
    "config.json": "plan.json",
}
LAST_LINE = "# sha256 "


def checksum(path: Path) -> str:
    """Give the checksum of a file, which is read in pieces, and once as long as it is the same.

    Raises:
        InputError: If the file is missing.
    """
    try:
        now = path.stat()
        return _checksum(path, now.st_mtime_ns, now.st_size, now.st_ino)
    except FileNotFoundError:
        raise InputError(f"{path} does not exist") from None


@lru_cache(maxsize=4096)
def _checksum(path: Path, *_: int) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def record_of(path: Path) -> Path:
    """Give the JSON file that has the checksum of a file."""
    return path.with_name(RECORDS.get(path.name, f"{path.stem}.json"))


def verified(path: Path) -> Path:
    """Give the path of a file whose content is what was written.

    Raises:
        InputError: If the file or its record is missing, damaged or without checksum; says what to
            delete, so that the workflow makes it again.
    """
    if not path.is_file():
        raise InputError(f"{path} does not exist")
    record = record_of(path)
    known = read_record(record).get("sha256")
    expected = known.get(path.name) if isinstance(known, dict) else None
    if not isinstance(expected, str):
        raise InputError(f"{record} has no checksum of {path.name}; {ADVICE}")
    if checksum(path) != expected:
        raise InputError(f"{path} is damaged, its checksum is not that in {record.name}; {ADVICE}")
    return path


def write_record(path: Path, data: dict[str, Any]) -> None:
    """Write plain data as JSON, with their own checksum.

    Raises:
        ValueError: If a number is not finite.
    """
    plain = json.loads(json.dumps(data, allow_nan=False))
    text = json.dumps({**plain, "checksum": _of_content(plain)}, indent=1)
    atomic_write(path, text + "\n")


def read_record(path: Path) -> dict[str, Any]:
    """Read what ``write_record`` has written.

    Raises:
        InputError: If the file is missing or damaged.
    """
    data = read_plain(path)
    known = data.pop("checksum", None)
    if known is None:
        raise InputError(f"{path} is damaged, it has no checksum; {ADVICE}")
    if known != _of_content(data):
        raise InputError(f"{path} is damaged, its checksum is wrong; {ADVICE}")
    return data


def read_plain(path: Path) -> dict[str, Any]:
    """Read a mapping from JSON that has no checksum of its own.

    Raises:
        InputError: If the file is missing, or holds something else.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path} does not exist") from None
    except (ValueError, RecursionError) as error:  # not JSON, or not text
        raise InputError(f"{path} is damaged ({error}); {ADVICE}") from None
    if not isinstance(data, dict):
        raise InputError(f"{path} is damaged, it holds no mapping; {ADVICE}")
    return data


def _of_content(data: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()


def write_table(path: Path, text: str) -> None:
    """Write the lines of a table, each with its end, and their checksum as one more."""
    digest = hashlib.sha256(text.encode()).hexdigest()
    atomic_write(path, f"{text}{LAST_LINE}{digest}\n")


def read_table(path: Path) -> str:
    """Read the lines of a table, without the one of the checksum.

    Raises:
        InputError: If the file is missing or damaged.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise InputError(f"{path} does not exist") from None
    end = content.rfind(b"\n", 0, -1) + 1
    lines, last = content[:end], content[end:]
    if last != f"{LAST_LINE}{hashlib.sha256(lines).hexdigest()}\n".encode():
        raise InputError(f"{path} is damaged, its checksum is wrong or missing; {ADVICE}")
    return lines.decode()
