"""Time of a flow's training gradient: its own splines against zuko's, in the same run.

    python benchmarks/splines.py

Both flows have the same weights and the same loss. Prints the least time of many gradients, since
other work on the machine only adds to a time, and the ratio.
"""

from __future__ import annotations

import time
from unittest import mock

import torch
from torch import Tensor
from zuko.transforms import MonotonicRQSTransform

from tailbench.flows import coupling

LAYERS, BINS, BOUND, WIDTH, BATCH = 3, 8, 5.0, 64, 256
REPEATS = 60


def zukos(parameters: Tensor, x: Tensor, bins: int, bound: float) -> tuple[Tensor, Tensor]:
    """Map values by zuko's spline, with the signature of ``tailbench.flows.spline.spline``."""
    parts = parameters.split([bins, bins, bins - 1], dim=-1)
    return MonotonicRQSTransform(*parts, bound=bound).call_and_ladj(x)


def least_seconds(dim: int) -> tuple[float, float]:
    """Return the least seconds of a gradient by own splines and by zuko's, taken in turn."""
    generator = torch.Generator().manual_seed(0)
    flow = coupling.CouplingFlow([generator], dim, LAYERS, BINS, BOUND, WIDTH, 1)
    parameters = list(flow.parameters())
    x = torch.randn(1, BATCH, dim, generator=generator)

    def gradient() -> float:
        begin = time.perf_counter()
        z, ladj = flow.inverse(x)
        torch.autograd.grad((0.5 * z.square().sum(-1) - ladj).mean(), parameters)
        return time.perf_counter() - begin

    own, other = [], []
    for _ in range(REPEATS):
        own.append(gradient())
        with mock.patch.object(coupling, "spline", zukos):
            other.append(gradient())
    return min(own), min(other)


def main() -> None:
    """Print a line for each dimension."""
    torch.set_num_threads(1)
    for dim in (2, 20, 100):
        own, other = least_seconds(dim)
        print(
            f"d {dim}: own {1e3 * own:.1f} ms, zuko {1e3 * other:.1f} ms, {other / own:.2f} times"
        )


if __name__ == "__main__":
    main()
