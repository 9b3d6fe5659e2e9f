"""Digests of rows that do not hang on the processor which has drawn them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["BITS", "rows_digest"]

BITS = 20
"""Binary digits of each number that count, six decimal ones."""


def rows_digest(arrays: Iterable[NDArray[Any]]) -> str:
    r"""Return a digest of arrays: of their shapes, and of their numbers rounded to 20 binary digits.

    Sines and logarithms differ between processors in the last digits, of about
    :math:`2^{-50}`, so a checksum of the bytes would tell the same data apart. Rounded to
    :math:`2^{-20}` of itself a number changes with a probability of about :math:`2^{-30}`. The
    type of the numbers is not in the digest, nor the sign of zero.

    Args:
        arrays: Finite numbers, in any shape.

    Returns:
        16 hexadecimal digits.
    """
    state = hashlib.blake2b(digest_size=8)
    for array in arrays:
        state.update(f"{array.shape}".encode())
        mantissa, exponent = np.frexp(np.asarray(array, dtype=np.float64))
        rounded = np.ldexp(np.rint(mantissa * 2.0**BITS), exponent - BITS) + 0.0
        state.update(np.ascontiguousarray(rounded, "<f8").tobytes())
    return state.hexdigest()
