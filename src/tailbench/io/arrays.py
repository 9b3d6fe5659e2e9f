"""Arrays as files of NumPy: written row by row, read through memory maps."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from tailbench.data import ImageLayout, as_values
from tailbench.exceptions import InputError
from tailbench.io.atomic import replacing
from tailbench.io.checksums import ADVICE, read_record, verified
from tailbench.io.lazy_rows import LazyRows

__all__ = ["columns_of", "images_of", "open_array", "read_array", "read_rows", "write_array"]

PIECE = 4_000_000  # numbers that are written at once


class _Hashed:
    """A file that takes the checksum of what is written to it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self.state = file, hashlib.sha256()

    def write(self, content: bytes) -> None:
        self.state.update(content)
        self._file.write(content)


def write_array(path: Path, parts: Sequence[Any]) -> str:
    """Write parts of one shape as one array, some rows at a time, and return its SHA-256.

    The checksum is that of what is written, not of what a disk gives back. The header is NumPy's;
    the content is not written through a memory map, since a full disk would end the process
    (SIGBUS) where a file raises an error.

    Args:
        path: The file, which ends in ``.npy``.
        parts: One array of rows for each entry of the first axis: shape ``(n, ...)``. Anything
            with ``shape``, ``dtype`` and slices of rows will do. Bytes (pixels), whole numbers
            (labels), single and double precision stay as they are; all else becomes double.
    """
    dtype = _stored(parts[0].dtype)
    header = {
        "descr": np.lib.format.dtype_to_descr(dtype),
        "fortran_order": False,
        "shape": (len(parts), *parts[0].shape),
    }
    with replacing(path) as temporary, temporary.open("wb") as file:
        hashed: Any = _Hashed(file)
        np.lib.format.write_array_header_1_0(hashed, header)
        for rows in parts:
            step = max(1, PIECE // max(1, math.prod(rows.shape[1:])))
            for begin in range(0, len(rows), step):
                piece = np.asarray(rows[begin : begin + step])
                hashed.write(np.ascontiguousarray(piece, dtype).tobytes())
    return str(hashed.state.hexdigest())


def _stored(dtype: Any) -> np.dtype[Any]:
    """Return the type that numbers are stored as."""
    known = np.dtype(dtype)
    kept = (np.uint8, np.int64, np.float32, np.float64)
    return known if known in kept else np.dtype(np.float64)


def open_array(path: Path) -> NDArray[Any]:
    """Return an array as it is stored, read-only, of which only what is used is read.

    Raises:
        InputError: If the file is missing or corrupt.
    """
    return _mapped(verified(path))


def _mapped(path: Path) -> NDArray[Any]:
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path} is corrupt ({reason}); {ADVICE}") from None
    if not isinstance(array, np.memmap):
        raise InputError(f"{path} is corrupt, it holds several arrays; {ADVICE}")
    return np.asarray(array)


def read_array(path: Path) -> NDArray[np.float64]:
    """Read an array in double precision; pixels are from -1 to 1.

    Raises:
        InputError: If the file is missing or corrupt.
    """
    return as_values(open_array(path))


def read_rows(path: Path) -> list[LazyRows]:
    """Return the rows of each seed of an array ``(E, n, d)``, which stay on the disk until used.

    The file is mapped for each reading anew: a map that is kept counts all the rows that were ever
    read as memory of the process.

    Raises:
        InputError: If the file is missing or corrupt, or has other axes; when rows are read, if it
            has been cut since.
    """
    array = open_array(path)
    if array.ndim != 3:
        raise InputError(f"{path} is corrupt, it has {array.ndim} axes, not 3; {ADVICE}")
    count, n, dim = array.shape
    return [
        LazyRows(partial(_rows, path, e), np.arange(n), (dim,), array.dtype) for e in range(count)
    ]


def _rows(path: Path, e: int, numbers: NDArray[np.int64]) -> NDArray[Any]:
    return _mapped(path)[e][numbers]


def columns_of(folder: Path) -> dict[str, Any]:
    """Return what is said of the columns of the data in a folder, with their names.

    Returns:
        ``support`` and ``atoms``, where there are some, and ``columns``; else nothing.

    Raises:
        InputError: If what is written beside the data is missing or corrupt.
    """
    meta = read_record(folder / "meta.json")
    said = {key: meta[key] for key in ("support", "atoms") if meta.get(key)}
    return {**said, "columns": tuple(meta["columns"])} if said else {}


def images_of(folder: Path) -> ImageLayout | None:
    """Return what the rows of the data in a folder are if they are images.

    Raises:
        InputError: If what is written beside the data is missing or corrupt.
    """
    return ImageLayout.of(read_record(folder / "meta.json").get("images"))
