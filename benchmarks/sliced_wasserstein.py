"""What the sliced metric of ``evaluate`` costs by POT, and would cost by sorting on our own.

Run as ``python benchmarks/sliced_wasserstein.py``; set ``OMP_NUM_THREADS=1`` for one thread.
The metric used to sort the projections itself, once for both orders. That code is kept here, to
say in every run what the library costs and how far the values differ.
"""

import subprocess
import sys
import time

import numpy as np

from tailbench.metrics.sliced_wasserstein import SlicedWasserstein
from tailbench.stats.pot import import_pot
from tailbench.stats.sliced_transport import coupling, maximise_direction, random_directions

BLOCK = 1_000_000
SHAPES = ((1000, 1000, 2), (4000, 4000, 20), (20_000, 20_000, 2), (20_000, 15_000, 20))


def sorted_costs(x, y, theta):
    """Compute ``W_1`` and ``W_2^2`` along each direction by sorting, shape ``(2, k)``."""
    rank_x, rank_y, mass = coupling(len(x), len(y))
    costs = np.empty((2, len(theta)))
    step = max(1, BLOCK // max(len(x), len(y)))
    for start in range(0, len(theta), step):
        part = slice(start, start + step)
        along_x = np.sort(theta[part] @ x.T, axis=1)
        along_y = np.sort(theta[part] @ y.T, axis=1)
        if len(x) == len(y):
            gaps = np.abs(along_x - along_y)
            costs[:, part] = gaps.mean(axis=1), np.square(gaps).mean(axis=1)
        else:
            gaps = np.abs(along_x[:, rank_x] - along_y[:, rank_y])
            costs[:, part] = gaps @ mass, np.square(gaps) @ mass
    return costs


def by_sorting(x, y, rng, settings):
    """Compute the four values as before, with the same directions and the same ascent."""
    theta = random_directions(x.shape[1], settings.directions, rng)
    candidates = np.concatenate([theta, np.eye(x.shape[1])])
    values = {}
    for p, costs in zip((1, 2), sorted_costs(x, y, candidates), strict=True):
        best = np.argsort(costs)[::-1][: settings.starts]
        refined, _ = maximise_direction(x, y, candidates[best], p, settings.steps)
        values[f"sw{p}"] = costs[: len(theta)].mean() ** (1 / p)
        values[f"max_sw{p}"] = max(refined.max(), costs.max()) ** (1 / p)
    return values


def seconds(call, repeats):
    """Return the best processor time of some calls, and the last result."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        result = call()
        times.append(time.process_time() - start)
    return min(times), result


def import_seconds():
    """Return the processor time that POT's import adds to one that has NumPy and SciPy."""
    base = "import time, numpy, scipy.stats; start = time.process_time(); "
    code = base + "from tailbench.stats.pot import import_pot; import_pot(); "
    done = subprocess.run(
        [sys.executable, "-c", code + "print(time.process_time() - start)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout)


def main(shapes=SHAPES, repeats=2):
    """Print one line per shape: seconds of the metric before and after, ratio and difference."""
    import_pot()
    print("n      m      d    by sorting   by POT  ratio  largest relative difference")
    for n, m, dim in shapes:
        rng = np.random.default_rng(0)
        x, y = rng.standard_t(2.5, (n, dim)), rng.standard_t(2.5, (m, dim))
        metric = SlicedWasserstein()
        before, old = seconds(
            lambda: by_sorting(x, y, np.random.default_rng(1), metric.settings),  # noqa: B023
            repeats,
        )
        after, new = seconds(
            lambda: metric(x, y, None, np.random.default_rng(1)),  # noqa: B023
            repeats,
        )
        difference = max(abs(new[key] / old[key] - 1) for key in new)
        print(
            f"{n:<6} {m:<6} {dim:<4} {before:8.2f} s {after:7.2f} s "
            f"{after / before:5.1f}x {difference:13.1e}",
            flush=True,
        )
    print(f"import of POT, once a process: {import_seconds():.1f} s")


if __name__ == "__main__":
    main()
