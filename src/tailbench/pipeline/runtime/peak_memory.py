"""What a job costs."""

from __future__ import annotations

__all__ = ["peak_memory_mb"]


def peak_memory_mb() -> float:
    """Return the most memory this process has held: of the GPU if it has one, else resident."""
    import resource
    import sys

    torch = sys.modules.get("torch")  # without it, nothing has been on a GPU
    if torch is not None and torch.cuda.is_available():
        return float(torch.cuda.max_memory_allocated() / 2**20)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)
