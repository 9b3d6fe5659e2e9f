"""What the workflow does before its first job and after a failed one."""

from __future__ import annotations

from tailbench import registry
from tailbench.exceptions import InputError
from tailbench.pipeline.config.parse import Config

__all__ = ["check_data"]


def check_data(config: Config, source: str) -> None:
    """Read the data of every dataset and check that models can be trained on them.

    Args:
        config: The configuration.
        source: What to call the configuration in messages.

    Raises:
        InputError: If the data of a dataset cannot be used; names the key and the file.
    """
    for name, entry in config.datasets.items():
        try:
            registry.source({"type": entry.type, **entry.settings}).check(config.batch_needs(name))
        except InputError as error:
            raise InputError(f"{source}: datasets.{name}: {error}") from None
