"""The state of a training run on disk, so that a killed run resumes where it was.

A state is one safetensors file, written under a temporary name and renamed. It carries a key, a
digest of all that the run depends on, and a checksum of its content; a state of another key is not
used, nor one that has changed on the disk.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tailbench.exceptions import Interrupted
from tailbench.io.atomic import replacing
from tailbench.training.preemption import stop_signal

if TYPE_CHECKING:
    from torch import Tensor

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
        return stop_signal() is not None

    def save(self, part: str, tensors: dict[str, Tensor], state: dict[str, Any]) -> None:
        """Write the state of a part of the run.

        Raises:
            Interrupted: If the run is asked to stop.
        """
        from safetensors.torch import save_file

        self.folder.mkdir(parents=True, exist_ok=True)
        contiguous = {name: t.detach().cpu().contiguous() for name, t in tensors.items()}
        metadata = {"key": self.key, "state": json.dumps(state)}
        metadata["checksum"] = _checksum(contiguous, metadata["state"])
        with replacing(self.folder / f"{part}.safetensors") as path:
            save_file(contiguous, path, metadata=metadata)
        self._last = time.monotonic()
        if self.urgent():
            raise Interrupted(f"interrupted by {stop_signal()}; checkpoint saved in {self.folder}")

    def load(self, part: str) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """Read the state of a part, or ``None`` if there is none of this key that can be read."""
        from safetensors import SafetensorError, safe_open

        path = self.folder / f"{part}.safetensors"
        try:
            with safe_open(path, framework="pt") as file:
                metadata = file.metadata() or {}
                if metadata.get("key") != self.key:
                    return None
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            if metadata["checksum"] == _checksum(tensors, metadata["state"]):
                return tensors, json.loads(metadata["state"])
        except FileNotFoundError:
            return None
        except (SafetensorError, KeyError):
            pass
        print(f"ignoring corrupt checkpoint {path}", flush=True)
        return None

    def clear(self) -> None:
        """Delete all states of the run."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _checksum(tensors: Mapping[str, Tensor], state: str) -> str:
    """Compute the checksum of tensors and plain data."""
    import torch

    digest = hashlib.sha256(state.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        content: Any = tensor.reshape(-1).view(torch.uint8).numpy()
        digest.update(content)
    return digest.hexdigest()
