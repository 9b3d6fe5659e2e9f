"""What a flow gains by learning radius and direction apart, and where it loses.

Run as ``python benchmarks/flow_radius.py``, with ``--output table.csv`` to record the numbers; set
``OMP_NUM_THREADS=1`` for one thread. A row is a training, of columns alone (the reference) or of
radius and direction, whether ``radius: auto`` would do so or not. It has

- ``nll``, minus the mean log-density of held-out rows, per column;
- as multiples of their floors max-sliced W1, MSLE of the norm, the sliced distance of extreme
  directions and the error of chi at 0.99;
- ``auto``, whether ``radius: auto`` shares a radius;
- CPU seconds of the training.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd

from tailbench import Flow
from tailbench.metrics.angular import Angular
from tailbench.metrics.extremal_dependence import ExtremalDependence
from tailbench.metrics.msle import MSLE
from tailbench.metrics.sliced_wasserstein import SlicedWasserstein
from tailbench.models import flow as flow_module
from tailbench.models.flow_radius import has_radius
from tailbench.registry import make_dataset
from tailbench.rng.seeds import generator_for

LOSSES = {"copula": "gumbel", "dependence": 2.0, "index": [1.2, 1.5, 2.0, 3.0], "dim": 4}
TARGETS = {
    "student_mixture, d 10": {"type": "student_mixture", "dim": 10, "nu": 2.5},
    "student_mixture, d 40": {"type": "student_mixture", "dim": 40, "nu": 2.5},
    "alpha_stable 1.7, d 2": {"type": "alpha_stable", "alpha": 1.7, "dim": 2},
    "alpha_stable 1.3, d 20": {"type": "alpha_stable", "alpha": 1.3, "dim": 20},
    "losses, d 4": {"type": "copula_pareto", **LOSSES},
    "mixed_tails, d 10": {"type": "mixed_tails", "dim": 10},
    "gmm, d 40": {"type": "gmm", "dim": 40},
}
SETTINGS = {"layers": 2, "width": 64, "batch_size": 256}
METRICS = {
    "max_sw1": SlicedWasserstein(directions=50),
    "msle_norm": MSLE(),
    "angular_sw1": Angular(),
    "chi99_error": ExtremalDependence(),
}


def scores(x, test, seed):
    """Compute the metrics of samples against held-out rows."""
    found = {}
    for name, metric in METRICS.items():
        rng = generator_for("benchmark", name, seed)
        found[name] = metric.compare(x, test, None, rng)[name]
    return found


def measure(label, n, steps, seed):
    """Yield a row for the flow of columns and one for that of radius and direction."""
    size = {"n_train": n, "n_test": n}
    data = make_dataset({**TARGETS[label], **size}).splits(label, seed)
    floors = scores(data.floor, data.test, seed)
    for radial in (False, True):
        decided = []

        def decide(rows, shape, radial=radial, decided=decided):
            decided.append(has_radius(rows, shape))
            return radial

        flow_module.has_radius = decide
        model = Flow(device="cpu", train_steps=steps, **SETTINGS)
        clock = time.process_time()
        model.fit(data.train, seed=seed, verbose=False)
        clock = time.process_time() - clock
        found = scores(model.sample(n, seed=seed), data.test, seed)
        yield {
            "target": label,
            "radial": radial,
            "seed": seed,
            "auto": decided[0],
            "nll": -np.mean(model.log_prob(data.test[:1000])) / data.test.shape[1],
            **{name: found[name] / (floors[name] or np.nan) for name in METRICS},
            "seconds": clock,
        }


def main():
    """Print the medians over seeds, and write the numbers of each seed where asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=5000, help="samples, and points of the data")
    parser.add_argument("--steps", type=int, default=600, help="steps of a training")
    parser.add_argument("--seeds", type=int, default=3, help="number of seeds")
    parser.add_argument("--output", type=Path, help="CSV file for the numbers of each seed")
    options = parser.parse_args()
    rows = []
    for label in TARGETS:
        for seed in range(options.seeds):
            for row in measure(label, options.n, options.steps, seed):
                rows.append(row)
                table = pd.DataFrame(rows)
                if options.output:
                    table.to_csv(options.output, index=False, lineterminator="\n")
                print(f"{label}, radial {row['radial']}: {row['seconds']:.0f} s", flush=True)
    print(table.groupby(["target", "radial"]).median().drop(columns="seed").round(3).to_string())


if __name__ == "__main__":
    main()
