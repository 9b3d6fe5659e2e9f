"""Digests of rows that do not hang on the processor which has drawn them."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["BITS", "rows_digest"]

BITS = 20
"""Binary digits of each number that count, six decimal ones."""

PIECE = 4_000_000  # numbers that are read at once


def rows_digest(arrays: Iterable[NDArray[Any]]) -> str:
    r"""Return a digest of the shapes of arrays, and of their numbers, to 20 binary digits.

    Sines and logarithms differ between processors in the last digits, of about
    :math:`2^{-50}`, so a checksum of the bytes would tell the same data apart. Rounded to
    :math:`2^{-20}` of itself a number changes with a probability of about :math:`2^{-30}`. The
    type of the numbers is not in the digest, nor the sign of zero.

    Args:
        arrays: Finite numbers, rows first.

    Returns:
        16 hexadecimal digits.
    """
    state = hashlib.blake2b(digest_size=8)
    for array in arrays:
        state.update(f"{array.shape}".encode())
        step = max(1, PIECE // max(1, math.prod(array.shape[1:])))
        for begin in range(0, len(array), step):
            piece = np.asarray(array[begin : begin + step], dtype=np.float64)
            mantissa, exponent = np.frexp(piece)
            rounded = np.ldexp(np.rint(mantissa * 2.0**BITS), exponent - BITS) + 0.0
            state.update(np.ascontiguousarray(rounded, "<f8").tobytes())
    return state.hexdigest()
