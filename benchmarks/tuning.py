"""One search of the same size for every family of networks that are compared at one budget.

Run as ``python benchmarks/tuning.py``, with ``--families sgm fm`` for some of them, ``--steps 100
--seeds 1`` for a first look and ``--output table.csv`` to record the numbers. The targets are not
among those of the presets that compare methods, and the data are drawn apart from theirs.

From the defaults one setting is changed at a time: optimiser and learning rate, batch (as many
rows are seen), and the length of the moving average. The score of a trial is the mean over
targets and seeds of the logarithms of two errors as multiples of their floor: max-sliced W1, and
the mean squared logarithmic error of the tail quantiles of the norm; the latter counts half, as it
is a square. Lower is better, and a difference of 0.1 is ten per cent of the errors.
"""

import argparse
import math
import time
from pathlib import Path

import numpy as np
import pandas as pd

from tailbench import registry
from tailbench.metrics.msle import MSLE
from tailbench.metrics.sliced_wasserstein import SlicedWasserstein
from tailbench.rng.seeds import generator_for
from tailbench.targets.cholesky_student_mixture import CholeskyStudentMixture
from tailbench.targets.copula_pareto import CopulaPareto

TARGETS = {
    "cholesky_student_mixture, d 6": CholeskyStudentMixture(dim=6, components=6),
    "copula_pareto, d 4": CopulaPareto(
        copula="t", dependence=0.5, index=2.5, dim=4, two_sided=True
    ),
}
FAMILIES = {
    "sgm": {"sampling_steps": 16},
    "fm": {"sampling_steps": 16},
    "t_edm": {"sampling_steps": 16},
    "t_flow": {"sampling_steps": 16},
    "dlpm": {"method": "dlim", "sampling_steps": 25},
    "lim": {"method": "lim_ode", "sampling_steps": 25},
    "t3vae": {},
    "pareto_gan": {},
}
"""How each is sampled: deterministically, by about as many evaluations; some in one pass."""
TRIALS = {
    "default": {},
    "muon 3e-3": {"optimizer": "muon", "learning_rate": 3e-3},
    "muon 1e-2": {"optimizer": "muon", "learning_rate": 1e-2},
    "muon 3e-2": {"optimizer": "muon", "learning_rate": 3e-2},
    "adamw 2e-3": {"optimizer": "adamw", "learning_rate": 2e-3},
    "adamw 5e-3": {"optimizer": "adamw", "learning_rate": 5e-3},
    "batch / 2": {"batch": 0.5},
    "batch x 2": {"batch": 2.0},
    "ema 0.98": {"ema": 0.98},
    "ema 0.998": {"ema": 0.998},
}
WEIGHTS = {"max_sw1": 1.0, "msle_norm": 0.5}
BATCH = 512
ROWS = 8000


def errors(samples, reference, seed):
    """Compute the two errors of samples, with the same directions for all of a seed."""
    values = {}
    for metric in (SlicedWasserstein(directions=50, starts=4), MSLE()):
        values |= metric(samples, reference, None, generator_for("tuning", metric.name, seed))
    return {name: values[name] for name in WEIGHTS}


def data(label, seed):
    """Draw training, reference and fresh data of a target."""
    return (
        TARGETS[label].sample(ROWS, generator_for("tuning", label, part, seed))
        for part in ("train", "test", "floor")
    )


def measure(family, trial, steps, seeds):
    """Yield a row for each target, seed and error of a trial."""
    change = dict(TRIALS[trial])
    factor = change.pop("batch", 1.0)
    settings = {
        "width": 96,
        "num_blocks": 3,
        "batch_size": round(BATCH * factor),
        "train_steps": round(steps / factor),
        **change,
    }
    for label in TARGETS:
        for seed in range(seeds):
            train, test, fresh = data(label, seed)
            floor = errors(fresh, test, seed)
            clock = time.process_time()
            model = registry.load("models", family)(device="cpu", **settings)
            samples = model.fit(train, seed=seed, verbose=False).sample(
                ROWS, seed=seed, **FAMILIES[family]
            )
            clock = time.process_time() - clock
            for name, value in errors(np.float64(samples), test, seed).items():
                yield {
                    "family": family,
                    "trial": trial,
                    "target": label,
                    "seed": seed,
                    "metric": name,
                    "value": value,
                    "floor": floor[name],
                    "ratio": value / floor[name],
                    "cpu_seconds": clock,
                }


def scores(table):
    """Compute the score of each trial, one row per trial and one column per family."""
    logs = np.log(table["ratio"]) * table["metric"].map(WEIGHTS)
    by = [table["family"], table["trial"]]
    totals = logs.groupby(by, sort=False).sum() / table.groupby(["family", "trial"], sort=False)[
        "metric"
    ].agg(lambda names: sum(map(WEIGHTS.get, names)))
    return totals.unstack("family").reindex(TRIALS.keys())


def markdown(table):
    """Lay out the scores, the least of each family in bold."""
    wide = scores(table)
    lines = ["| Trial | " + " | ".join(f"`{name}`" for name in wide) + " |"]
    lines.append("| --- " * (1 + wide.shape[1]) + "|")
    for trial, row in wide.iterrows():
        cells = [
            "–" if math.isnan(x) else f"**{x:.2f}**" if x == wide[name].min() else f"{x:.2f}"
            for name, x in row.items()
        ]
        lines.append("| " + " | ".join([str(trial), *cells]) + " |")
    return "\n".join(lines)


def main():
    """Print the table, and write the numbers of each seed where asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--families", nargs="+", default=list(FAMILIES), choices=FAMILIES)
    parser.add_argument(
        "--steps", type=int, default=600, help="optimiser steps at the batch of 512"
    )
    parser.add_argument("--seeds", type=int, default=2, help="number of seeds")
    parser.add_argument("--output", type=Path, help="CSV file for the numbers of each seed")
    options = parser.parse_args()
    rows = []
    for family in options.families:
        for trial in TRIALS:
            try:
                rows += measure(family, trial, options.steps, options.seeds)
            except (FloatingPointError, RuntimeError) as error:
                print(f"{family}, {trial}: {error}", flush=True)
            print(f"{family}, {trial}: {time.process_time():.0f} s so far", flush=True)
        if options.output:
            pd.DataFrame(rows).to_csv(options.output, index=False, lineterminator="\n")
    print(markdown(pd.DataFrame(rows)))


if __name__ == "__main__":
    main()
