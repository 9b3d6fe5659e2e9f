"""Errors of pydantic in words: one sentence per key, which starts with the path of the key."""

from __future__ import annotations

import reprlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

from tailbench import registry

__all__ = ["in_words", "line", "sentences", "shown"]

SENTENCE = "sentence"
BAD_KEY = "\n"
"""The end of the path of a mistake in a key itself; no key is written like it."""

RENAMED: Mapping[str, str] = {
    "against": "reference",
    "candidates": "sigma_T_grid",
    "clamp_a": "clip_A",
    "delta": "sigma_min",
    "neighbourhood": "k",
    "prior": "start",
    "rare": "rare_fraction",
    "xi": "level",
}
"""Former names of keys which the present ones do not resemble."""

_short = reprlib.Repr()
_short.maxlevel, _short.maxstring, _short.maxother = 2, 200, 200


def line(key: object) -> str:
    """Return a key as text of one line, whatever it is."""
    return str(key) if str(key).isprintable() else repr(key)


def shown(value: object) -> str:
    """Return a value as text of one line, shortened where it is long."""
    return _short.repr(value)


def sentences(error: ValidationError, cls: type[BaseModel]) -> list[str]:
    """Return the mistakes that pydantic found as one sentence per key, with the path of the key.

    Args:
        error: The mistakes.
        cls: The class that was validated.
    """
    return [f"{'.'.join(keys) or 'settings'}: {said}" for keys, said in _by_keys(error, cls)]


def in_words(error: ValidationError, cls: type[BaseModel]) -> ValidationError:
    """Return the mistakes in the settings of an entry in words, for the error of the whole.

    Only here is it known which class of settings the entry has.

    Args:
        error: The mistakes.
        cls: The class of the settings.
    """
    details: list[InitErrorDetails] = [
        {
            "type": PydanticCustomError(SENTENCE, "{said}", {"said": said}),
            "loc": tuple(keys),
            "input": None,
        }
        for keys, said in _by_keys(error, cls)
    ]
    return ValidationError.from_exception_data(error.title, details)


def _by_keys(error: ValidationError, cls: type[BaseModel]) -> list[tuple[Sequence[str], str]]:
    """List what is wrong, by key; of a key and a key below it, only the latter."""
    found: dict[tuple[str, ...], list[Any]] = {}
    for item in error.errors():
        found.setdefault(_keys(cls, item["loc"]), []).append(item)
    names = {keys[:-1] for keys in found if keys[-1:] == (BAD_KEY,)}
    kept = {
        keys: items
        for keys, items in found.items()
        if not any(other[: len(keys)] == keys for other in found if other != keys)
        and not any(keys[: len(name)] == name and keys != (*name, BAD_KEY) for name in names)
    }
    return [
        (keys[:-1] if keys[-1:] == (BAD_KEY,) else keys, _sentence(items, cls, keys))
        for keys, items in kept.items()
    ]


def _hint(key: str, fields: Iterable[str]) -> str:
    """Return the end of a sentence: the present name of a key, or the nearest one."""
    known = list(fields)
    if RENAMED.get(key) in known:
        return f" (did you mean {RENAMED[key]!r}?)"
    return registry.nearest(key, known)


def _sentence(items: Sequence[Any], cls: type[BaseModel], keys: Sequence[str]) -> str:
    first = items[0]
    if first["type"] in ("extra_forbidden", "invalid_key"):
        return f"unknown key{_hint(keys[-1], _fields_at(cls, keys[:-1]))}"
    if first["type"] == "missing":
        return "missing required key"
    if first["type"] in (SENTENCE, "value_error", "assertion_error"):
        said: str = first["msg"]
        return said.removeprefix("Value error, ").removeprefix("Assertion failed, ")
    if first["type"] == "too_short":
        least = first["ctx"]["min_length"]
        return f"at least {least} {'entry is' if least == 1 else 'entries are'} required"
    # A value that no branch of a union takes has one error per branch: lists are said last.
    ordered = sorted(items, key=lambda item: item["type"] == "tuple_type")
    wanted = [item["msg"].partition(" should ")[2].partition(", unable")[0] for item in ordered]
    kinds = [text.replace("be a valid tuple", "be a list") for text in wanted]
    others = [text.removeprefix("be ") for text in dict.fromkeys(kinds)][1:]
    return f"must {' or '.join([kinds[0], *others])}, not {shown(first['input'])}"


def _keys(cls: Any, location: Iterable[str | int]) -> tuple[str, ...]:
    """Return the keys of a location as a user writes them.

    Without the names that pydantic gives a union's branches, and without the field ``settings`` of
    an entry, whose fields are keys of the entry.
    """
    keys: list[str] = []
    within = False  # whether the last part was the key of a mapping
    for part in location:
        fields = _model_fields(cls)
        if within and part == "[key]":
            keys.append(BAD_KEY)
        elif fields is not None:
            unwritten = part == "settings" and part in fields
            keys += [] if unwritten else [line(part)]
            cls = fields[part].annotation if part in fields else None
            within = False
        elif get_origin(cls) is dict:
            keys.append(line(part))
            cls, within = get_args(cls)[1], True
        elif isinstance(part, int) or cls is None:
            keys.append(line(part))
    return tuple(keys)


def _fields_at(cls: Any, keys: Iterable[str]) -> list[str]:
    """List the fields of the model at some keys below a model."""
    for key in keys:
        cls = (_model_fields(cls) or {})[key].annotation
    return list(_model_fields(cls) or ())


def _model_fields(cls: Any) -> Mapping[Any, Any] | None:
    """Return the fields of a model; ``None`` of another type."""
    return cls.model_fields if isinstance(cls, type) and issubclass(cls, BaseModel) else None
