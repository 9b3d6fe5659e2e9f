"""How heavy samples are, farther and farther out, by a finished run.

Run as ``python benchmarks/far_tail.py results/rivals losses 0`` for the first column of a data set,
with ``--side lower`` for its other side and ``--shares 0.05 0.01`` for other levels. For held-out
rows and for each method it prints Hill's estimate of the extreme value index from so large a
share of the distances to the median of the held-out rows, pooled over seeds. Of a power law it
stays where it is; where it falls from level to level, the tail is lighter than any power law.
"""

import argparse

import numpy as np

from tailbench.pipeline.results.reader import ResultsReader
from tailbench.stats.tail_index import extreme_value_index

SHARES = (0.05, 0.01, 0.002)
FEWEST = 10  # values that an estimate rests on


def indices(values, centre, sign, shares):
    """Compute the estimates of one side of a column, pooled; ``nan`` where values are too few."""
    away = sign * (np.ravel(values) - centre)
    away = away[away > 0]
    counts = [round(share * np.size(values)) for share in shares]
    return [
        extreme_value_index(away, k, "hill") if FEWEST <= k < len(away) else np.nan for k in counts
    ]


def measure(results, dataset, column, side, shares):
    """Yield each name, held-out rows first, and its estimates."""
    reader = ResultsReader(results)
    test = np.asarray(reader.test(dataset))[..., column]
    centre, sign = np.median(test), {"upper": 1.0, "lower": -1.0}[side]
    yield "held-out rows", indices(test, centre, sign, shares)
    for variant, samples in reader.samples(dataset).items():
        values = np.asarray(samples)[..., column]
        yield variant.text or variant.method, indices(values, centre, sign, shares)


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", help="folder of the run, such as results/rivals")
    parser.add_argument("dataset")
    parser.add_argument("column", type=int, help="number of the column, from 0")
    parser.add_argument("--side", choices=["upper", "lower"], default="upper")
    parser.add_argument("--shares", type=float, nargs="+", default=SHARES)
    options = parser.parse_args()
    print("| | " + " | ".join(f"{100 * share:g} %" for share in options.shares) + " |")
    print("| --- " * (1 + len(options.shares)) + "|")
    for name, found in measure(
        options.results, options.dataset, options.column, options.side, options.shares
    ):
        print(f"| {name} | " + " | ".join(f"{xi:.2f}" for xi in found) + " |", flush=True)


if __name__ == "__main__":
    main()
