"""The reference of all configuration keys, generated from the JSON schema."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tailbench import registry
from tailbench.exceptions import InputError
from tailbench.pipeline.config.entries import DatasetEntry
from tailbench.pipeline.config.json_schema import config_schema, types_of
from tailbench.pipeline.config.model import SECTIONS

__all__ = ["config_markdown"]


INTRODUCTION = """\
# Configuration

<!-- Made by: tailbench config-reference --output docs/configuration.md. Do not edit. -->

A configuration is a YAML file; `config.yaml` is the default one, and `presets/` holds others.
`tailbench validate FILE` says whether one can be used, and what it would run. An editor
that knows JSON schemas completes and checks keys from `workflow/schemas/config.schema.json`.

`datasets`, `models`, `methods` and `metrics` map names of your choice to settings. The key `type`
says what an entry is; it may be left out where the name is that of a type, so that `gmm: {}` and
`many: {type: gmm, dim: 100}` are both entries of type `gmm`. A setting that is left out has its
default. A list of types, such as `metrics: [msle, tail_ks]`, takes them all with their defaults.
A relative path, such as the `path` of a file, starts at the folder of the configuration.

## Top level"""


NOTES = {
    "datasets": "Every entry may have `methods`, the list of the methods to run on it, and "
    "`seeds`, the seed blocks; all of them run where a list is left out. Every table may have "
    "`support` and `atoms`: bounds of columns and values that come again and again, which the "
    "samples of every model then keep to ([own-data.md](own-data.md#bounds-and-atoms)). "
    "`n_samples` has more samples drawn than there are held-out rows "
    "([own-data.md](own-data.md#more-samples-than-held-out-rows)).",
    "models": "Only what some method needs is trained.",
    "methods": "Where a setting takes a list of values, each of them is a variant with results of "
    "its own, shown as `sgm, sampling_steps = 16`; the lists of several settings are combined.",
    "metrics": "If the section is left out, all of them are computed, with their defaults.",
    "theory": "An experiment needs none of the other sections, and a configuration may have this "
    "one alone. What is claimed, and what was found: [theory.md](theory.md).",
}


COMMON = ("type", *DatasetEntry.limits)


BOUNDS = {
    "minimum": "at least",
    "exclusiveMinimum": "above",
    "maximum": "at most",
    "exclusiveMaximum": "below",
}


WORDS = {
    "integer": "whole number",
    "number": "number",
    "string": "text",
    "boolean": "`true` or `false`",
    "null": "`null`",
}


PLURAL = ("integer", "number", "string")


def config_markdown() -> str:
    """Return the reference of all keys of a configuration, as Markdown.

    Raises:
        InputError: If a setting has no description.
    """
    schema = config_schema()
    top = {key: f for key, f in schema["properties"].items() if key not in (*SECTIONS, "figures")}
    parts = [INTRODUCTION, _table(top, [], "the configuration")]
    for section in SECTIONS:
        field = schema["properties"][section]
        parts.append(f"## `{section}`\n\n{field['description']} {NOTES[section]}")
        for type_ in types_of(section):
            entry = schema["$defs"][f"{section}.{type_}"]
            own = {key: f for key, f in entry["properties"].items() if key not in COMMON}
            owner = f"{section}, type '{type_}'"
            table = _table(own, entry["required"], owner) if own else "It has no settings."
            parts.append(f"### `{section}`, type `{type_}`\n\n{entry['description']}\n\n{table}")
    rows = [
        f"| `{name}` | {_cell(registry.first_line(registry.load('figures', name)))}. |"
        for name in registry.names("figures")
    ]
    figures = "\n".join(["| Figure | Shows |", "| --- | --- |", *rows])
    parts.append(f"## `figures`\n\n{schema['properties']['figures']['description']}\n\n{figures}")
    return "\n\n".join(parts) + "\n"


def _table(fields: Mapping[str, Any], required: Sequence[str], owner: str) -> str:
    rows = ["| Key | Value | Default | Meaning |", "| --- | --- | --- | --- |"]
    for key, field in fields.items():
        if "description" not in field:
            raise InputError(f"{owner}: the setting '{key}' has no description")
        default = "required" if key in required else ""
        if "default" in field:
            default = f"`{_yaml(field['default'])}`"
        cells = (f"`{key}`", _values(field), default, field["description"])
        rows.append("| " + " | ".join(_cell(text) for text in cells) + " |")
    return "\n".join(rows)


def _cell(text: str) -> str:
    return text.replace("|", r"\|")


def _values(field: Mapping[str, Any], plural: bool = False) -> str:
    """Return in words which values a schema admits."""
    if "enum" in field or "const" in field:
        return " or ".join(f"`{value}`" for value in field.get("enum", [field.get("const")]))
    if "anyOf" in field:
        return ", or ".join(_values(option, plural) for option in field["anyOf"])
    kind = field["type"]
    if isinstance(kind, list):
        return " or ".join(_values({"type": one}, plural) for one in kind)
    if kind == "array":
        return f"{'lists' if plural else 'list'} of {_values(field['items'], plural=True)}"
    if kind == "object":
        values = field["additionalProperties"]
        if values is True:
            return "mapping of names to values"
        return f"mapping of names to {_values(values, plural=True)}"
    word = WORDS[kind] + ("s" if plural and kind in PLURAL else "")
    bounds = " and ".join(f"{text} {field[key]:g}" for key, text in BOUNDS.items() if key in field)
    return f"{word} {bounds}".strip()


def _yaml(value: Any) -> str:
    """Write a default as it would stand in a configuration."""
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_yaml(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_yaml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    return str(value)
