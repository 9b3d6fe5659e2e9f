"""Where a job computes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tailbench.exceptions import InputError

if TYPE_CHECKING:
    import torch

__all__ = ["resolve_device"]


def resolve_device(device: str) -> torch.device:
    """Turn ``"auto"`` into a GPU where there is one, else the CPU.

    Raises:
        InputError: If a GPU is asked for and there is none.
    """
    import torch

    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise InputError(f"device={device!r} is requested, but CUDA is not available")
    return torch.device(device)
