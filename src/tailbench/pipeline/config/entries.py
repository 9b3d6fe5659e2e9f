"""Entries of a configuration: the parts of a benchmark by name, with typed settings.

Every entry is validated by the settings class of the part that it names. The registry is the
union, and a branch is imported when an entry asks for it: a union of pydantic's would import every
part and build every schema at the start, 0.23 s beside the 0.65 s that a check takes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any, ClassVar, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationError,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from tailbench import registry
from tailbench.margins.column_settings import AtomSetting, SupportSetting
from tailbench.models.settings import ModelSettings
from tailbench.pipeline.config.errors import in_words, shown
from tailbench.pipeline.config.seed_blocks import parse_block
from tailbench.registry import entry_class
from tailbench.settings import Settings

__all__ = [
    "DatasetEntry",
    "Entry",
    "MethodEntry",
    "MetricEntry",
    "ModelEntry",
    "SeedBlock",
    "TheoryEntry",
    "parts_of",
]

MOST_NUMBERS = 10**12  # eight terabytes
MOST_SAMPLES = 10**9


def parts_of(type_: str, settings: Mapping[str, Any]) -> dict[str, str]:
    """Return the names of the models that a method samples from, by their role.

    Roles are the ``parts`` of the method's settings class: no other setting names a model,
    whatever its value.

    Args:
        type_: Type of the method.
        settings: Its settings as plain data; a role that is left out has its default.

    Raises:
        InputError: If there is no such type.
    """
    cls = entry_class("methods", type_)
    return {role: settings.get(role, cls.model_fields[role].default) for role in cls.parts}


class Entry(Settings):
    """One named part of a configuration with its completed settings.

    Attributes:
        type: Name of the part.
        settings: Its typed settings.
    """

    section: ClassVar[str]
    limits: ClassVar[tuple[str, ...]] = ()
    """Keys of an entry that are no settings of its part."""

    type: str
    settings: Settings

    @model_validator(mode="before")
    @classmethod
    def _set_apart(cls, value: Any) -> Any:
        """Set the settings of the part apart from the keys that every entry has."""
        if not isinstance(value, Mapping):
            raise ValueError(f"must be a mapping of settings, not {shown(value)}")
        own = {key: value[key] for key in ("type", *cls.limits) if key in value}
        settings = {key: item for key, item in value.items() if key not in own}
        return {**own, "type": str(own["type"]), "settings": settings}

    @field_validator("settings", mode="before")
    @classmethod
    def _of_its_type(cls, value: Any, info: ValidationInfo) -> Any:
        part = entry_class(cls.section, info.data["type"])
        try:
            return part.model_validate(value, context=info.context)
        except ValidationError as error:
            raise in_words(error, part) from None

    @cached_property
    def values(self) -> dict[str, Any]:
        """The completed settings as plain data."""
        return self.settings.model_dump(mode="json")

    @cached_property
    def spec(self) -> str:
        """The type and the settings as canonical JSON: equal text means equal results."""
        return json.dumps({"type": self.type, **self.values}, sort_keys=True)

    def changed(self, change: Mapping[str, Any]) -> Self:
        """Return the entry with some settings changed, which are not validated."""
        settings = self.settings.model_copy(update=dict(change))
        return type(self).model_construct(type=self.type, settings=settings)

    def raw(self) -> dict[str, Any]:
        """Return the entry as plain data, in the form that a user writes."""
        limits = {key: getattr(self, key) for key in self.limits}
        given = {key: _plain(value) for key, value in limits.items() if value is not None}
        return {"type": self.type, **self.values, **given}


def _plain(value: Any) -> Any:
    """Return a value with lists in place of tuples, as JSON gives it back."""
    if isinstance(value, Mapping):
        return {key: _plain(own) for key, own in value.items()}
    return list(value) if isinstance(value, tuple) else value


def _seed_block(text: str) -> str:
    seeds = parse_block(text)
    return f"{seeds[0]}-{seeds[-1]}" if len(seeds) > 1 else str(seeds[0])


SeedBlock = Annotated[
    str,
    BeforeValidator(str),
    AfterValidator(_seed_block),
    WithJsonSchema({"type": ["string", "integer"], "pattern": r"^\d+(-\d+)?$", "minimum": 0}),
]


class DatasetEntry(Entry):
    """A target or a set of real data, and what is run on it."""

    section: ClassVar[str] = "datasets"
    limits: ClassVar[tuple[str, ...]] = ("methods", "seeds", "support", "atoms", "n_samples")

    methods: tuple[str, ...] | None = Field(
        None, description="Methods to run on this dataset; all of them if left out."
    )
    seeds: tuple[SeedBlock, ...] | None = Field(
        None, description="Seed blocks to run on this dataset; all of them if left out."
    )
    support: SupportSetting = Field(
        None,
        description="Bounds of columns, which no sample of any model passes, such as "
        "{loss: [0, inf]}; 'auto' for zero where no value is beyond it and an extreme value that "
        "one row in two hundred is equal to; 'none' by default.",
    )
    atoms: AtomSetting = Field(
        None,
        description="Values that come again and again, such as {rain: [0]}, which samples then "
        "have too; 'auto' for those that 2 % of the rows are equal to; 'none' by default.",
    )
    n_samples: int | None = Field(
        None,
        ge=1,
        le=MOST_SAMPLES,
        description="Samples that each method draws of each seed, where that is more than the "
        "held-out rows: values at risk and figures are of all of them, metrics of as many as "
        "there are held-out rows.",
    )

    @field_validator("methods", "seeds", mode="before")
    @classmethod
    def _given(cls, value: Any) -> Any:
        if value is None:
            raise ValueError("must be a list, not None")
        return value

    @field_validator("settings", mode="after")
    @classmethod
    def _can_be_held(cls, settings: Any) -> Any:
        """Refuse a law of more numbers than any memory holds, before one is drawn."""
        dim = getattr(settings, "dim", None)
        if isinstance(dim, int) and (size := dim * settings.shape().rows) > MOST_NUMBERS:
            raise ValueError(
                f"{settings.shape().rows:,} rows of dim {dim:,} are {size:.0e} numbers, more than "
                f"the {MOST_NUMBERS:.0e} that can be held"
            )
        return settings

    @cached_property
    def described(self) -> dict[str, Any]:
        """Supports and atoms of the columns, where there are some, as plain data."""
        own = {"support": self.support, "atoms": self.atoms}
        return {key: _plain(value) for key, value in own.items() if value}

    def source(self) -> Any:
        """Build the target or the data set; nothing is read."""
        return registry.load(registry.source_kind(self.type), self.type)(settings=self.settings)


class ModelEntry(Entry):
    """A model to train."""

    section: ClassVar[str] = "models"
    settings: ModelSettings

    def on(self, target: Any) -> Self:
        """Return the entry with the settings that the exact law of the data completes.

        Args:
            target: The law, or ``None`` if it is not known.

        Raises:
            InputError: If the law does not tell them.
        """
        settings = self.settings.for_target(target)
        return type(self).model_construct(type=self.type, settings=settings)


class MethodEntry(Entry):
    """A way to sample from trained models."""

    section: ClassVar[str] = "methods"

    @cached_property
    def parts(self) -> dict[str, str]:
        """The names of the models that the method samples from, by their role."""
        return parts_of(self.type, self.values)


class MetricEntry(Entry):
    """A comparison with held-out real samples."""

    section: ClassVar[str] = "metrics"


class TheoryEntry(Entry):
    """An experiment on a theorem."""

    section: ClassVar[str] = "theory"
