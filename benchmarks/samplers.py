"""How far samplers are from the data by their steps alone: with the exact score of the target.

Run as ``python benchmarks/samplers.py``, with ``--n 2000 --seeds 1`` for a first look and with
``--output table.csv`` to record the numbers; set ``OMP_NUM_THREADS=1`` for one thread. For each
target, start and sampler the table has, by the number of evaluations of the score for a sample,
the median over seeds of two errors as multiples of their floor: max-sliced W1, and the mean squared
logarithmic error of the tail quantiles of the norm. One is what fresh data would have.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd

from tailbench import Oracle
from tailbench.metrics.msle import MSLE
from tailbench.metrics.sliced_wasserstein import SlicedWasserstein
from tailbench.rng.seeds import generator_for
from tailbench.targets.alpha_stable import AlphaStable
from tailbench.targets.gmm import GMM
from tailbench.targets.student_mixture import StudentMixture

TARGETS = {
    "gmm, d 40": GMM(dim=40),
    "student_mixture, d 20": StudentMixture(dim=20),
    "alpha_stable 1.7, d 2": AlphaStable(alpha=1.7, dim=2),
}
STARTS = {
    "Gaussian at 80": {"start": "gaussian", "sigma_max": 80.0},
    "data at 2": {"start": "data", "sigma_T": 2.0},
}
SAMPLERS = {
    "heun": {"sampler": "heun"},
    "heun, churn 0.2": {"sampler": "heun", "churn": 0.2},
    "dpmpp_2m": {"sampler": "dpmpp_2m"},
    "euler": {"sampler": "euler"},
    "sde": {"sampler": "sde"},
}
EVALUATIONS = (8, 16, 32, 64, 128)
METRICS = ("max_sw1", "msle_norm")


def errors(samples, reference, seed):
    """Compute the two errors of samples, with the same directions for all of a seed."""
    values = {}
    for metric in (SlicedWasserstein(directions=50), MSLE()):
        values |= metric(samples, reference, None, generator_for("benchmark", metric.name, seed))
    return {name: values[name] for name in METRICS}


def measure(label, n, seed, evaluations=EVALUATIONS):
    """Yield a row for each start, sampler, number of evaluations and error of a target."""
    target = TARGETS[label]
    train, test, fresh = (
        target.sample(n, generator_for("benchmark", label, part, seed))
        for part in ("train", "test", "floor")
    )
    floor = errors(fresh, test, seed)
    oracle = Oracle(target).fit(train, seed=seed, verbose=False)
    for start, begin in STARTS.items():
        for sampler, how in SAMPLERS.items():
            for nfe in evaluations:
                steps = nfe // 2 if how["sampler"] == "heun" else nfe
                clock = time.process_time()
                samples = oracle.sample(n, seed=seed, sampling_steps=steps, **begin, **how)
                clock = time.process_time() - clock
                for name, value in errors(samples.astype(np.float64), test, seed).items():
                    yield {
                        "target": label,
                        "start": start,
                        "sampler": sampler,
                        "nfe": nfe,
                        "seed": seed,
                        "metric": name,
                        "value": value,
                        "floor": floor[name],
                        "ratio": value / floor[name],
                        "seconds": clock,
                    }


def markdown(table):
    """Lay out the medians over seeds: one row for each target, start and sampler."""
    medians = table.groupby(["target", "start", "sampler", "nfe", "metric"], sort=False)["ratio"]
    wide = medians.median().unstack("metric")
    cells = wide["max_sw1"].map("{:.3g}".format) + ", " + wide["msle_norm"].map("{:.3g}".format)
    columns = list(table["nfe"].unique())
    lines = ["| Target | Start | Sampler | " + " | ".join(map(str, columns)) + " |"]
    lines.append("| --- " * (3 + len(columns)) + "|")
    for keys in table[["target", "start", "sampler"]].drop_duplicates().itertuples(index=False):
        row = [cells[(*keys, nfe)] for nfe in columns]
        lines.append("| " + " | ".join([*keys[:2], f"`{keys[2]}`", *row]) + " |")
    return "\n".join(lines)


def main():
    """Print the table, and write the numbers of each seed where asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=4000, help="samples, and points of the data")
    parser.add_argument("--seeds", type=int, default=3, help="number of seeds")
    parser.add_argument("--output", type=Path, help="CSV file for the numbers of each seed")
    options = parser.parse_args()
    rows = []
    for label in TARGETS:
        for seed in range(options.seeds):
            rows += measure(label, options.n, seed)
            print(f"{label}, seed {seed}: {time.process_time():.0f} s so far", flush=True)
    table = pd.DataFrame(rows)
    if options.output:
        table.to_csv(options.output, index=False, lineterminator="\n")
    print(markdown(table))


if __name__ == "__main__":
    main()
