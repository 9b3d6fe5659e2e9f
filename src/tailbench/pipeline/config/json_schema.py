"""The JSON schema of a configuration, for editors.

Keys are described by pydantic. Written here is what pydantic has no words for: an entry without
``type`` has the type of its name, a section may be a list of names, and experiments on theorems
need no other section. The schema knows less than ``tailbench validate``: not whether the
configuration has the model that a method names, and no rule between two settings.
"""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from tailbench import registry
from tailbench.pipeline.config.entries import DatasetEntry
from tailbench.pipeline.config.model import FLOOR, NAME, SECTIONS, Config
from tailbench.registry import entry_class, method_types, trainable_types

__all__ = ["config_schema", "types_of"]


class Untitled(GenerateJsonSchema):
    """Schemas without the titles that pydantic makes of the names of fields."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Return ``False`` for every field."""
        return False


def config_schema() -> dict[str, Any]:
    """Build the JSON schema (draft 2020-12) of a configuration.

    An entry without ``type`` has the type of its own name. Branches are taken by ``if`` rather
    than ``anyOf``, so that a validator names the one key that is wrong.
    """
    fields = _properties(Config)
    del fields["name"]["default"]  # it is that of the file
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
        "description": "Made by: tailbench schema. Do not edit.",
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


def types_of(section: str) -> list[str]:
    """List the types that an entry of a section can have."""
    if section == "datasets":
        return [*registry.names("targets"), *registry.names("datasets")]
    if section == "models":
        return trainable_types()
    if section == "methods":
        return sorted(method_types())
    return list(registry.names(section))


def _summary(section: str, type_: str) -> str:
    """Return the line that says what a type is."""
    kind, name = section, type_
    if section == "datasets" and type_ in registry.names("targets"):
        kind = "targets"
    elif section == "methods":
        kind, name = "models", method_types()[type_]
    return registry.first_line(registry.load(kind, name)) + "."


def _section(section: str) -> dict[str, Any]:
    """Build the schema of a section: a mapping of names to settings, or a list of names."""
    types = types_of(section)
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
    unfit = r"\.\." + (f"|^{FLOOR}$" if section == "methods" else "")
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
    """Build the schema of an entry that names its type, and of the entries of each type."""
    types = types_of(section)
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
    shared = _properties(DatasetEntry) if section == "datasets" else {}
    of_tables = ("support", "atoms", "n_samples") if shared else ()
    return {section: typed} | entries | {f"{section}.{key}": shared[key] for key in of_tables}


def _entry(section: str, type_: str) -> dict[str, Any]:
    """Build the schema of an entry of a known type."""
    settings = entry_class(section, type_)
    properties: dict[str, Any] = {"type": {"const": type_, "description": "What the entry is."}}
    properties |= _properties(settings)
    if section == "datasets":
        limits = _properties(DatasetEntry)
        for key in DatasetEntry.limits:
            lists = [one for one in limits[key]["anyOf"] if one.get("type") == "array"]
            if lists:  # left out or a list: null is neither
                properties[key] = {**lists[0], "description": limits[key]["description"]}
            else:
                properties[key] = {"$ref": f"#/$defs/{section}.{key}"}
    required = [name for name, field in settings.model_fields.items() if field.is_required()]
    return {
        "description": _summary(section, type_),
        "type": "object" if required else ["object", "null"],
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def _properties(cls: Any) -> dict[str, Any]:
    """Return what pydantic says of the fields of a model."""
    properties: dict[str, Any] = cls.model_json_schema(schema_generator=Untitled)["properties"]
    return properties
