"""Say which of the project's quality bars hold, from a finished run of presets/dlpm-2d.yaml.

    snakemake --cores 2 --configfile presets/dlpm-2d.yaml
    python benchmarks/quality_2d.py [--results FOLDER] [--output docs/reproduction/dlpm-2d.csv]

The bars, on the alpha-stable data: DLPM at alpha 1.7 has an integral MSLE of the norm of at most
0.15 in the mean over the runs, and no sample beyond ten times the largest real one; the flow and
the flow-initialised score model have at most 0.03. The table has a row per method, in the order of
the configuration, with the published numbers beside ours, and the floor. The exit status is the
number of bars that do not hold.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from _record import finish

from tailbench.io.arrays import read_array
from tailbench.pipeline.results.layout import only_results

STABLE, GRID = "alpha_stable", "gaussian_grid"
METRICS = {
    STABLE: ["msle_official", "msle", "msle_norm", "tail_index_error_moment", "max_sw1"],
    GRID: ["f1_pr", "mode_weight_tv", "off_mode_share", "max_sw1"],
}
THEIRS = {STABLE: "msle_official", GRID: "f1_pr"}
BESIDE = ["published", "published_std", "agreement"]


def table(results: Path, dataset: str) -> pd.DataFrame:
    """Return mean and standard deviation over the runs by method, the floor first."""
    metrics = pd.read_csv(results / "metrics.csv")
    own = metrics[(metrics.dataset == dataset) & metrics.metric.isin(METRICS[dataset])]
    floor = own.drop_duplicates(["seed", "metric"]).assign(
        method="floor", value=lambda rows: rows.floor, nfe=0, train_seconds=0.0, sample_seconds=0.0
    )
    every = pd.concat([floor, own])
    grouped = every.groupby(["method", "metric"], sort=False)["value"]
    means, stds = (part.unstack("metric", sort=False) for part in (grouped.mean(), grouped.std()))
    out = means[METRICS[dataset]].join(stds[METRICS[dataset]].add_suffix("_std"))
    costs = every.groupby("method", sort=False)[["nfe", "train_seconds", "sample_seconds"]].mean()
    out = out.join(costs).join(every.groupby("method")["seed"].nunique().rename("runs"))
    theirs = pd.read_csv(results / "tables" / "published.csv")
    theirs = theirs[(theirs.dataset == dataset) & (theirs.metric == THEIRS[dataset])]
    out = out.join(theirs.set_index("method")[BESIDE])
    out.insert(0, "dataset", dataset)
    return out.reset_index()


def farthest(results: Path, method: str) -> float:
    """Return the largest norm of a sample over the largest real one, the worst over the runs."""
    worst = 0.0
    for path in sorted((results / "samples" / STABLE / method).glob("*/samples.npy")):
        data = results / "data" / STABLE / path.parent.name
        (made,) = read_array(path)
        parts = ("test", "floor", "train")
        known = np.concatenate([read_array(data / f"{part}.npy") for part in parts], axis=1)
        largest = (np.linalg.norm(x, axis=2).max(axis=1) for x in (made, known))
        worst = max(worst, float(np.divide(*largest).max()))
    return worst


def main() -> None:
    """Read, print and, if asked to, record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, default=None)
    parser.add_argument("--output", type=Path, help="CSV file to record the table in")
    given = parser.parse_args()
    given.results = given.results or only_results()
    stable, grid = (table(given.results, dataset) for dataset in (STABLE, GRID))
    for frame in (stable, grid):
        print(frame.round(4).to_string(index=False))
    norm = stable.set_index("method")["msle_norm"]
    reach = farthest(given.results, "dlpm_1.7")
    verdicts = [
        (norm["dlpm_1.7"] <= 0.15, f"integral MSLE of the norm: dlpm_1.7 {norm['dlpm_1.7']:.4f}"),
        (reach <= 10, f"dlpm_1.7: the largest sample is {reach:.2f} times the largest real one"),
    ]
    verdicts += [
        (norm[method] <= 0.03, f"integral MSLE of the norm: {method} {norm[method]:.4f}")
        for method in ("flow", "flow_sgm")
    ]
    finish(
        verdicts,
        pd.concat([stable, grid]),
        "presets/dlpm-2d.yaml",
        "mean and standard deviation over the runs, published numbers beside ours",
        given.output,
    )


if __name__ == "__main__":
    main()
