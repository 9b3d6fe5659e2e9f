"""What a score model gains by learning from the mean over a batch: its distance to the exact score.

Run as ``python benchmarks/batch_mean.py``, with ``--steps 300`` for a first look and with
``--output table.csv`` to record the numbers; set ``OMP_NUM_THREADS=1`` for one thread. A row is a
training, with the mean over a batch or without it (the reference), and has

- ``excess``, the mean squared difference between the network's correction and the exact one, at
  each noise level, on fresh data: what training has not learned, in the units of its loss;
- max-sliced W1 of its samples as a multiple of the floor, by 32 steps of ``dpmpp_2m``;
- CPU seconds of the training.
"""

import argparse
import time
from pathlib import Path

import pandas as pd
import torch

from tailbench import SGM, Oracle
from tailbench.metrics.sliced_wasserstein import SlicedWasserstein
from tailbench.rng.seeds import generator_for
from tailbench.targets.gmm import GMM
from tailbench.targets.student_mixture import StudentMixture

TARGETS = {"gmm, d 40": GMM(dim=40), "student_mixture, d 20": StudentMixture(dim=20)}
LEVELS = (0.02, 0.1, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 40.0, 80.0)
SETTINGS = {"batch_size": 512, "width": 160}


def excess(model, oracle, rows, level):
    """Compute the mean squared error of the network's correction against the exact one."""
    network = model._select([0])
    exact = oracle._exact.module
    x = model.margins.to_model(torch.from_numpy(rows)[None], [0])
    noise = torch.randn(x.shape, generator=torch.Generator().manual_seed(0), dtype=x.dtype)
    sigma = torch.full((1, 1, 1), level)
    with torch.no_grad():
        found = network.noise((x + level * noise).float(), sigma).double()
        wanted = exact.noise(x + level * noise, sigma.double())
    return float((found - wanted).square().mean()) * (1.0 + level**2)


def measure(label, n, steps, seed):
    """Yield a row for the training with and without the mean over a batch."""
    target = TARGETS[label]
    train, test, fresh = (
        target.sample(n, generator_for("benchmark", label, part, seed))
        for part in ("train", "test", "floor")
    )

    def distance(x):
        rng = generator_for("benchmark", "directions", seed)
        return SlicedWasserstein(directions=50)(x, test, None, rng)["max_sw1"]

    floor = distance(fresh)
    oracle = Oracle(target).fit(train, seed=seed, verbose=False)
    for mean in (False, True):
        model = SGM(device="cpu", train_steps=steps, batch_mean=mean, **SETTINGS)
        clock = time.process_time()
        model.fit(train, seed=seed, verbose=False)
        clock = time.process_time() - clock
        samples = model.sample(n, seed=seed, sampler="dpmpp_2m", sampling_steps=32)
        yield {
            "target": label,
            "batch_mean": mean,
            "seed": seed,
            "seconds": clock,
            "max_sw1": distance(samples) / floor,
            **{f"excess {level:g}": excess(model, oracle, test[:2000], level) for level in LEVELS},
        }


def main():
    """Print the means over seeds, and write the numbers of each seed where asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=20_000, help="samples, and points of the data")
    parser.add_argument("--steps", type=int, default=3000, help="steps of a training")
    parser.add_argument("--seeds", type=int, default=1, help="number of seeds")
    parser.add_argument("--output", type=Path, help="CSV file for the numbers of each seed")
    options = parser.parse_args()
    rows = []
    for label in TARGETS:
        for seed in range(options.seeds):
            for row in measure(label, options.n, options.steps, seed):
                rows.append(row)
                done = f"{label}, batch_mean {row['batch_mean']}"
                print(f"{done}: {row['seconds']:.0f} s", flush=True)
    table = pd.DataFrame(rows)
    if options.output:
        table.to_csv(options.output, index=False, lineterminator="\n")
    means = table.groupby(["target", "batch_mean"]).mean().drop(columns="seed")
    print(means.T.to_string(float_format="{:.3g}".format))


if __name__ == "__main__":
    main()
