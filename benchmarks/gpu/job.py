"""What a part is given: the device, the size, the time that is left, and where to write."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from benchmarks.gpu.records import Records

__all__ = ["Job", "Options"]


@dataclass(frozen=True)
class Options:
    """What all parts of a run share.

    Attributes:
        device: ``cuda``, ``cuda:1``, ``cpu`` or ``auto``.
        toy: Whether everything is tiny, which tries the same code on a CPU.
        output: Folder of the records.
        workspace: Folder of what parts keep to go on with: models, results of the workflow.
        minutes: Most minutes of a part.
        data: Folder of MNIST's or Fashion-MNIST's IDX files, if they are here.
        inception: File of Inception's weights, if it is here.
    """

    device: str = "cuda"
    toy: bool = False
    output: Path = Path("docs/reproduction/gpu")
    workspace: Path = Path("results/gpu")
    minutes: float = 8.0
    data: Path | None = None
    inception: Path | None = None

    def text(self) -> str:
        """Return the options as text, for the process of a part."""
        return json.dumps(asdict(self), default=str)

    @classmethod
    def of(cls, text: str) -> Self:
        """Read what ``text`` has written."""
        given = json.loads(text)
        for key in ("output", "workspace", "data", "inception"):
            given[key] = None if given[key] is None else Path(given[key])
        return cls(**given)


class Job:
    """One run of a part.

    Args:
        name: Name of the part.
        options: What all parts share.
    """

    def __init__(self, name: str, options: Options) -> None:
        self.name, self.options = name, options
        self.device, self.toy = options.device, options.toy
        self.records = Records(options.output / f"{name}.jsonl")
        self.folder = (options.workspace / name).resolve()
        self.folder.mkdir(parents=True, exist_ok=True)
        self._end = time.monotonic() + 60 * options.minutes

    def left(self) -> float:
        """Return the seconds that are left of the time limit."""
        return self._end - time.monotonic()

    def add(self, **row: Any) -> None:
        """Record a result at once, and print it."""
        self.records.add("row", **row)
        print(self.name, *(f"{key}={_short(value)}" for key, value in row.items()), flush=True)

    def has(self, **wanted: Any) -> bool:
        """Say whether a result with these values is recorded already."""
        return self.records.has(**wanted)


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
