"""What a configuration can name: the types of each section and their settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tailbench import registry
from tailbench.contracts import InputError

__all__ = ["entry_class", "method_types", "source", "source_kind", "trainable_types"]


def method_types() -> dict[str, str]:
    """Map the name of every method to the name of the model module that defines it."""
    return {
        method: model
        for model in registry.names("models")
        for method in registry.load("models", model).methods
    }


def trainable_types() -> list[str]:
    """List the models that a configuration can train."""
    return [m for m in registry.names("models") if registry.load("models", m).trainable]


def source_kind(type_: str) -> str:
    """Say whether a type under ``datasets`` is one of the ``"targets"`` or of the ``"datasets"``.

    Raises:
        InputError: If there is no such type; the message names the nearest one.
    """
    known = {name: kind for kind in ("targets", "datasets") for name in registry.names(kind)}
    if type_ not in known:
        raise InputError(f"there is no dataset {type_!r}{registry.nearest(type_, known)}")
    return known[type_]


def source(spec: Mapping[str, Any]) -> Any:
    """Make the target or data set of a specification ``{"type": ..., **settings}``."""
    settings = dict(spec)
    type_ = settings.pop("type")
    return registry.load(source_kind(type_), type_)(**settings)


def entry_class(section: str, type_: str) -> Any:
    """Give the settings class of an entry of a section of the configuration.

    Raises:
        InputError: If there is no such type; the message names the nearest one.
    """
    if section == "datasets":
        return registry.load(source_kind(type_), type_).Settings
    if section == "methods":
        types = method_types()
        if type_ in types:
            return registry.load("models", types[type_]).methods[type_]
        raise InputError(f"there is no method {type_!r}{registry.nearest(type_, types)}")
    if section == "models":
        if type_ in trainable_types():
            return registry.load("models", type_).Settings
        raise InputError(f"there is no model {type_!r}{registry.nearest(type_, trainable_types())}")
    return registry.load(section, type_).Settings
