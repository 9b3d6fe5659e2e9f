"""Which parts exist: one class per file, found by its file name and imported only when named.

A part (target, dataset, model, metric, figure, experiment) is a class under the decorator
``@register`` in a file of its own name. The file is in one of three places:

- in the folder of its kind in this package; an experiment has a folder with a module for the
  measurement and one for the claims;
- in a folder that a configuration names under ``plugins:``, or the environment variable
  ``TAILBENCH_PLUGINS`` names;
- in another installed package, with an entry point in the group ``tailbench.models``, ``.targets``,
  ``.datasets``, ``.metrics`` or ``.figures``.

Nothing else has to be edited. Files without ``@register`` are helpers.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.machinery
import importlib.util
import os
import re
import sys
import types
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any, TypeVar

from tailbench.exceptions import InputError

__all__ = [
    "KINDS",
    "entry_class",
    "first_line",
    "load",
    "make_dataset",
    "method_types",
    "module_of",
    "names",
    "nearest",
    "register",
    "source_kind",
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
"""Where the modules of each kind are in this package; ``*`` stands for the name of the part."""

PLUGINS = "tailbench_plugins"
"""The package that the files of plug-in folders are imported into."""

ENVIRONMENT = "TAILBENCH_PLUGINS"
DECORATED = re.compile(r"^@register\b", re.MULTILINE)

_registered: dict[tuple[str, str], Any] = {}
_plugins: dict[tuple[str, str], str] = {}
T = TypeVar("T")


def register(part: type[T]) -> type[T]:
    """Register a class under its kind and the name of its module, and set its ``name``.

    The kind is the folder of the module or, outside of this package, the attribute ``kind`` that
    the class has from its base class.

    Raises:
        ValueError: If the module has registered another class already, or the kind is unknown.
    """
    kind, name = _kind_and_name(part)
    if _registered.setdefault((kind, name), part) is not part:
        raise ValueError(f"{part.__module__} registers two parts, or one named like another")
    part.name = name  # type: ignore[attr-defined]
    return part


def _kind_and_name(part: type) -> tuple[str, str]:
    module = part.__module__
    for kind, pattern in KINDS.items():
        before, after = pattern.split("*")
        if module.startswith(before) and module.endswith(after):
            name = module[len(before) : len(module) - len(after)]
            if "." not in name:
                return kind, name
    inherited = getattr(part, "kind", None)
    if not isinstance(inherited, str) or inherited not in KINDS:
        raise ValueError(f"{module}.{part.__name__} has none of the base classes of parts")
    return inherited, module.rpartition(".")[2]


def use_plugins(folders: Iterable[str | Path]) -> None:
    """Import the parts in some folders, and pass the folders on to processes started from here.

    Args:
        folders: Folders of Python files. Every file with ``@register`` is imported; the others are
            helpers, which the parts import as ``from tailbench_plugins import helper``.

    Raises:
        InputError: If a folder does not exist, a file cannot be imported, or a part has the name
            of another one; names the file.
    """
    paths = [Path(folder) for folder in folders]
    for path in paths:
        if not path.is_dir():
            raise InputError(f"the plugin folder {path} does not exist")
    for module in [name for name in sys.modules if name.startswith(f"{PLUGINS}.")]:
        del sys.modules[module]
    for key in _plugins:
        _registered.pop(key, None)
    _plugins.clear()
    _forget()
    package = types.ModuleType(PLUGINS, "The files of plug-in folders.")
    package.__path__ = [str(path.resolve()) for path in paths]
    package.__spec__ = importlib.machinery.ModuleSpec(PLUGINS, None, is_package=True)
    package.__spec__.submodule_search_locations = package.__path__
    sys.modules[PLUGINS] = package
    os.environ[ENVIRONMENT] = os.pathsep.join(package.__path__)
    for path in paths:
        for file in sorted(path.glob("*.py")):
            if DECORATED.search(file.read_text(encoding="utf-8")):
                _import_plugin(file)
    _forget()


def _import_plugin(file: Path) -> None:
    known = set(_registered)
    try:
        importlib.import_module(f"{PLUGINS}.{file.stem}")
    except Exception as error:
        raise InputError(f"the plugin {file} cannot be imported: {error}") from error
    for kind, name in set(_registered) - known:
        if not _registered[kind, name].__module__.startswith(f"{PLUGINS}."):
            continue  # a part of this package, which the plug-in imports
        if name in _built_in(kind) or (kind, name) in _plugins:
            del _registered[kind, name]
            raise InputError(f"the plugin {file} has the name of another part: {kind}, {name!r}")
        _plugins[kind, name] = f"{PLUGINS}.{file.stem}"


def _forget() -> None:
    for function in (names, method_types, trainable_types, _entry_points):
        function.cache_clear()


def _from_environment() -> None:
    """Import plug-ins in a process that was started by one that uses them."""
    folders = os.environ.get(ENVIRONMENT, "")
    if folders and PLUGINS not in sys.modules:
        use_plugins(folders.split(os.pathsep))


@cache
def _built_in(kind: str) -> tuple[str, ...]:
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


@cache
def _entry_points(kind: str) -> dict[str, metadata.EntryPoint]:
    points = {point.name: point for point in metadata.entry_points(group=f"tailbench.{kind}")}
    for name in {*points} & {*_built_in(kind)}:
        raise InputError(f"the entry point {points[name].value} has the name of a part: {name!r}")
    return points


@cache
def names(kind: str) -> tuple[str, ...]:
    """Return the names of the parts of a kind, sorted; those of this package are not imported."""
    _from_environment()
    plugged = {name for of, name in _plugins if of == kind}
    return tuple(sorted({*_built_in(kind), *plugged, *_entry_points(kind)}))


def module_of(kind: str, name: str) -> str:
    """Return the full name of the module that holds a part."""
    if (kind, name) in _plugins:
        return _plugins[kind, name]
    if name not in _built_in(kind) and name in _entry_points(kind):
        return _entry_points(kind)[name].module
    return KINDS[kind].replace("*", name)


def load(kind: str, name: str) -> Any:
    """Import a part by name.

    Raises:
        InputError: If there is no such part; the message names the nearest one.
    """
    if name not in names(kind):
        raise InputError(f"there is no {kind[:-1]} {name!r}{nearest(name, names(kind))}")
    if (kind, name) not in _registered:
        if name in _built_in(kind):
            importlib.import_module(module_of(kind, name))
        else:
            part = _entry_points(kind)[name].load()
            part.name = name
            _registered[kind, name] = part
    return _registered[kind, name]


def nearest(word: str, known: Iterable[str]) -> str:
    """Return the end of a sentence: the nearest known word, or all of them."""
    known = sorted(known)
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    if close:
        return f" (did you mean {close[0]!r}?)"
    return f" (known: {', '.join(known)})" if known else ""


def first_line(part: Callable[..., Any] | type) -> str:
    """Return the first line of a part's docstring."""
    return (part.__doc__ or "").strip().partition("\n")[0].rstrip(".")


@cache
def method_types() -> dict[str, str]:
    """Return, by the name of every method, the name of the model that defines it."""
    return {method: model for model in names("models") for method in load("models", model).methods}


@cache
def trainable_types() -> list[str]:
    """List the models that a configuration can train."""
    return [m for m in names("models") if load("models", m).trainable]


def source_kind(type_: str) -> str:
    """Return whether a type under ``datasets`` is one of ``"targets"`` or of ``"datasets"``.

    Raises:
        InputError: If there is no such type; the message names the nearest one.
    """
    known = {name: kind for kind in ("targets", "datasets") for name in names(kind)}
    if type_ not in known:
        raise InputError(f"there is no dataset {type_!r}{nearest(type_, known)}")
    return known[type_]


def make_dataset(spec: Mapping[str, Any]) -> Any:
    """Make the target or data set of a specification ``{"type": ..., **settings}``."""
    settings = dict(spec)
    type_ = settings.pop("type")
    return load(source_kind(type_), type_)(**settings)


def entry_class(section: str, type_: str) -> Any:
    """Return the settings class of an entry of a section of the configuration.

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
