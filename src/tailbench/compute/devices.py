"""Where a job computes."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tailbench.exceptions import InputError

if TYPE_CHECKING:
    import torch

__all__ = ["resolve_device", "usual_torch"]


def resolve_device(device: str | torch.device | None) -> torch.device:
    """Turn ``"auto"`` or ``None`` into a GPU where there is one, else the CPU.

    Raises:
        InputError: If a GPU is asked for and there is none.
    """
    import torch

    if device is None or device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if str(device).startswith("cuda") and not torch.cuda.is_available():
        raise InputError(f"device={str(device)!r} is requested, but CUDA is not available")
    return torch.device(device)


@contextmanager
def usual_torch() -> Iterator[None]:
    """Let torch be as it is after import while the block runs: single precision, gradients.

    Models are built in single precision and trained by gradients, wherever they are called.
    """
    if "torch" not in sys.modules:  # nobody can have changed it
        yield
        return
    import torch

    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float32)
    try:
        with torch.inference_mode(False), torch.enable_grad():
            yield
    finally:
        torch.set_default_dtype(before)
