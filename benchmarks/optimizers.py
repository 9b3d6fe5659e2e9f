"""Quality against CPU seconds of AdamW and Muon, for trainings of several lengths.

Run as ``python benchmarks/optimizers.py``, with ``--steps 100 200 --seeds 1`` for a first look,
``--targets`` for some targets and ``--output table.csv`` to record the numbers; set
``OMP_NUM_THREADS=1`` for one thread. A row is a training of ``sgm`` with one optimiser, learning
rate and number of steps, on one of three targets that no recorded table has, and holds

- ``val_loss``, the last loss on held-out rows, which are the same for all trainings of a target;
- ``max_sw1`` of its samples as a multiple of the floor, by 16 steps of ``dpmpp_2m``;
- ``cpu_seconds`` of the training alone.

Each length is a training of its own, since the learning rate falls to zero by its end. The table
that is printed has means over targets and seeds, of ``max_sw1`` geometric ones.
"""

import argparse
import math
import time
from pathlib import Path

import numpy as np
import pandas as pd

from tailbench import SGM
from tailbench.metrics.sliced_wasserstein import SlicedWasserstein
from tailbench.rng.seeds import generator_for
from tailbench.targets.cholesky_student_mixture import CholeskyStudentMixture
from tailbench.targets.copula_pareto import CopulaPareto
from tailbench.targets.student_nuisance import StudentNuisance

TARGETS = {
    "cholesky_student_mixture, d 8": CholeskyStudentMixture(dim=8, components=5),
    "copula_pareto, d 5": CopulaPareto(
        copula="gumbel", dependence=1.5, index=2.0, dim=5, two_sided=True
    ),
    "student_nuisance, d 5": StudentNuisance(dim=5, nu=2.0),
}
RATES = {"adamw": (2e-3, 5e-3, 1e-2, 2e-2), "muon": (5e-3, 1e-2, 2e-2, 4e-2)}
LENGTHS = (200, 400, 800, 1600)


def last_validation(model):
    """Return the loss of the last validation of a training."""
    found = [row["val_loss"] for row in model.history_]
    return [loss for loss in found if not math.isnan(loss)][-1]


def measure(label, steps, seed, options):
    """Yield a row for each optimiser and learning rate."""
    train, test, fresh = (
        TARGETS[label].sample(options.n, generator_for("optimizers", label, part, seed))
        for part in ("train", "test", "floor")
    )

    def distance(x):
        rng = generator_for("optimizers", "directions", seed)
        return SlicedWasserstein(directions=50, starts=4)(x, test, None, rng)["max_sw1"]

    floor = distance(fresh)
    for optimizer, rates in RATES.items():
        for rate in rates:
            model = SGM(
                device="cpu",
                optimizer=optimizer,
                learning_rate=rate,
                train_steps=steps,
                batch_size=options.batch,
                width=options.width,
                num_blocks=3,
            )
            clock = time.process_time()
            model.fit(train, seed=seed, verbose=False)
            clock = time.process_time() - clock
            samples = model.sample(options.n, seed=seed, sampler="dpmpp_2m", sampling_steps=16)
            yield {
                "target": label,
                "optimizer": optimizer,
                "learning_rate": rate,
                "steps": steps,
                "seed": seed,
                "val_loss": last_validation(model),
                "max_sw1": distance(np.float64(samples)) / floor,
                "cpu_seconds": clock,
            }


def means(table):
    """Compute the means over targets and seeds, one row for each kind of training."""
    by = ["optimizer", "learning_rate", "steps"]
    logs = table.assign(max_sw1=np.log(table["max_sw1"]))
    found = logs.groupby(by)[["val_loss", "max_sw1", "cpu_seconds"]].mean()
    return found.assign(max_sw1=np.exp(found["max_sw1"]))


def markdown(table):
    """Lay out loss, distance and seconds of each length, the least of a length in bold."""
    found = means(table)
    lengths = sorted(table["steps"].unique())
    least = found.groupby("steps").min()
    lines = ["| Optimiser, rate | " + " | ".join(f"{n} steps" for n in lengths) + " |"]
    lines.append("| --- " * (1 + len(lengths)) + "|")
    for (optimizer, rate), rows in found.groupby(["optimizer", "learning_rate"]):
        cells = []
        for n in lengths:
            row = rows.loc[(optimizer, rate, n)]
            loss, away = f"{row['val_loss']:.4f}", f"{row['max_sw1']:.2f}"
            loss = f"**{loss}**" if row["val_loss"] == least.loc[n, "val_loss"] else loss
            away = f"**{away}**" if row["max_sw1"] == least.loc[n, "max_sw1"] else away
            cells.append(f"{loss}, {away}, {row['cpu_seconds']:.1f} s")
        lines.append(f"| {optimizer}, {rate:g} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main():
    """Print the table, and write the numbers of each training where asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--targets", nargs="+", default=list(TARGETS), choices=TARGETS)
    parser.add_argument("--steps", nargs="+", type=int, default=LENGTHS, help="lengths")
    parser.add_argument("--seeds", type=int, default=2, help="number of seeds")
    parser.add_argument("--n", type=int, default=8000, help="samples, and points of the data")
    parser.add_argument("--width", type=int, default=96, help="width of the network")
    parser.add_argument("--batch", type=int, default=512, help="rows of a batch")
    parser.add_argument("--output", type=Path, help="CSV file for the numbers of each training")
    options = parser.parse_args()
    rows = []
    for seed in range(options.seeds):
        for steps in options.steps:
            for label in options.targets:
                rows += measure(label, steps, seed, options)
                print(f"{label}, {steps} steps: {time.process_time():.0f} s so far", flush=True)
                if options.output:
                    table = pd.DataFrame(rows)
                    table.to_csv(options.output, index=False, lineterminator="\n")
    print(markdown(pd.DataFrame(rows)))


if __name__ == "__main__":
    main()
