"""What several metrics compute of the same tables, computed once."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["once", "shared_work"]

_Array = NDArray[Any]
_Function = Callable[..., _Array]


class _Shared:
    """Tables, which are held so that no other takes their place, and what is known of them."""

    def __init__(self, tables: tuple[_Array, ...]) -> None:
        self.tables = {_identity(table): table for table in tables}
        self.found: dict[tuple[Hashable, ...], _Array] = {}


_SCOPE: ContextVar[_Shared | None] = ContextVar("_SCOPE", default=None)


@contextmanager
def shared_work(*tables: _Array) -> Iterator[None]:
    """Keep what functions of these tables return, until the block ends.

    Sorted columns, ranks, robust units and distances are the same for all metrics of one
    evaluation, and of a million rows each takes seconds. What is kept takes some tables' memory.

    Args:
        tables: Tables that are not changed within the block; others are not remembered.
    """
    token = _SCOPE.set(_Shared(tables))
    try:
        yield
    finally:
        _SCOPE.reset(token)


def once(function: _Function) -> _Function:
    """Return a function of tables that computes once within ``shared_work`` of all of them.

    What it returns there cannot be written to.
    """

    @wraps(function)
    def remembering(*tables: _Array) -> _Array:
        shared = _SCOPE.get()
        if shared is None:
            return function(*tables)
        names = [_identity(table) for table in tables]
        if not all(name in shared.tables for name in names):
            return function(*tables)
        key = (function, *names)
        if key not in shared.found:
            result = function(*tables)
            result.setflags(write=False)
            shared.found[key] = result
        return shared.found[key]

    return remembering


def _identity(table: _Array) -> Hashable:
    """Return where the numbers of a table lie: two views of the same numbers are one table."""
    return table.__array_interface__["data"][0], table.shape, table.strides, np.dtype(table.dtype)
