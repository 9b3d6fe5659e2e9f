"""The state of a training run on disk, so that a killed run goes on where it was.

A state is one safetensors file, written under a temporary name and renamed. It carries a key,
a digest of all that the run depends on; a state of another key is not used.
"""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from tailbench.files import replacing
from tailbench.training.interruption import Interrupted, asked

__all__ = ["Checkpoint"]


@dataclass
class Checkpoint:
    """Where a run keeps its state.

    Attributes:
        folder: Folder of the run's states, one file per part of the run.
        key: Digest of settings, data and code.
        seconds: Least time between two states.
    """

    folder: Path
    key: str
    seconds: float = 20.0
    _last: float = field(default_factory=time.monotonic, init=False)

    def due(self) -> bool:
        """Whether it is time to write a state."""
        return time.monotonic() - self._last >= self.seconds

    def urgent(self) -> bool:
        """Whether the run is asked to stop, and has to write a state whenever it can."""
        return asked() is not None

    def save(self, part: str, tensors: dict[str, Tensor], state: dict[str, Any]) -> None:
        """Write the state of a part of the run.

        Raises:
            Interrupted: If the run is asked to stop.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        metadata = {"key": self.key, "state": json.dumps(state)}
        with replacing(self.folder / f"{part}.safetensors") as path:
            contiguous = {name: t.detach().cpu().contiguous() for name, t in tensors.items()}
            save_file(contiguous, path, metadata=metadata)
        self._last = time.monotonic()
        if self.urgent():
            raise Interrupted(f"stopped by {asked()}, with its state in {self.folder}")

    def load(self, part: str) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """Read the state of a part, or ``None`` if there is none of this key that can be read."""
        path = self.folder / f"{part}.safetensors"
        try:
            with safe_open(path, framework="pt") as file:
                metadata = file.metadata() or {}
                if metadata.get("key") != self.key:
                    return None
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
                return tensors, json.loads(metadata["state"])
        except (FileNotFoundError, SafetensorError, KeyError, json.JSONDecodeError):
            return None

    def clear(self) -> None:
        """Delete all states of the run."""
        shutil.rmtree(self.folder, ignore_errors=True)
