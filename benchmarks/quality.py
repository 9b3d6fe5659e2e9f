"""Say which of the project's quality bars hold, from a finished run of presets/high-dim.yaml.

    snakemake --cores 2 --configfile presets/high-dim.yaml
    python benchmarks/quality.py [--results FOLDER] [--output docs/reproduction/high-dim.csv]

The bars: on the Student mixture, the flow-initialised score model at its best sigma_T beats the
score model alone and the flow alone in max-sliced W1, and its quantile error (MSLE above 0.99,
against exact quantiles) is at least three times smaller than the score model's. On the Gaussian
mixture, the automatic choice of tails finds no heavy coordinate, and the flow-initialised score
model is no worse than the flow. The exit status is the number of bars that do not hold.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pandas as pd
from _record import finish

from tailbench.io.arrays import read_array
from tailbench.io.checksums import read_record
from tailbench.metrics.msle import MSLE
from tailbench.pipeline.config.seed_blocks import parse_block
from tailbench.pipeline.results.layout import only_results
from tailbench.registry import make_dataset
from tailbench.rng.seeds import generator_for

DATASETS = ("student_mixture", "gmm")


def quantile_errors(results: Path, dataset: str) -> pd.DataFrame:
    """Return the MSLE above 0.99 of every variant and seed, and of real data (``floor``)."""
    rows = []
    for meta in sorted((results / "data" / dataset).glob("*/meta.json")):
        described = read_record(meta)
        truth = make_dataset({"type": described["type"], **described["settings"]}).target()
        test = read_array(meta.parent / "test.npy")
        drawn = {"floor": read_array(meta.parent / "floor.npy")}
        for path in sorted(
            (results / "samples" / dataset).glob(f"*/{meta.parent.name}/samples.npy")
        ):
            variants = read_record(path.with_name("record.json"))["variants"]
            drawn |= dict(zip(variants, read_array(path), strict=True))
        metric = MSLE(level=0.99)
        for method, block in drawn.items():
            for e, seed in enumerate(parse_block(meta.parent.name)):
                rng = generator_for("metric", "msle", dataset, seed)
                value = metric(block[e], test[e], truth, rng)["msle"]
                rows.append((method, seed, value))
    return pd.DataFrame(rows, columns=["method", "seed", "msle_99"])


def table(results: Path, dataset: str) -> pd.DataFrame:
    """Return mean and standard deviation over the seeds by method, the floor first."""
    metrics = pd.read_csv(results / "metrics.csv")
    own = metrics[metrics.dataset == dataset]
    wanted = ["max_sw1", "sw1", "msle", "msle_norm", "tail_index_error_moment"]
    values = own.pivot_table(index=["method", "seed"], columns="metric", values="value")[wanted]
    floors = own.drop_duplicates(["seed", "metric"]).pivot_table(
        index="seed", columns="metric", values="floor"
    )[wanted]
    floors.index = pd.MultiIndex.from_product([["floor"], floors.index], names=["method", "seed"])
    joined = pd.concat([floors, values]).join(
        quantile_errors(results, dataset).set_index(["method", "seed"])
    )
    grouped = joined.groupby("method", sort=False)
    out = grouped.mean().join(grouped.std().add_suffix("_std"))
    out.insert(0, "dataset", dataset)
    return out.reset_index()


def heavy_coordinates(results: Path, dataset: str) -> int:
    """Count the coordinates that the flows of all seeds take for heavy."""
    specs = [
        json.loads(path.read_text())
        for path in (results / "models" / dataset / "flow").glob("*/spec.json")
    ]
    return sum(
        tail["tail"] == "heavy"
        for spec in specs
        for seed in spec["tails"]["per_seed"]
        for tail in seed
    )


def bars(results: Path, student: pd.DataFrame, gmm: pd.DataFrame) -> list[tuple[bool, str]]:
    """Compare each bar with the results."""
    by = student.set_index("method")
    swept = by[by.index.str.startswith("flow_sgm_sigma[")]
    best = swept["max_sw1"].idxmin()
    both, sgm, flow = by.loc[best], by.loc["sgm"], by.loc["flow"]
    ratio = sgm["msle_99"] / both["msle_99"]
    light = gmm.set_index("method")
    heavy = heavy_coordinates(results, "gmm")
    return [
        (
            both["max_sw1"] < min(sgm["max_sw1"], flow["max_sw1"]),
            f"student_mixture, max-sliced W1: {best} {both['max_sw1']:.3f}, "
            f"sgm {sgm['max_sw1']:.3f}, flow {flow['max_sw1']:.3f}, "
            f"real data {by.loc['floor']['max_sw1']:.3f}",
        ),
        (
            ratio >= 3,
            f"student_mixture, MSLE above 0.99: {best} {both['msle_99']:.4f}, "
            f"sgm {sgm['msle_99']:.4f}, {ratio:.1f} times larger",
        ),
        (heavy == 0, f"gmm: the automatic choice finds {heavy} heavy coordinates"),
        (
            light.loc["flow_sgm"]["max_sw1"] <= light.loc["flow"]["max_sw1"],
            f"gmm, max-sliced W1: flow_sgm {light.loc['flow_sgm']['max_sw1']:.3f}, "
            f"flow {light.loc['flow']['max_sw1']:.3f}, "
            f"real data {light.loc['floor']['max_sw1']:.3f}",
        ),
    ]


def main() -> None:
    """Read, print and, if asked to, record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, default=None)
    parser.add_argument("--output", type=Path, help="CSV file to record the table in")
    given = parser.parse_args()
    given.results = given.results or only_results()
    student, gmm = (table(given.results, dataset) for dataset in DATASETS)
    for frame in (student, gmm):
        print(frame.round(4).to_string(index=False))
    finish(
        bars(given.results, student, gmm),
        pd.concat([student, gmm]),
        "presets/high-dim.yaml",
        "mean and standard deviation over the seeds",
        given.output,
    )


if __name__ == "__main__":
    main()
