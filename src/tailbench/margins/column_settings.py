"""What a user says of columns that have bounds or atoms: settings, checked and completed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, WithJsonSchema

__all__ = ["AtomSetting", "Bounds", "SupportSetting", "checked_atoms", "checked_support"]

Bounds = tuple[float | None, float | None]
"""The least and the largest value of a column, ``None`` where there is no bound."""

LOW, HIGH = ("-inf", "-.inf", "null"), ("inf", "+inf", ".inf", "null")


def checked_support(value: Any) -> Literal["auto"] | dict[str, Bounds] | None:
    """Return what a user says of supports: bounds by the name of the column.

    Args:
        value: ``"auto"``; ``"none"`` or ``None``; or a mapping of names or numbers of columns to
            pairs of bounds, where ``inf`` and ``None`` say that there is none.

    Raises:
        ValueError: If it is something else, or a bound is no number or not below the other.
    """
    if value is None or value == "none":
        return None
    if value == "auto":
        return "auto"
    if not isinstance(value, Mapping):
        raise ValueError(f"must be 'auto', 'none' or a mapping of columns to [low, high]: {value}")
    return {str(name): _pair(name, own) for name, own in value.items()}


def _pair(name: Any, value: Any) -> Bounds:
    if isinstance(value, str) or not hasattr(value, "__len__") or len(value) != 2:
        raise ValueError(f"{name}: the bounds are a pair such as [0, inf], not {value!r}")
    low, high = _bound(name, value[0], LOW), _bound(name, value[1], HIGH)
    if low is not None and high is not None and not low < high:
        raise ValueError(f"{name}: the lower bound {low:g} is not below the upper bound {high:g}")
    return low, high


def _bound(name: Any, value: Any, absent: tuple[str, ...]) -> float | None:
    """Return a bound, or ``None`` where it says that there is none."""
    text = "null" if value is None else str(value).strip().lower()
    if text in absent:
        return None
    try:
        number = math.nan if isinstance(value, bool) else float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{name}: a bound is a number, or {absent[0]} without one, not {value!r}")
    return number


def _by_column(values: dict[str, Any]) -> WithJsonSchema:
    """Return the schema of a setting that has a list for each column."""
    lists = {"type": "object", "additionalProperties": {"type": "array", **values}}
    return WithJsonSchema({"anyOf": [{"enum": ["auto", "none"]}, lists, {"type": "null"}]})


BOUND = {"anyOf": [{"type": "number"}, {"enum": ["inf", "-inf"]}, {"type": "null"}]}

SupportSetting = Annotated[
    Literal["auto"] | dict[str, Bounds] | None,
    BeforeValidator(checked_support),
    _by_column({"items": BOUND, "minItems": 2, "maxItems": 2}),
]
"""The supports of columns as a configuration has them: see ``checked_support``."""


def checked_atoms(value: Any) -> Literal["auto"] | dict[str, tuple[float, ...]] | None:
    """Return what a user says of atoms: values by the name of the column.

    Args:
        value: ``"auto"``; ``"none"`` or ``None``; or a mapping of names or numbers of columns to
            lists of values.

    Raises:
        ValueError: If it is something else, or a value is no finite number.
    """
    if value is None or value == "none":
        return None
    if value == "auto":
        return "auto"
    if not isinstance(value, Mapping):
        raise ValueError(f"must be 'auto', 'none' or a mapping of columns to values: {value}")
    found = {}
    for name, own in value.items():
        listed = own if isinstance(own, (list, tuple)) else [own]
        numbers = [
            float(v) for v in listed if isinstance(v, (int, float)) and not isinstance(v, bool)
        ]
        if not listed or len(numbers) < len(listed) or not all(map(math.isfinite, numbers)):
            raise ValueError(f"{name}: the atoms are a list of numbers such as [0], not {own!r}")
        found[str(name)] = tuple(sorted(set(numbers)))
    return found


AtomSetting = Annotated[
    Literal["auto"] | dict[str, tuple[float, ...]] | None,
    BeforeValidator(checked_atoms),
    _by_column({"items": {"type": "number"}, "minItems": 1}),
]
"""The atoms of columns as a configuration has them: see ``checked_atoms``."""
