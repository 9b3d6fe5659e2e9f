"""How the arrays of a benchmark are read and written."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tailbench.contracts import Images, InputError
from tailbench.files import as_values, replacing
from tailbench.integrity import read_record, verified

__all__ = [
    "images_of",
    "open_arrays",
    "read_arrays",
    "write_arrays",
    "write_rows",
]

CODES = {np.dtype(np.uint8): "U8", np.dtype(np.int64): "I64", np.dtype(np.float32): "F32"}
"""What safetensors calls the types that are stored."""
PIECE = 4_000_000  # numbers that are written at once


def write_arrays(path: Path, arrays: Mapping[str, NDArray[Any]]) -> str:
    """Write arrays, each ``(E, n, d)``, to a safetensors file, and give its checksum.

    Bytes (pixels) and whole numbers (labels) stay as they are; all else is written in single
    precision.
    """
    return _write(path, {key: (array.shape, [array]) for key, array in arrays.items()})


def write_rows(path: Path, tensors: Mapping[str, Sequence[Any]]) -> str:
    """Write tensors ``(E, n, ...)`` to a safetensors file, and give its checksum.

    The library writes what it holds in memory; rows that lie on the disk, such as those of a large
    folder of images, are to be read as they are written.

    Args:
        path: The file.
        tensors: By name, one array of rows per member, all of one shape. Anything with ``shape``,
            ``dtype`` and slices of rows will do. What is kept as it is, and what is written in
            single precision, is as in ``write_arrays``.
    """
    return _write(
        path,
        {name: ((len(members), *members[0].shape), members) for name, members in tensors.items()},
    )


def _write(path: Path, tensors: Mapping[str, tuple[tuple[int, ...], Sequence[Any]]]) -> str:
    """Write tensors given by their shape and their parts, some rows at a time.

    The checksum is taken of what is written, not of what a disk gives back.
    """
    header, place = {}, 0
    for name, (shape, parts) in tensors.items():
        dtype = _stored(parts[0].dtype)
        size = math.prod(shape) * dtype.itemsize
        header[name] = {
            "dtype": CODES[dtype],
            "shape": list(shape),
            "data_offsets": [place, place + size],
        }
        place += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)  # the format wants the tensors aligned
    state = hashlib.sha256()
    with replacing(path) as temporary, temporary.open("wb") as file:

        def put(content: bytes) -> None:
            state.update(content)
            file.write(content)

        put(len(text).to_bytes(8, "little") + text)
        for _, parts in tensors.values():
            for rows in parts:
                step = max(1, PIECE // max(1, math.prod(rows.shape[1:])))
                for begin in range(0, len(rows), step):
                    piece = np.asarray(rows[begin : begin + step])
                    put(np.ascontiguousarray(piece, _stored(rows.dtype)).tobytes())
    return state.hexdigest()


def _stored(dtype: Any) -> np.dtype[Any]:
    """Give the type that numbers are stored as."""
    known = np.dtype(dtype)
    return known if known in (np.uint8, np.int64) else np.dtype(np.float32)


def read_arrays(path: Path) -> dict[str, NDArray[np.float64]]:
    """Read the arrays of a safetensors file, in double precision; pixels are from -1 to 1.

    Raises:
        InputError: If the file is missing or damaged.
    """
    with open_arrays(path) as file:
        return {key: as_values(file.get_tensor(key)) for key in file.keys()}  # noqa: SIM118


@contextmanager
def open_arrays(path: Path) -> Iterator[Any]:
    """Open a safetensors file whose checksum is right, to read single arrays of it.

    Raises:
        InputError: If the file is missing or damaged, or lacks an array that is asked for.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(verified(path), "np") as file:
            yield file
    except FileNotFoundError:
        raise InputError(f"{path} does not exist") from None
    except SafetensorError as error:
        raise InputError(f"{path} cannot be read: {error}") from None


def images_of(folder: Path) -> Images | None:
    """Give what the rows of the data in a folder are if they are images.

    Raises:
        InputError: If what is written beside the data is missing or damaged.
    """
    return Images.of(read_record(folder / "meta.json").get("images"))
