"""How many threads a job computes with."""

from __future__ import annotations

import os
import sys

__all__ = ["limit_threads"]

VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")


def limit_threads(count: int, need_torch: bool = True) -> None:
    """Let torch compute with ``count`` threads, at least one.

    Args:
        count: Number of threads.
        need_torch: Import torch for it, which takes seconds. Without, a torch that is imported
            later, by a model of another library, finds the number in the environment.
    """
    if need_torch or "torch" in sys.modules:
        import torch

        torch.set_num_threads(max(1, count))
    else:
        os.environ.update(dict.fromkeys(VARIABLES, str(max(1, count))))
