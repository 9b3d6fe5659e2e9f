"""What is wrong with settings, one sentence per key."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError

from tailbench import registry

__all__ = ["sentences"]


def sentences(where: Sequence[str], error: ValidationError, cls: type[BaseModel]) -> list[str]:
    """Turn the errors of settings into one sentence per key, which starts with the path to it.

    Args:
        where: Path to the settings.
        error: What pydantic says of them.
        cls: The class of the settings.
    """
    found: dict[tuple[str, ...], list[Any]] = {}
    for item in error.errors():
        found.setdefault(_keys(cls, item["loc"]), []).append(item)
    return [
        _sentence([*where, *keys], items, cls, keys)
        for keys, items in found.items()
        if not any(other[: len(keys)] == keys for other in found if other != keys)
    ]


def _sentence(
    path: Sequence[str], items: Sequence[Any], cls: type[BaseModel], keys: Sequence[str]
) -> str:
    first = items[0]
    start = f"{'.'.join(path) or 'settings'}: "
    if first["type"] == "extra_forbidden":
        return f"{start}unknown key{registry.nearest(keys[-1], _fields_at(cls, keys[:-1]))}"
    if first["type"] == "missing":
        return f"{start}this key is needed"
    if first["type"] in ("value_error", "assertion_error"):
        return start + first["msg"].removeprefix("Value error, ").removeprefix("Assertion failed, ")
    if first["type"] == "too_short":
        least = first["ctx"]["min_length"]
        return f"{start}at least {least} {'entry is' if least == 1 else 'entries are'} needed"
    # A value that no branch of a union takes has one error per branch: lists are said last.
    ordered = sorted(items, key=lambda item: item["type"] == "tuple_type")
    wanted = [item["msg"].partition(" should ")[2].partition(", unable")[0] for item in ordered]
    kinds = [text.replace("be a valid tuple", "be a list") for text in wanted]
    others = [text.removeprefix("be ") for text in dict.fromkeys(kinds)][1:]
    return f"{start}must {' or '.join([kinds[0], *others])}, not {first['input']!r}"


def _keys(cls: Any, location: Iterable[str | int]) -> tuple[str, ...]:
    """Give the keys of a location, without the names that pydantic gives a union's branches."""
    keys = []
    for part in location:
        fields = _model_fields(cls)
        if isinstance(part, int) or fields is not None or get_origin(cls) is dict:
            keys.append(str(part))
        if fields is not None:
            cls = fields[part].annotation if part in fields else None
        elif get_origin(cls) is dict:
            cls = get_args(cls)[1]
    return tuple(keys)


def _fields_at(cls: Any, keys: Iterable[str]) -> list[str]:
    """List the fields of the model at some keys below a model."""
    for key in keys:
        cls = (_model_fields(cls) or {})[key].annotation
    return list(_model_fields(cls) or ())


def _model_fields(cls: Any) -> Mapping[Any, Any] | None:
    """Give the fields of a model; ``None`` of another type."""
    return cls.model_fields if isinstance(cls, type) and issubclass(cls, BaseModel) else None
