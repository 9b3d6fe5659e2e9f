"""What exists: one module per part, found by its file name and loaded only when named.

A part (target, dataset, model, metric, figure) is a class in the module of its own name,
``tailbench/<kind>/<name>.py``, with the decorator ``@register``. Nothing else has to be
edited to add one. Modules whose name starts with an underscore are helpers.
"""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, TypeVar

from tailbench.contracts import InputError

__all__ = ["KINDS", "load", "module_of", "names", "nearest", "register", "summary"]

KINDS = ("targets", "datasets", "models", "metrics", "figures")
_registered: dict[tuple[str, str], Any] = {}
T = TypeVar("T")


def register(part: type[T]) -> type[T]:
    """Register a class under the kind and the name of its module, and set its ``name``.

    Raises:
        ValueError: If the module has registered another class already.
    """
    kind, name = part.__module__.split(".")[-2:]
    if _registered.setdefault((kind, name), part) is not part:
        raise ValueError(f"{part.__module__} registers two parts")
    part.name = name  # type: ignore[attr-defined]
    return part


@cache
def names(kind: str) -> tuple[str, ...]:
    """List the names of the parts of a kind, sorted, without importing them."""
    package = importlib.import_module(f"tailbench.{kind}")
    found = (module.name for module in pkgutil.iter_modules(package.__path__))
    return tuple(sorted(name for name in found if not name.startswith("_")))


def module_of(kind: str, name: str) -> str:
    """Give the full name of the module that holds a part."""
    return f"tailbench.{kind}.{name}"


def load(kind: str, name: str) -> Any:
    """Import a part by name.

    Raises:
        InputError: If there is no such part; the message names the nearest one.
    """
    if name not in names(kind):
        raise InputError(f"there is no {kind[:-1]} {name!r}{nearest(name, names(kind))}")
    importlib.import_module(module_of(kind, name))
    return _registered[kind, name]


def nearest(word: str, known: Iterable[str]) -> str:
    """Give the end of a sentence that suggests the nearest known word, or lists the known ones."""
    known = sorted(known)
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    if close:
        return f" (did you mean {close[0]!r}?)"
    return f" (known: {', '.join(known)})" if known else ""


def summary(part: Callable[..., Any] | type) -> str:
    """Give the first line of a part's docstring."""
    return (part.__doc__ or "").strip().partition("\n")[0].rstrip(".")
