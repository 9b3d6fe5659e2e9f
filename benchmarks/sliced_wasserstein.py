"""How much faster sorted differences are than POT's one-dimensional solver, for equal values.

Run as ``python benchmarks/sliced_wasserstein.py``; set ``OMP_NUM_THREADS=1`` for one thread.
"""

import os
import time

import numpy as np

from tailbench.metrics.sliced_wasserstein import SlicedWasserstein
from tailbench.stats.sliced_transport import random_directions, transport_costs


def seconds(call, repeats=3):
    """Give the best time of some calls, and the last result."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        result = call()
        times.append(time.perf_counter() - start)
    return min(times), result


def main():
    """Print one line per shape: seconds per direction, their ratio, and the whole metric."""
    for library in ("PYTORCH", "JAX", "CUPY", "TENSORFLOW"):
        os.environ.setdefault(f"POT_BACKEND_DISABLE_{library}", "1")
    import ot

    print("n      m      d    ours/dir  POT/dir   ratio  largest difference  metric")
    for n, m, dim in ((20_000, 20_000, 2), (20_000, 20_000, 20), (20_000, 15_000, 20)):
        rng = np.random.default_rng(0)
        x, y = rng.standard_t(2.5, (n, dim)), rng.standard_t(2.5, (m, dim))
        theta = random_directions(dim, 20, rng)
        ours, mine = seconds(lambda: transport_costs(x, y, theta, (2,))[0])  # noqa: B023
        pots, theirs = seconds(lambda: ot.wasserstein_1d(x @ theta.T, y @ theta.T, p=2))  # noqa: B023
        whole, _ = seconds(lambda: SlicedWasserstein()(x, y, None, rng), repeats=1)  # noqa: B023
        print(
            f"{n:<6} {m:<6} {dim:<4} {1e3 * ours / 20:6.2f} ms {1e3 * pots / 20:6.2f} ms "
            f"{pots / ours:7.1f} {np.abs(mine / theirs - 1).max():16.1e} {whole:10.2f} s"
        )


if __name__ == "__main__":
    main()
