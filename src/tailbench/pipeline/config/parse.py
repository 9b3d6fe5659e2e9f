"""Reading a configuration: checked, completed, and every mistake in one sentence; without torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from tailbench.pipeline.config.errors import line, sentences
from tailbench.pipeline.config.model import Config, ConfigError
from tailbench.pipeline.config.references import mistakes_between

__all__ = ["load", "parse", "read_mapping"]


class _Unique(yaml.SafeLoader):
    """YAML's types, and no key of a mapping twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Return a mapping.

        Raises:
            yaml.constructor.ConstructorError: If a key is there twice; names it and its line.
        """
        lines: dict[Any, int] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == "tag:yaml.org,2002:merge":
                continue
            name, line_number = key.value, key.start_mark.line + 1
            if name in lines:
                raise yaml.constructor.ConstructorError(
                    problem=f"the key {name!r} of line {lines[name]} is there again in line "
                    f"{line_number}"
                )
            lines[name] = line_number
        return super().construct_mapping(node, deep)


def _read_yaml(text: str) -> Any:
    """Read YAML by the safe loader, refusing a key that is given twice."""
    loader = _Unique(text)
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()


def load(path: str | Path) -> Config:
    """Read a configuration from a YAML file.

    Raises:
        ConfigError: If the file is missing, is not YAML, or holds a mistake; one line per mistake.
    """
    path = Path(path)
    return parse(read_mapping(path), str(path), path)


def read_mapping(path: Path) -> dict[Any, Any]:
    """Read the keys and values of a configuration file, which are not checked.

    Raises:
        ConfigError: If the file is missing, is not YAML, or holds no mapping.
    """
    try:
        raw = _read_yaml(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"the configuration {path} does not exist") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"the configuration {path} cannot be read: {error}") from None
    except yaml.YAMLError as error:
        where = " ".join(str(error).split())
        raise ConfigError(f"the configuration {path} is not valid YAML: {where}") from None
    if not isinstance(raw, dict):
        raise ConfigError(f"the configuration {path} must be a mapping of keys to values")
    return raw


def parse(
    raw: Mapping[str, Any],
    source: str = "the configuration",
    file: str | Path | None = None,
    absolute: bool = False,
) -> Config:
    """Check and complete a configuration that has been read.

    Args:
        raw: Keys and values as YAML gives them.
        source: What to call the configuration in messages.
        file: The file that it was read from: relative paths start at its folder, and the results
            have its name. Without a file, as for a configuration that was completed before,
            paths stay as they are.
        absolute: Whether these paths become absolute ones, for a configuration that is written to
            another folder.

    Raises:
        ConfigError: If it holds a mistake; one line per mistake.
    """
    data = {line(key): value for key, value in raw.items()}
    context = None
    if file is not None:
        data.setdefault("name", Path(file).stem)
        context = {"folder": Path(file).parent, "absolute": absolute}
    try:
        config = Config.model_validate(data, context=context)
    except ValidationError as error:
        mistakes = sentences(error, Config)
    else:
        mistakes = list(mistakes_between(config))
        if not mistakes:
            for entry in config.models.values():
                entry.settings.accept()
            return config
    raise ConfigError("\n".join(f"{source}: {mistake}" for mistake in mistakes))
