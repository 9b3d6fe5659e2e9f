"""The JSON schema of a configuration, and the reference for people made of it.

Both are derived from the registries and the typed settings, by which ``tailbench.config`` parses.
The schema knows less than ``tailbench check``: not whether the configuration has the model that a
method names, and no rule between two settings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tailbench import registry
from tailbench.catalog import entry_class, method_types, trainable_types
from tailbench.config import NAME, RESERVED, Config

__all__ = ["config_markdown", "config_schema"]

SECTIONS = ("datasets", "models", "methods", "metrics", "theory")
INTRODUCTION = """\
# Configuration

<!-- Made by: python -m tailbench docs --output docs/configuration.md. Do not edit. -->

A configuration is a YAML file; `config.yaml` is the default one, and `presets/` holds others.
`python -m tailbench check FILE` says whether one can be used, and what it would run. An editor
that knows JSON schemas completes and checks keys from `workflow/schemas/config.schema.json`.

`datasets`, `models`, `methods` and `metrics` map names of your choice to settings. The key `type`
says what an entry is; it may be left out where the name is that of a type, so that `gmm: {}` and
`many: {type: gmm, dim: 100}` are both entries of type `gmm`. A setting that is left out has its
default. A list of types, such as `metrics: [msle, tail_ks]`, takes them all with their defaults.

## Top level"""
NOTES = {
    "datasets": "Every entry may have `methods`, the list of the methods to run on it, and "
    "`seeds`, the blocks of seeds; all of them run where a list is left out.",
    "models": "Only what some method needs is trained.",
    "methods": "Where a setting takes a list of values, each of them is a variant with results of "
    "its own, named like `sgm[steps=16]`; the lists of several settings are combined.",
    "metrics": "If the section is left out, all of them are computed, with their defaults.",
    "theory": "An experiment needs none of the other sections, and a configuration may have this "
    "one alone. What is claimed, and what was found: [theory.md](theory.md).",
}
COMMON = ("type", "methods", "seeds")
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


def config_schema() -> dict[str, Any]:
    """Give the JSON schema (draft 2020-12) of a configuration.

    An entry without ``type`` has the type of its own name. Branches are taken by ``if`` rather
    than ``anyOf``, so that a validator names the one key that is wrong.
    """
    fields = _plain(Config.model_json_schema())["properties"]
    fields["seeds"] |= {
        "items": {"type": ["string", "integer"], "pattern": r"^\d+(-\d+)?$", "minimum": 0},
        "minItems": 1,
    }
    properties: dict[str, Any] = {}
    definitions: dict[str, Any] = {}
    for name, field in fields.items():
        properties[name] = field
        if name in SECTIONS:
            properties[name] = {"description": field["description"], **_section(name)}
            definitions |= _definitions(name)
        elif name == "figures":
            field["items"] = {"enum": list(registry.names("figures"))}
            field["default"] = list(registry.names("figures"))
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "tailbench configuration",
        "description": "Made by: python -m tailbench schema. Do not edit.",
        "type": "object",
        "properties": properties,
        "if": {
            "required": ["theory"],
            "not": {"anyOf": [{"required": [section]} for section in SECTIONS[:3]]},
        },
        "then": {"properties": {"metrics": False, "figures": {"maxItems": 0}}},
        "else": {"required": list(SECTIONS[:3])},
        "additionalProperties": False,
        "$defs": definitions,
    }


def _types(section: str) -> list[str]:
    """List the types that an entry of a section can have."""
    if section == "datasets":
        return [*registry.names("targets"), *registry.names("datasets")]
    if section == "models":
        return trainable_types()
    if section == "methods":
        return sorted(method_types())
    return list(registry.names(section))


def _summary(section: str, type_: str) -> str:
    """Give the one line that says what a type is."""
    kind, name = section, type_
    if section == "datasets" and type_ in registry.names("targets"):
        kind = "targets"
    elif section == "methods":
        kind, name = "models", method_types()[type_]
    return registry.summary(registry.load(kind, name)) + "."


def _section(section: str) -> dict[str, Any]:
    """Give the schema of a section: a mapping of names to settings, or a list of names."""
    types = _types(section)
    typed = {"$ref": f"#/$defs/{section}"}
    own = {
        type_: {
            "if": {"type": "object", "required": ["type"]},
            "then": typed,
            "else": {"$ref": f"#/$defs/{section}.{type_}"},
        }
        for type_ in types
    }
    complete = [t for t in types if not entry_class(section, t).model_json_schema().get("required")]
    unfit = r"\.\." + (f"|^{RESERVED[section]}$" if section in RESERVED else "")
    return {
        "type": ["object", "array"] + (["null"] if section == "metrics" else []),
        "properties": own,
        "additionalProperties": typed,
        "propertyNames": {"pattern": f"^{NAME.pattern}$", "not": {"pattern": unfit}},
        "minProperties": 1,
        "items": {"enum": complete},
        "minItems": 1,
    }


def _definitions(section: str) -> dict[str, Any]:
    """Give the schema of an entry that names its type, and of the entries of each type."""
    types = _types(section)
    entries = {f"{section}.{type_}": _entry(section, type_) for type_ in types}
    typed = {
        "type": "object",
        "properties": {"type": {"enum": types}},
        "required": ["type"],
        "allOf": [
            {
                "if": {"properties": {"type": {"const": type_}}},
                "then": {"$ref": f"#/$defs/{section}.{type_}"},
            }
            for type_ in types
        ],
    }
    return {section: typed} | entries


def _entry(section: str, type_: str) -> dict[str, Any]:
    """Give the schema of an entry of a known type."""
    settings = _plain(entry_class(section, type_).model_json_schema())
    properties: dict[str, Any] = {"type": {"const": type_, "description": "What the entry is."}}
    properties |= settings["properties"]
    if section == "datasets":
        properties["methods"] = {
            "type": "array",
            "items": {"type": "string"},
            "description": "Methods to run on this dataset; all of them if left out.",
        }
        properties["seeds"] = {
            "type": "array",
            "items": {"type": ["string", "integer"]},
            "description": "Blocks of seeds to run on this dataset; all of them if left out.",
        }
    required = settings.get("required", [])
    return {
        "description": _summary(section, type_),
        "type": "object" if required else ["object", "null"],
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def _plain(schema: Any) -> Any:
    """Drop the titles that pydantic makes of the names of fields."""
    if isinstance(schema, Mapping):
        return {
            key: {name: _plain(field) for name, field in value.items()}
            if key == "properties"
            else _plain(value)
            for key, value in schema.items()
            if key != "title"
        }
    return [_plain(item) for item in schema] if isinstance(schema, list) else schema


def config_markdown() -> str:
    """Give the reference of all keys of a configuration, as Markdown."""
    schema = config_schema()
    top = {key: f for key, f in schema["properties"].items() if key not in (*SECTIONS, "figures")}
    parts = [INTRODUCTION, _table(top, [])]
    for section in SECTIONS:
        field = schema["properties"][section]
        parts.append(f"## `{section}`\n\n{field['description']} {NOTES[section]}")
        for type_ in _types(section):
            entry = schema["$defs"][f"{section}.{type_}"]
            own = {key: f for key, f in entry["properties"].items() if key not in COMMON}
            table = _table(own, entry["required"]) if own else "It has no settings."
            parts.append(f"### `{section}`, type `{type_}`\n\n{entry['description']}\n\n{table}")
    rows = [
        f"| `{name}` | {_cell(registry.summary(registry.load('figures', name)))}. |"
        for name in registry.names("figures")
    ]
    figures = "\n".join(["| Figure | Shows |", "| --- | --- |", *rows])
    parts.append(f"## `figures`\n\n{schema['properties']['figures']['description']}\n\n{figures}")
    return "\n\n".join(parts) + "\n"


def _table(fields: Mapping[str, Any], required: Sequence[str]) -> str:
    rows = ["| Key | Value | Default | Meaning |", "| --- | --- | --- | --- |"]
    for key, field in fields.items():
        default = "needed" if key in required else f"`{_yaml(field['default'])}`"
        cells = (f"`{key}`", _values(field), default, field["description"])
        rows.append("| " + " | ".join(_cell(text) for text in cells) + " |")
    return "\n".join(rows)


def _cell(text: str) -> str:
    return text.replace("|", r"\|")


def _values(field: Mapping[str, Any], plural: bool = False) -> str:
    """Say in words which values a schema admits."""
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
        return f"mapping of names to {_values(field['additionalProperties'], plural=True)}"
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
