"""The configuration: what a user writes, checked and completed, without importing torch.

A configuration names datasets, models (what is trained), methods (ways to sample from trained
models), metrics and figures, and experiments on theorems. Every entry is typed by the part it
names; an error is one sentence with the path to the key.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import AfterValidator, Field, ValidationError, field_validator

from tailbench import registry
from tailbench.exceptions import InputError
from tailbench.pipeline.config.errors import sentences
from tailbench.pipeline.config.seed_blocks import parse_block
from tailbench.registry import entry_class
from tailbench.settings import Settings

__all__ = ["Config", "ConfigError", "Entry", "load", "parse"]

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
SECTIONS = ("datasets", "models", "methods", "metrics", "theory")
RESERVED = {"methods": "floor"}
"""The name that each section cannot have: the floor's metrics lie beside those of methods."""
LIMITS = {"methods": "select", "seeds": "blocks"}
"""Keys of a dataset that limit what is run on it, and the keys of the configuration they go to."""


class ConfigError(InputError):
    """A configuration that cannot be used; the message has one line per mistake."""


class Entry(Settings):
    """One named part of a configuration with its completed settings."""

    type: str
    settings: dict[str, Any]

    @property
    def spec(self) -> str:
        """The entry as canonical JSON: equal text means equal results."""
        return json.dumps({"type": self.type, **self.settings}, sort_keys=True)


def _block(text: str) -> str:
    members = parse_block(text)
    return f"{members[0]}-{members[-1]}" if len(members) > 1 else str(members[0])


class Config(Settings):
    """A complete configuration.

    ``seeds`` are blocks of members. A block is one job, and its results are kept as long as the
    block is written the same: to add seeds, add a block.
    """

    name: str = Field(
        default="default",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$",
        description="Name of the folder below results/ that holds what this configuration makes.",
    )
    seeds: Annotated[
        tuple[Annotated[str, AfterValidator(_block)], ...],
        Field(
            min_length=1,
            description="Blocks of seeds, such as ['0-2', '3-4']: each block is one job. "
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
    datasets: dict[str, Entry] = Field(description="What is learned: targets and real data.")
    models: dict[str, Entry] = Field(description="What is trained.")
    methods: dict[str, Entry] = Field(description="Ways to sample from trained models.")
    metrics: dict[str, Entry] = Field(description="Comparisons with held-out real samples.")
    figures: tuple[str, ...] = Field(description="Figures to draw; all of them if left out.")
    select: dict[str, tuple[str, ...]] = Field(
        default={},
        description="Methods to run on a dataset, by dataset; all methods where left out.",
    )
    theory: dict[str, Entry] = Field(
        default={},
        description="Experiments that measure what theorems claim; none if left out.",
    )
    blocks: dict[str, tuple[Annotated[str, AfterValidator(_block)], ...]] = Field(
        default={},
        description="Blocks of seeds to run on a dataset, by dataset; all blocks where left out.",
    )

    @field_validator("seeds", mode="before")
    @classmethod
    def _texts(cls, value: Any) -> Any:
        return [str(v) for v in value] if isinstance(value, (list, tuple)) else value

    @field_validator("blocks", mode="before")
    @classmethod
    def _texts_by_dataset(cls, value: Any) -> Any:
        return {k: cls._texts(v) for k, v in value.items()} if isinstance(value, dict) else value

    @field_validator("seeds")
    @classmethod
    def _disjoint(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        members = [member for block in value for member in parse_block(block)]
        if len(set(members)) < len(members):
            raise ValueError("a seed is in two blocks")
        return value

    def text(self) -> str:
        """The completed configuration as JSON, in the form that ``parse`` reads."""
        return json.dumps(self.raw(), sort_keys=True)

    def raw(self) -> dict[str, Any]:
        """The completed configuration as plain data, in the form that ``parse`` reads."""
        data = self.model_dump(mode="json")
        for section in SECTIONS:
            data[section] = {
                name: {"type": entry["type"], **entry["settings"]}
                for name, entry in data[section].items()
            }
            if not data[section]:
                del data[section]
        return data

    def batch_needs(self, dataset: str) -> int:
        """Rows that a batch of the models used on ``dataset`` needs at least."""
        used = self.select.get(dataset, tuple(self.methods))
        names = {
            value
            for method in used
            for value in self.methods[method].settings.values()
            if isinstance(value, str) and value in self.models
        }
        return max((int(self.models[m].settings.get("batch_size", 1)) for m in names), default=1)


def load(path: str | Path) -> Config:
    """Read a configuration from a YAML file.

    Raises:
        ConfigError: If the file is missing, is not YAML, or holds a mistake; one line per mistake.
    """
    path = Path(path)
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"the configuration {path} does not exist") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the configuration {path} cannot be read: {error}") from None
    except yaml.YAMLError as error:
        where = " ".join(str(error).split())
        raise ConfigError(f"the configuration {path} is not valid YAML: {where}") from None
    if not isinstance(raw, dict):
        raise ConfigError(f"the configuration {path} must be a mapping of keys to values")
    return parse(raw, source=str(path))


def parse(raw: Mapping[str, Any], source: str = "the configuration") -> Config:
    """Check and complete a configuration that has been read.

    Args:
        raw: Keys and values as YAML gives them.
        source: What to call the configuration in messages.

    Raises:
        ConfigError: If it holds a mistake; one line per mistake.
    """
    mistakes: list[str] = []
    known = set(Config.model_fields)
    data: dict[str, Any] = {}
    for key, value in raw.items():
        if key in known:
            data[key] = value
        else:
            hint = registry.nearest(str(key), known)
            mistakes.append(f"{_shown(key)}: unknown key{hint}")
    for key in LIMITS.values():
        if isinstance(data.get(key), dict):
            data[key] = dict(data[key])

    theory_alone = "theory" in data and not {*SECTIONS[:3]} & {*data}
    for section in SECTIONS:
        if section not in data and (section == "theory" or theory_alone):
            data[section] = {}
        else:
            data[section] = _section(section, data.get(section), mistakes, data)
    figures = data.get("figures", [] if theory_alone else list(registry.names("figures")))
    data["figures"] = _figures(figures, mistakes)
    try:
        config = Config.model_validate(data)
    except ValidationError as error:
        mistakes += sentences((), error, Config)
    if not mistakes:
        mistakes += _references(config)
    if mistakes:
        raise ConfigError("\n".join(f"{source}: {mistake}" for mistake in mistakes))
    return config


def _section(
    section: str, value: Any, mistakes: list[str], data: dict[str, Any]
) -> dict[str, dict[str, Any]]:
    if value is None:
        if section != "metrics":
            mistakes.append(f"{section}: at least one entry is needed")
            return {}
        value = dict.fromkeys(
            name for name in registry.names("metrics") if registry.load("metrics", name).by_default
        )
    if isinstance(value, list) and all(isinstance(name, str) for name in value):
        value = dict.fromkeys(value)
    if not isinstance(value, dict) or not value:
        mistakes.append(f"{section}: must be a mapping of names to settings, or a list of names")
        return {}
    entries = {}
    for name, given in value.items():
        where = (section, _shown(name))
        settings = dict(given) if isinstance(given, dict) else {}
        if given is not None and not isinstance(given, dict):
            mistakes.append(f"{'.'.join(where)}: must be a mapping of settings, not {given!r}")
            continue
        if not _is_name(name):
            mistakes.append(
                f"{'.'.join(where)}: a name has letters, digits, '_', '-' and '.' only, "
                "and starts with a letter"
            )
            continue
        if name == RESERVED.get(section):
            mistakes.append(f"{'.'.join(where)}: this name is taken")
            continue
        for key, field in LIMITS.items() if section == "datasets" else ():
            if key in settings:
                limit = settings.pop(key)
                limits = data.setdefault(field, {})
                if not isinstance(limit, list):
                    mistakes.append(f"{'.'.join(where)}.{key}: must be a list, not {limit!r}")
                elif isinstance(limits, dict):
                    limits[name] = limit
        type_ = settings.pop("type", name)
        if section == "theory" and type_ not in registry.names("theory"):
            hint = registry.nearest(str(type_), registry.names("theory"))
            mistakes.append(f"{'.'.join(where)}: there is no experiment {type_!r}{hint}")
            continue
        try:
            parsed = entry_class(section, str(type_)).model_validate(settings)
        except InputError as error:
            mistakes.append(f"{'.'.join(where)}: {error}")
        except ValidationError as error:
            cls = entry_class(section, str(type_))
            mistakes += sentences(where, error, cls)
        else:
            entries[name] = {"type": type_, "settings": parsed.model_dump(mode="json")}
    return entries


def _is_name(name: Any) -> bool:
    return isinstance(name, str) and NAME.fullmatch(name) is not None and ".." not in name


def _shown(name: Any) -> str:
    """Write a key on one line, whatever it is."""
    return str(name) if str(name).isprintable() else repr(name)


def _figures(value: Any, mistakes: list[str]) -> tuple[str, ...]:
    if not isinstance(value, list):
        mistakes.append("figures: must be a list of names")
        return ()
    for name in value:
        if name not in registry.names("figures"):
            hint = registry.nearest(str(name), registry.names("figures"))
            mistakes.append(f"figures: there is no figure {name!r}{hint}")
    return tuple(str(name) for name in value)


def _references(config: Config) -> list[str]:
    mistakes = []
    types: dict[str, str] = {}
    if not config.datasets and (config.metrics or config.figures):
        what = "metrics" if config.metrics else "figures"
        mistakes.append(f"{what}: there are no datasets for them")
    for name, entry in config.metrics.items():
        first = types.setdefault(entry.type, name)
        if first != name:
            mistakes.append(
                f"metrics.{name}: its results would have the names of those of {first!r}; "
                f"a configuration computes a metric once"
            )
    for name, entry in config.methods.items():
        parts: Mapping[str, tuple[str, ...]] = entry_class("methods", entry.type).parts
        for role, types_ in parts.items():
            model = entry.settings[role]
            where = f"methods.{name}.{role}"
            if model not in config.models:
                hint = registry.nearest(model, config.models)
                mistakes.append(f"{where}: there is no model {model!r} under models{hint}")
            elif config.models[model].type not in types_:
                actual, needed = config.models[model].type, " or a ".join(types_)
                mistakes.append(f"{where}: the model {model!r} is a {actual}, a {needed} is needed")
    for name, count in config.processes.items():
        if name not in config.models:
            hint = registry.nearest(name, config.models)
            mistakes.append(f"processes: there is no model {name!r} under models{hint}")
        elif count > config.processes_per_node and count % config.processes_per_node:
            mistakes.append(
                f"processes.{name}: {count} processes do not fill nodes of "
                f"{config.processes_per_node} (processes_per_node)"
            )
        elif count > config.models[name].settings.get("batch_size", count):
            mistakes.append(f"processes.{name}: a batch is too small for {count} processes")
    limits = {
        "methods": (config.select, config.methods, "method", "there is no method"),
        "seeds": (config.blocks, config.seeds, "block", "'seeds' has no block"),
    }
    for key, (chosen, known, noun, complaint) in limits.items():
        for name, values in chosen.items():
            if name not in config.datasets:
                hint = registry.nearest(name, config.datasets)
                mistakes.append(f"{LIMITS[key]}.{name}: there is no dataset of that name{hint}")
            for value in values:
                if value not in known:
                    hint = registry.nearest(value, known)
                    mistakes.append(f"datasets.{name}.{key}: {complaint} {value!r}{hint}")
            if len(set(values)) < len(values):
                mistakes.append(f"datasets.{name}.{key}: a {noun} is given twice")
    return mistakes
