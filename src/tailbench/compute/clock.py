"""The seconds by which costs are reported."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

__all__ = ["clock_of"]


def clock_of(device: torch.device | None = None) -> Callable[[], float]:
    """Return the clock of computations on a device.

    On a CPU, or without a device, it counts the seconds that processors have worked for this
    process, all threads together: other jobs beside it hardly change them. On a GPU it is the time
    that passes.

    Args:
        device: Where tensors are computed.
    """
    return time.monotonic if device is not None and device.type != "cpu" else time.process_time
