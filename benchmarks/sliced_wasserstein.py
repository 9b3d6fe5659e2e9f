"""What the sliced metric costs, and would cost without POT or with all ascents on all rows.

Run as ``python benchmarks/sliced_wasserstein.py`` for small shapes, whose costs along directions
are POT's, against sorting both orders at once as above 50,000 rows, and for these costs by two
functions of POT, or as
``python benchmarks/sliced_wasserstein.py --rows 200000 --dim 20`` for the search on some of the
rows against that on all; set ``OMP_NUM_THREADS=1`` for one thread. Processor seconds, and the
largest relative difference of each of the values, in raw units.
"""

import argparse
import subprocess
import sys
import time

import numpy as np

from tailbench.metrics.sliced_wasserstein import SlicedWasserstein
from tailbench.stats.pot import import_pot
from tailbench.stats.sliced_transport import maximise_direction, random_directions, transport_costs
from tailbench.stats.sorted_transport import sorted_costs

SHAPES = ((1000, 1000, 2), (4000, 4000, 20), (20_000, 20_000, 2), (20_000, 15_000, 20))


def by_sorting(x, y, rng, settings):
    """Compute the four values without POT, with the same directions and the same ascent."""
    theta = random_directions(x.shape[1], settings.directions, rng)
    candidates = np.concatenate([theta, np.eye(x.shape[1])])
    values = {}
    for p, costs in zip((1, 2), sorted_costs(x, y, candidates, (1, 2)), strict=True):
        best = np.argsort(costs)[::-1][: settings.starts]
        refined, _ = maximise_direction(x, y, candidates[best], p, settings.steps)
        values[f"sw{p}"] = costs[: len(theta)].mean() ** (1 / p)
        values[f"max_sw{p}"] = max(refined.max(), costs.max()) ** (1 / p)
    return values


def by_levels(x, y, theta, p):
    """Compute the costs along directions by POT's sliced distance."""
    found = import_pot().sliced_wasserstein_distance(x, y, p=p, projections=theta.T, log=True)
    return found[1]["projected_emds"]


def compare_costs(n, m, dim):
    """Print a line: seconds of both orders' costs by each of POT's ways, and how they differ."""
    rng = np.random.default_rng(0)
    x, y = rng.standard_t(2.5, (n, dim)), rng.standard_t(2.5, (m, dim))
    theta = random_directions(dim, 100, rng)
    once, costs = seconds(lambda: [transport_costs(x, y, theta, p) for p in (1, 2)])
    long, others = seconds(lambda: [by_levels(x, y, theta, p) for p in (1, 2)])
    far = np.abs(np.array(costs) / np.array(others) - 1).max()
    print(
        f"{n:<8}{m:<8}{dim:<4}{once:8.2f} s{long:8.2f} s{long / once:6.1f}x  {far:.1e}", flush=True
    )


def seconds(call):
    """Return the processor time of a call, and its result."""
    start = time.process_time()
    result = call()
    return time.process_time() - start, result


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


def compare(n, m, dim, other):
    """Print a line: seconds of the metric, those of another way, and how far values differ."""
    rng = np.random.default_rng(0)
    x, y = rng.standard_t(2.5, (n, dim)), rng.standard_t(2.5, (m, dim))
    metric = SlicedWasserstein(units="raw")
    own, values = seconds(lambda: metric(x, y, None, np.random.default_rng(1)))
    long, others = seconds(lambda: other(x, y, np.random.default_rng(1)))
    far = " ".join(f"{key} {abs(values[key] / others[key] - 1):.1e}" for key in values)
    print(f"{n:<8}{m:<8}{dim:<4}{own:8.2f} s{long:8.2f} s{long / own:6.1f}x  {far}", flush=True)


def main():
    """Print what the metric costs, what the other way does, and the differences."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, help="compare with ascents on all of so many rows")
    parser.add_argument("--dim", type=int, default=20)
    chosen = parser.parse_args()
    print("n       m       d       here     other  ratio  relative differences")
    if chosen.rows:
        whole = SlicedWasserstein(units="raw", search_rows=chosen.rows)
        compare(chosen.rows, chosen.rows, chosen.dim, lambda x, y, rng: whole(x, y, None, rng))
        return
    import_pot()
    for shape in SHAPES:
        compare(*shape, lambda x, y, rng: by_sorting(x, y, rng, SlicedWasserstein().settings))
    print("costs along 100 directions by ot.emd2_1d and by ot.sliced_wasserstein_distance")
    for shape in SHAPES:
        compare_costs(*shape)
    print(f"import of POT, once a process: {import_seconds():.1f} s")


if __name__ == "__main__":
    main()
