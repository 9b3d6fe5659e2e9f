"""Where the results of a benchmark lie, and how its arrays are read and written."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tailbench.contracts import Images, InputError
from tailbench.files import as_values, atomic_write, replacing
from tailbench.lazy import LazyArray

__all__ = [
    "images_of",
    "read_arrays",
    "read_json",
    "read_rows",
    "write_arrays",
    "write_json",
    "write_rows",
]

CODES: Mapping[np.dtype[Any], str] = {
    np.dtype(np.uint8): "U8",
    np.dtype(np.int64): "I64",
    np.dtype(np.float32): "F32",
}
"""What safetensors calls the types that are stored."""
PIECE = 4_000_000  # numbers that are written at once


def write_arrays(path: Path, arrays: dict[str, NDArray[Any]]) -> None:
    """Write arrays, each ``(E, n, d)``, to a safetensors file.

    Bytes (pixels) and whole numbers (labels) stay as they are; all else is written in single
    precision.
    """
    from safetensors.numpy import save_file

    with replacing(path) as temporary:
        save_file(
            {
                key: np.ascontiguousarray(value, _stored(value.dtype))
                for key, value in arrays.items()
            },
            temporary,
        )


def write_rows(path: Path, tensors: Mapping[str, Sequence[Any]]) -> None:
    """Write tensors ``(E, n, ...)`` to a safetensors file, some rows at a time.

    The library writes what it holds in memory; rows that lie on the disk, such as those of a large
    folder of images, are to be read as they are written.

    Args:
        path: The file.
        tensors: By name, one array of rows per member, all of one shape. Anything with ``shape``,
            ``dtype`` and slices of rows will do. What is kept as it is, and what is written in
            single precision, is as in ``write_arrays``.
    """
    header, place = {}, 0
    for name, members in tensors.items():
        shape = [len(members), *members[0].shape]
        dtype = _stored(members[0].dtype)
        size = math.prod(shape) * dtype.itemsize
        header[name] = {
            "dtype": CODES[dtype],
            "shape": shape,
            "data_offsets": [place, place + size],
        }
        place += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)  # the format wants the tensors aligned
    with replacing(path) as temporary, temporary.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for members in tensors.values():
            for rows in members:
                step = max(1, PIECE // max(1, math.prod(rows.shape[1:])))
                for begin in range(0, len(rows), step):
                    piece = np.asarray(rows[begin : begin + step])
                    file.write(np.ascontiguousarray(piece, _stored(rows.dtype)).tobytes())


def _stored(dtype: Any) -> np.dtype[Any]:
    """Give the type that numbers are stored as."""
    known = np.dtype(dtype)
    return known if known in (np.uint8, np.int64) else np.dtype(np.float32)


def read_arrays(path: Path) -> dict[str, NDArray[np.float64]]:
    """Read the arrays of a safetensors file, in double precision; pixels are from -1 to 1.

    Raises:
        InputError: If the file is missing or damaged.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        return {key: as_values(value) for key, value in load_file(path).items()}
    except FileNotFoundError:
        raise InputError(f"{path} does not exist") from None
    except SafetensorError as error:
        raise InputError(f"{path} is damaged: {error}") from None


def read_rows(path: Path, name: str) -> list[LazyArray]:
    """Give the rows of each member of a tensor ``(E, n, d)``, which stay on the disk.

    Args:
        path: The safetensors file.
        name: The tensor; of pixels, labels or numbers in single precision, as they are stored.

    Raises:
        InputError: If the file is missing or damaged, or there is no such tensor.
    """
    dtypes = {code: dtype for dtype, code in CODES.items()}
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(min(length, path.stat().st_size)))
        begin, end = header[name]["data_offsets"]
        dtype, (members, rows, dim) = dtypes[header[name]["dtype"]], header[name]["shape"]
        whole = max(tensor["data_offsets"][1] for tensor in header.values())
    except FileNotFoundError:
        raise InputError(f"{path} does not exist") from None
    except (ValueError, KeyError, TypeError):
        raise InputError(f"{path} is damaged: it has no rows of {name}") from None
    size = rows * dim * dtype.itemsize
    if members * size != end - begin or path.stat().st_size != 8 + length + whole:
        raise InputError(f"{path} is damaged: it is not as long as it should be")
    return [
        LazyArray(
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


def write_json(path: Path, data: Any) -> None:
    """Write plain data as JSON."""
    atomic_write(path, json.dumps(data, indent=1, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Read JSON.

    Raises:
        InputError: If the file is missing or damaged.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path} does not exist") from None
    except json.JSONDecodeError as error:
        raise InputError(f"{path} is damaged: {error}") from None


def images_of(folder: Path) -> Images | None:
    """Give what the rows of the data in a folder are if they are images.

    Raises:
        InputError: If what is written beside the data is missing or damaged.
    """
    return Images.of(read_json(folder / "meta.json").get("images"))
