"""Where the results of a benchmark lie, and how its arrays are read and written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tailbench.contracts import Images, InputError
from tailbench.files import as_values, atomic_write, replacing

__all__ = ["images_of", "read_arrays", "read_json", "write_arrays", "write_json"]


def write_arrays(path: Path, arrays: dict[str, NDArray[Any]]) -> None:
    """Write arrays, each ``(E, n, d)``, to a safetensors file.

    Bytes (pixels) and whole numbers (labels) stay as they are; all else is written in single
    precision.
    """
    from safetensors.numpy import save_file

    with replacing(path) as temporary:
        save_file(
            {
                key: np.ascontiguousarray(
                    value, value.dtype if value.dtype in (np.uint8, np.int64) else np.float32
                )
                for key, value in arrays.items()
            },
            temporary,
        )


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
    known = read_json(folder / "meta.json").get("images")
    if known is None:
        return None
    return Images(tuple(known["shape"]), tuple(known["classes"]), known["pixels"])
