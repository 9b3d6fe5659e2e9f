"""What each metric of tables costs by itself: processor seconds, and the most memory.

Run as ``python benchmarks/metric_cost.py --rows 100000 --dim 20``, or with
``--metrics energy c2st`` for some of them; set ``OMP_NUM_THREADS=1`` for one thread. Samples,
reference and training rows have the same number of rows, of a multivariate Student-t law of 3
degrees of freedom and correlation 0.5. Each metric runs in a process of its own, or with
``--together`` one after another in this one, as an evaluation has them: what is imported, and what
metrics share (sorted columns, ranks, robust units), counts for the metric that needs it first. The
last line says how fast the machine is, and how busy. The memory is what the process has held at
most, data included: 3 tables of ``8 rows dim`` bytes where training rows are needed or metrics run
together, and 2 else.
"""

import argparse
import json
import resource
import subprocess
import sys
import time

import numpy as np
from metric_power import NU, table_metrics

from tailbench import registry
from tailbench.pipeline.runtime.light_imports import import_tailestim
from tailbench.stats.shared_work import shared_work


def draw(rows, dim, rng):
    """Draw a table without more memory than it and a block need."""
    out = np.empty((rows, dim))
    for start in range(0, rows, 50_000):
        part = out[start : start + 50_000]
        part[:] = rng.standard_normal(part.shape) + rng.standard_normal((len(part), 1))
        part /= np.sqrt(2 * rng.chisquare(NU, (len(part), 1)) / NU)
    return out


def tables(rows, dim, train):
    """Return samples, reference, and training rows where they are needed."""
    rng = np.random.default_rng(0)
    return [draw(rows, dim, rng) for _ in range(3 if train else 2)]


def measure(name, samples, reference, train=None):
    """Return seconds, the most memory in GiB, and the values of one metric in this process."""
    metric = registry.load("metrics", name)()
    import_tailestim()
    given = {"train": train} if metric.needs_train else {}
    start = time.process_time()
    values = metric(samples, reference, None, np.random.default_rng(1), **given)
    seconds = time.process_time() - start
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    unit = 2**30 if sys.platform == "darwin" else 2**20
    return {"seconds": seconds, "gib": most / unit, "values": values}


def sorting():
    """Return the seconds that NumPy takes to sort ten million numbers."""
    x = np.random.default_rng(0).standard_normal(10_000_000)
    start = time.process_time()
    x.sort()
    return time.process_time() - start


def in_process(name, rows, dim):
    """Return what ``measure`` does, from a process of its own."""
    command = [sys.executable, __file__, "--rows", str(rows), "--dim", str(dim), "--alone", name]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


def main():
    """Print one line for each metric, and the sum of the seconds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--dim", type=int, default=20)
    parser.add_argument("--metrics", nargs="+", help="names of metrics; all of tables if left out")
    parser.add_argument("--together", action="store_true", help="all in this process")
    parser.add_argument("--alone", help="measure this one here, and print JSON")
    chosen = parser.parse_args()
    if chosen.alone:
        train = registry.load("metrics", chosen.alone).needs_train
        print(json.dumps(measure(chosen.alone, *tables(chosen.rows, chosen.dim, train))))
        return
    total = 0.0
    given = tables(chosen.rows, chosen.dim, True) if chosen.together else []
    with shared_work(*given[:2]):
        for name in chosen.metrics or table_metrics():
            found = measure(name, *given) if given else in_process(name, chosen.rows, chosen.dim)
            total += found["seconds"]
            values = " ".join(f"{key}={value:.8g}" for key, value in found["values"].items())
            print(f"{name:<29}{found['seconds']:8.1f} s {found['gib']:6.2f} GiB  {values}")
            sys.stdout.flush()
    print(f"{'all of these':<29}{total:8.1f} s")
    print(f"{'np.sort of 1e7 numbers':<29}{sorting():8.2f} s")


if __name__ == "__main__":
    main()
