"""What exists: one module per part, found by its file name and loaded only when named.

A part (target, dataset, model, metric, figure, experiment) is a class with the decorator
``@register`` in a module of its own name in the folder of its kind; an experiment has a folder of
its own with a module for the measurement and one for the claims. Nothing else has to be edited to
add one. Modules without ``@register`` are helpers.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from tailbench.exceptions import InputError

__all__ = [
    "KINDS",
    "entry_class",
    "load",
    "method_types",
    "module_of",
    "names",
    "nearest",
    "register",
    "source",
    "source_kind",
    "summary",
    "trainable_types",
    "use_plugins",
]

KINDS: Mapping[str, str] = {
    "targets": "tailbench.targets.*",
    "datasets": "tailbench.datasets.*",
    "models": "tailbench.models.*",
    "metrics": "tailbench.metrics.*",
    "figures": "tailbench.plots.*",
    "theory": "tailbench.theory.*.experiment",
    "claims": "tailbench.theory.*.claims",
}
"""Where the modules of each kind are; ``*`` stands for the name of the part."""

DECORATED = re.compile(r"^@register\b", re.MULTILINE)
_registered: dict[tuple[str, str], Any] = {}
T = TypeVar("T")


def register(part: type[T]) -> type[T]:
    """Register a class under the kind and the name of its module, and set its ``name``.

    Raises:
        ValueError: If the module has registered another class already.
    """
    kind, name = _kind_and_name(part.__module__)
    if _registered.setdefault((kind, name), part) is not part:
        raise ValueError(f"{part.__module__} registers two parts")
    part.name = name  # type: ignore[attr-defined]
    return part


def _kind_and_name(module: str) -> tuple[str, str]:
    for kind, pattern in KINDS.items():
        before, after = pattern.split("*")
        if module.startswith(before) and module.endswith(after):
            name = module[len(before) : len(module) - len(after)]
            if "." not in name:
                return kind, name
    raise ValueError(f"{module} is in no folder of parts")


@cache
def names(kind: str) -> tuple[str, ...]:
    """List the names of the parts of a kind, sorted, without importing them."""
    package, after = KINDS[kind].split(".*")
    spec = importlib.util.find_spec(package)
    folders = (spec.submodule_search_locations or ()) if spec else ()
    suffix = f"{after.replace('.', '/')}.py"
    return tuple(
        sorted(
            str(path.relative_to(folder))[: -len(suffix)]
            for folder in folders
            for path in Path(folder).glob(f"*{suffix}")
            if DECORATED.search(path.read_text(encoding="utf-8"))
        )
    )


def module_of(kind: str, name: str) -> str:
    """Give the full name of the module that holds a part."""
    return KINDS[kind].replace("*", name)


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


def method_types() -> dict[str, str]:
    """Map the name of every method to the name of the model module that defines it."""
    return {method: model for model in names("models") for method in load("models", model).methods}


def trainable_types() -> list[str]:
    """List the models that a configuration can train."""
    return [m for m in names("models") if load("models", m).trainable]


def source_kind(type_: str) -> str:
    """Say whether a type under ``datasets`` is one of the ``"targets"`` or of the ``"datasets"``.

    Raises:
        InputError: If there is no such type; the message names the nearest one.
    """
    known = {name: kind for kind in ("targets", "datasets") for name in names(kind)}
    if type_ not in known:
        raise InputError(f"there is no dataset {type_!r}{nearest(type_, known)}")
    return known[type_]


def source(spec: Mapping[str, Any]) -> Any:
    """Make the target or data set of a specification ``{"type": ..., **settings}``."""
    settings = dict(spec)
    type_ = settings.pop("type")
    return load(source_kind(type_), type_)(**settings)


def entry_class(section: str, type_: str) -> Any:
    """Give the settings class of an entry of a section of the configuration.

    Raises:
        InputError: If there is no such type; the message names the nearest one.
    """
    if section == "datasets":
        return load(source_kind(type_), type_).Settings
    if section == "methods":
        types = method_types()
        if type_ in types:
            return load("models", types[type_]).methods[type_]
        raise InputError(f"there is no method {type_!r}{nearest(type_, types)}")
    if section == "models":
        if type_ in trainable_types():
            return load("models", type_).Settings
        raise InputError(f"there is no model {type_!r}{nearest(type_, trainable_types())}")
    if section == "theory" and type_ not in names("theory"):
        raise InputError(f"there is no experiment {type_!r}{nearest(type_, names('theory'))}")
    return load(section, type_).Settings


def use_plugins(folders: Iterable[str | Path]) -> None:
    """Check that the folders of plug-ins exist.

    Raises:
        InputError: If one does not; names it.
    """
    for folder in folders:
        if not Path(folder).is_dir():
            raise InputError(f"the folder {folder} does not exist")
