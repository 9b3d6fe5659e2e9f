"""Arrays in a pickle, which is not trusted: what the file of the MNIST package needs.

Nothing else is read from pickles, and this one only once its checksum is known to be right.
"""

from __future__ import annotations

import pickle
import re
from io import BufferedIOBase
from typing import IO, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from tailbench.exceptions import InputError

__all__ = ["PickledArray", "unpickle"]


class PickledArray:
    """An array as a pickle describes it, of which ``array`` makes one after a look at it."""

    def __setstate__(self, state: Any) -> None:
        """Take down what the pickle says: version, shape, type, order of the axes, content."""
        _, self._shape, self._dtype, self._fortran, self._content = state

    def array(self) -> NDArray[Any]:
        """Return the array, read-only.

        Raises:
            ValueError: If it does not hold numbers, or not as many as its shape asks for.
        """
        order = "F" if self._fortran else "C"
        values = np.frombuffer(self._content, self._dtype.dtype())
        return values.reshape(self._shape, order=order)  # type: ignore[call-overload]


class _PickledType:
    """The type of a pickled array's values."""

    def __init__(self, code: bytes | str, *_: object) -> None:
        self._code, self._order = _text(code), "="

    def __setstate__(self, state: Any) -> None:
        self._order = _text(state[1])

    def dtype(self) -> np.dtype[Any]:
        if not re.fullmatch("[<>=|][uif][1248]", self._order + self._code):
            raise ValueError(f"its arrays hold {self._code!r}, not numbers")
        return np.dtype(self._order + self._code)


def _text(word: bytes | str) -> str:
    return word.decode("ascii") if isinstance(word, bytes) else str(word)


def _reconstruct(*_: object) -> PickledArray:
    return PickledArray()


class _Unpickler(pickle.Unpickler):
    """Reads arrays, numbers, text and containers of these, and calls nothing else."""

    # NumPy's own functions are not called either: they trust the state that a pickle gives them.
    ADMITTED: ClassVar[dict[tuple[str, str], Any]] = {
        ("numpy", "ndarray"): PickledArray,
        ("numpy", "dtype"): _PickledType,
        ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
        ("numpy._core.multiarray", "_reconstruct"): _reconstruct,
    }

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self.ADMITTED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which no array needs")
        return self.ADMITTED[module, name]


def unpickle(stream: IO[bytes] | BufferedIOBase, source: object) -> Any:
    """Read a pickle of arrays, of either version of Python, running no code of its choice.

    Args:
        stream: The pickle.
        source: What to call it in messages.

    Returns:
        What it holds, with a ``PickledArray`` for every array; text of Python 2 as bytes.

    Raises:
        InputError: If it is damaged or holds anything but arrays, numbers, text and containers.
    """
    try:
        return _Unpickler(stream, encoding="bytes").load()
    # What a damaged pickle raises is not restricted to any list.
    except Exception as error:
        reason = str(error) or type(error).__name__
        raise InputError(f"{source} cannot be read as a pickle of arrays: {reason}") from error
