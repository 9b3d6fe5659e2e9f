"""What a model that is there already needs: its own network, and no training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tailbench.exceptions import InputError
from tailbench.io.checksums import read_record

__all__ = ["as_saved"]

NOT_TRAINED = {"train_steps": 1, "epochs": None, "batch_size": 1, "validation_fraction": 0.0}


def as_saved(settings: Any) -> Any:
    """Return the settings of a model; of a frozen one those that it was saved with, untrained."""
    folder = getattr(settings, "frozen", None)
    if folder is None:
        return settings
    try:
        saved = read_record(Path(folder, "spec.json"))["settings"]
        return type(settings).model_validate({**saved, **NOT_TRAINED})
    except (InputError, KeyError, ValueError):  # the training says what is wrong with it
        return settings
