"""The configuration: what is learned, trained, sampled, compared and drawn, and how it is run."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from tailbench import registry
from tailbench.exceptions import InputError
from tailbench.models.network_settings import PerceptronSettings
from tailbench.pipeline.config.entries import (
    DatasetEntry,
    MethodEntry,
    MetricEntry,
    ModelEntry,
    SeedBlock,
    TheoryEntry,
)
from tailbench.pipeline.config.seed_blocks import parse_block
from tailbench.settings import Settings, UserPath

__all__ = ["FLOOR", "NAME", "SECTIONS", "Config", "ConfigError", "results_name"]

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
RESULTS_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
SECTIONS = ("datasets", "models", "methods", "metrics", "theory")
REQUIRED = SECTIONS[:3]
FLOOR = "floor"
"""The name that no method can have: the floor's metrics lie beside those of methods."""


class ConfigError(InputError):
    """A configuration that cannot be used; the message has one line per mistake."""


def _name(name: Any) -> str:
    if isinstance(name, str) and NAME.fullmatch(name) and ".." not in name:
        return name
    raise ValueError("a name has letters, digits, '_', '-' and '.' only, and starts with a letter")


def _method_name(name: str) -> str:
    if name == FLOOR:
        raise ValueError(f"the name {name!r} is reserved")
    return name


def results_name(name: str) -> str:
    """Return the name of a configuration, which its folder of results has too.

    Raises:
        ValueError: If it cannot be the name of a folder.
    """
    if RESULTS_NAME.fullmatch(name) and ".." not in name:
        return name
    raise ValueError(
        f"{name!r} cannot be the name of a folder of results: use letters, digits, '_', '-' and "
        "'.' only, and start with a letter or digit"
    )


def _figure(name: str) -> str:
    known = registry.names("figures")
    if name not in known:
        raise ValueError(f"there is no figure {name!r}{registry.nearest(name, known)}")
    return name


def _with_budget(entry: Any, budget: Mapping[str, int]) -> Any:
    """Complete the entry of a model by the budget, if it has a network of that size."""
    if not isinstance(entry, Mapping) or entry["type"] not in registry.trainable_types():
        return entry
    if not issubclass(registry.entry_class("models", entry["type"]), PerceptronSettings):
        return entry
    return {**budget, **entry}


Name = Annotated[str, BeforeValidator(_name)]


class Config(Settings):
    """A complete configuration.

    ``seeds`` are seed blocks. A block is one job, and its results are kept as long as the block is
    written the same: to add seeds, add a block.
    """

    name: Annotated[
        str,
        AfterValidator(results_name),
        WithJsonSchema({"type": "string", "pattern": f"^{RESULTS_NAME.pattern}$"}),
    ] = Field(
        "benchmark",
        description="Name of the folder of results; if left out, the name of the configuration "
        "file without its ending.",
    )
    plugins: tuple[UserPath, ...] = Field(
        (),
        description="Folders of further parts; a relative path starts at the folder of the "
        "configuration.",
    )
    seeds: Annotated[
        tuple[SeedBlock, ...],
        Field(
            min_length=1,
            description="Seed blocks, such as ['0-2', '3-4']: each block is one job. "
            "Add a block to add seeds; the others are not computed again.",
        ),
    ] = ("0-2",)
    device: Annotated[
        str,
        Field(
            pattern=r"^(auto|cpu|cuda(:\d+)?)$",
            description="Where to train and sample: 'cpu', 'cuda', 'cuda:1', or 'auto' (a GPU "
            "where there is one).",
        ),
    ] = "auto"
    threads: Annotated[
        int, Field(ge=1, le=256, description="Threads of each training and sampling job on a CPU.")
    ] = 1
    processes: dict[str, Annotated[int, Field(ge=1, le=10_000)]] = Field(
        default={},
        description="Processes, each with a GPU where there are any, that train a model together "
        "and sample from it, by model; one where left out. They share each batch, and the result "
        "is that of one process up to rounding.",
    )
    processes_per_node: Annotated[
        int, Field(ge=1, le=64, description="Largest number of these processes on one node.")
    ] = 8
    budget: dict[
        Literal["train_steps", "batch_size", "width", "num_blocks"], Annotated[int, Field(ge=1)]
    ] = Field(
        default={},
        description="Settings that every model with a noise-conditional network, an autoencoder or "
        "a generator has, unless its entry says otherwise, so that these models are compared at "
        "one budget.",
    )
    datasets: dict[Name, DatasetEntry] = Field(
        default={}, description="What is learned: targets and real data."
    )
    models: dict[Name, ModelEntry] = Field(default={}, description="What is trained.")
    methods: dict[Annotated[Name, AfterValidator(_method_name)], MethodEntry] = Field(
        default={}, description="Ways to sample from trained models."
    )
    metrics: dict[Name, MetricEntry] = Field(
        default={}, description="Comparisons with held-out real samples."
    )
    figures: tuple[Annotated[str, AfterValidator(_figure)], ...] = Field(
        default_factory=lambda: registry.names("figures"),
        description="Figures to draw; all of them if left out.",
    )
    theory: dict[Name, TheoryEntry] = Field(
        default={},
        description="Experiments that measure what theorems claim; none if left out.",
    )

    @model_validator(mode="before")
    @classmethod
    def _ask_for_sections(cls, data: Mapping[str, Any]) -> Any:
        """Ask for what a benchmark has; experiments on theorems need none of it."""
        if "theory" in data and not {*REQUIRED} & {*data}:
            return {"figures": [], **data}
        return {**dict.fromkeys((*REQUIRED, "metrics")), **data}

    @field_validator("plugins")
    @classmethod
    def _use_plugins(cls, folders: tuple[str, ...]) -> tuple[str, ...]:
        """Find the parts of plug-ins before the sections, which come later, are validated."""
        registry.use_plugins(folders)
        return folders

    @field_validator("seeds")
    @classmethod
    def _disjoint(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        seeds = [seed for block in value for seed in parse_block(block)]
        if len(set(seeds)) < len(seeds):
            raise ValueError("a seed is in two blocks")
        return value

    @field_validator(*SECTIONS, mode="before")
    @classmethod
    def _entries(cls, value: Any, info: ValidationInfo) -> Any:
        """Turn a list of names into entries, and give an entry without a type its name's."""
        if value is None and info.field_name == "metrics":
            known = registry.names("metrics")
            value = [name for name in known if registry.load("metrics", name).by_default]
        if value is None:
            raise ValueError("at least one entry is required")
        if isinstance(value, list) and all(isinstance(name, str) for name in value):
            value = dict.fromkeys(value)
        if not isinstance(value, Mapping) or not value:
            raise ValueError("must be a mapping of names to settings, or a list of names")
        entries = {
            name: {"type": name, **(given or {})}
            if given is None or isinstance(given, Mapping)
            else given
            for name, given in value.items()
        }
        if info.field_name == "models":
            return {n: _with_budget(e, info.data.get("budget", {})) for n, e in entries.items()}
        return entries

    def methods_on(self, dataset: str) -> tuple[str, ...]:
        """Return the methods to run on a dataset."""
        chosen = self.datasets[dataset].methods
        return tuple(self.methods) if chosen is None else chosen

    def seed_blocks_on(self, dataset: str) -> tuple[str, ...]:
        """Return the seed blocks to run on a dataset."""
        chosen = self.datasets[dataset].seeds
        return self.seeds if chosen is None else chosen

    def batch_needs(self, dataset: str) -> int:
        """Return the fewest training rows that suffice for a batch of every model trained on it."""
        methods = [self.methods[name] for name in self.methods_on(dataset)]
        models = {model for method in methods for model in method.parts.values()}
        found = (self.models[name].settings for name in models)
        trained = (model for model in found if getattr(model, "frozen", None) is None)
        return max((getattr(model, "batch_size", 1) for model in trained), default=1)

    def text(self) -> str:
        """Return the completed configuration as JSON, in the form that ``parse`` reads."""
        return json.dumps(self.raw(), sort_keys=True)

    def raw(self) -> dict[str, Any]:
        """Return the completed configuration as plain data, in the form that ``parse`` reads."""
        data = self.model_dump(mode="json", exclude={*SECTIONS})
        for section in SECTIONS:
            if entries := getattr(self, section):
                data[section] = {name: entry.raw() for name, entry in entries.items()}
        return {key: data[key] for key in type(self).model_fields if key in data}
