"""Find corrupt files in a results folder by their checksums."""

from __future__ import annotations

from pathlib import Path

from tailbench.exceptions import InputError
from tailbench.io.checksums import SUMS, read_sums, verified
from tailbench.pipeline.results.layout import SEALED

__all__ = ["damaged"]


def damaged(results: Path) -> tuple[int, dict[Path, str]]:
    """Check every file of the results that has a checksum.

    A file that is missing is not counted: the next run makes it.

    Args:
        results: Folder of the results of a configuration.

    Returns:
        How many files were read, and for each that has to be deleted the reason.

    Raises:
        InputError: If there is no such folder.
    """
    if not results.is_dir():
        raise InputError(f"there is no folder {results}")
    count = 0
    found: dict[Path, str] = {}
    for pattern in SEALED:
        for folder in sorted(results.glob(pattern)) if pattern else [results]:
            if folder.is_dir():
                count += _check(folder, found, own=bool(pattern))
    return count, found


def _check(folder: Path, found: dict[Path, str], own: bool) -> int:
    """Check the files of a folder, note the corrupt ones, and return how many were read.

    Args:
        folder: The folder.
        found: Where the reasons are noted.
        own: Whether every file of the folder has to have a checksum.
    """
    if not own and not (folder / SUMS).is_file():
        return 0
    there = [p for p in sorted(folder.iterdir()) if p.is_file() and p.name[0] != "."]
    try:
        sums = read_sums(folder)
    except InputError as error:
        found.update({path: str(error) for path in there if own or path.name == SUMS})
        return len(there) if own else 1
    files = [path for path in there if path.name in sums or (own and path.name != SUMS)]
    for path in files:
        try:
            verified(path)
        except InputError as error:
            found[path] = str(error)
    return len(files)
