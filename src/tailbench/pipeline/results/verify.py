"""Find damaged files in a results folder by their checksums."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tailbench.exceptions import InputError
from tailbench.io.checksums import RECORDS, read_record, read_table, record_of, verified

__all__ = ["damaged"]


def damaged(results: Path) -> tuple[int, dict[Path, str]]:
    """Read every file of the results that has a checksum.

    Args:
        results: Folder of the results.

    Returns:
        How many files were read, and for each that has to be deleted the reason.

    Raises:
        InputError: If there is no such folder.
    """
    if not results.is_dir():
        raise InputError(f"there is no folder {results}")
    files = [results / name for name in ("plan.json", "metrics.csv", "config.json")]
    for pattern in ("data/*/*/*", "models/*/*/*/*", "samples/*/*/*", "features/*/*/*"):
        files += sorted(results.glob(f"{pattern}.json")) + sorted(
            results.glob(f"{pattern}.safetensors")
        )
    files += sorted(results.glob("metrics/*/*/*.csv"))
    files += sorted(results.glob("theory/*/cells/*.csv"))
    files += sorted(results.glob("models/*/*/*/history.csv"))
    files = [path for path in files if path.is_file() and not path.name.startswith(".")]
    found: dict[Path, str] = {}
    for path in files:
        if record_of(path) in found:
            continue
        try:
            _reader(path)(path)
        except InputError as error:
            found[path] = str(error)
    return len(files), found


def _reader(path: Path) -> Callable[[Path], Any]:
    """Give the function that reads a file of results and checks it."""
    if path.suffix == ".safetensors" or path.name in RECORDS:
        return verified
    if path.suffix == ".csv":
        return read_table
    return read_record
