"""How the arrays of a benchmark are read and written."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tailbench.data import ImageLayout, as_values
from tailbench.exceptions import InputError
from tailbench.io.atomic import replacing
from tailbench.io.checksums import read_record, verified
from tailbench.io.lazy_rows import LazyRows

__all__ = [
    "images_of",
    "open_arrays",
    "read_arrays",
    "read_rows",
    "write_arrays",
    "write_rows",
]

CODES: Mapping[np.dtype[Any], str] = {
    np.dtype(np.uint8): "U8",
    np.dtype(np.int64): "I64",
    np.dtype(np.float32): "F32",
}
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
        return {key: as_values(file.get_tensor(key)) for key in file.keys()}


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


def read_rows(path: Path, name: str) -> list[LazyRows]:
    """Give the rows of each member of a tensor ``(E, n, d)``, which stay on the disk.

    Args:
        path: The safetensors file.
        name: The tensor; of pixels, labels or numbers in single precision, as they are stored.

    Raises:
        InputError: If the file is missing or damaged, or there is no such tensor.
    """
    dtypes = {code: dtype for dtype, code in CODES.items()}
    verified(path)
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(length))
        begin = header[name]["data_offsets"][0]
        dtype, (members, rows, dim) = dtypes[header[name]["dtype"]], header[name]["shape"]
    except (ValueError, KeyError, TypeError):
        raise InputError(f"{path} has no rows of {name}") from None
    size = rows * dim * dtype.itemsize
    return [
        LazyRows(
            partial(_read, path, 8 + length + begin + member * size, (dim,), dtype),
            np.arange(rows),
            (dim,),
            dtype,
        )
        for member in range(members)
    ]


def _read(
    path: Path, begin: int, shape: tuple[int, ...], dtype: Any, numbers: NDArray[np.int64]
) -> NDArray[Any]:
    """Read rows of a file, neighbours at once."""
    out = np.empty((len(numbers), *shape), dtype)
    width = math.prod(shape) * out.itemsize
    ends = [*(np.flatnonzero(np.diff(numbers) != 1) + 1), len(numbers)]
    with path.open("rb") as file:
        first = 0
        for last in ends:
            if last > first:
                file.seek(begin + int(numbers[first]) * width)
                piece: Any = out[first:last]
                if file.readinto(memoryview(piece).cast("B")) < piece.nbytes:
                    raise InputError(f"{path} is damaged: it is shorter than it should be")
            first = last
    return out


def images_of(folder: Path) -> ImageLayout | None:
    """Give what the rows of the data in a folder are if they are images.

    Raises:
        InputError: If what is written beside the data is missing or damaged.
    """
    return ImageLayout.of(read_record(folder / "meta.json").get("images"))
