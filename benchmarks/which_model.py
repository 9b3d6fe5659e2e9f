"""Which methods do well on which data, of a finished run: the table of docs/which-model.md.

Run as ``python benchmarks/which_model.py FOLDER``, the results of a run; with ``--write PAGE``
the table goes between the marks of that page. Methods whose samples are copies of training rows
are left out.
"""

import argparse
from pathlib import Path

import numpy as np

from tailbench.io.atomic import atomic_write
from tailbench.metrics.group_scores import GROUP_NAMES, QUALITY, costs, scores
from tailbench.metrics.verdicts import WITHIN, judgements
from tailbench.pipeline.results.reader import read_metrics
from tailbench.stats.tail_index import estimate_sides

BEGIN, END = "<!-- begin of the table -->", "<!-- end of the table -->"
COPIES = 0.5
"""Least distance to the closest training row, over that of held-out rows, that is no copying."""

SHOWN = 3


def copying(metrics):
    """Return the methods whose samples are copies of training rows."""
    rows = metrics[metrics["metric"] == "dcr_ratio"]
    medians = rows.groupby("method")["value"].median()
    return set(medians.index[medians < COPIES])


def facts(folder):
    """Return dimension, training rows and heaviest tail index of the data in a folder, as text."""
    x = np.load(folder / "train.npy", mmap_mode="r")[0]
    sides = [side for pair in estimate_sides(x) for side in pair if side is not None]
    heaviest = max((side.heavy_xi for side in sides), default=0.0)
    return [str(x.shape[1]), f"{len(x):,}", f"{1 / heaviest:.1f}" if heaviest > 0 else "light"]


def best(of, column):
    """Name the methods that are nearest to the floor, with how many floors they are at."""
    first = of.sort_values(column).head(SHOWN)
    return ", ".join(f"`{row.method}` {getattr(row, column):.2g}" for row in first.itertuples())


def cheapest(of, seconds):
    """Name the cheapest method that reproduces every group, with its CPU seconds."""
    groups = [group for group in QUALITY if of[group].notna().any()]
    good = of[(of[groups] <= WITHIN).all(axis=1)]
    if good.empty:
        return "none"
    first = min(good["method"], key=seconds.__getitem__)
    return f"`{first}`, {seconds[first]:.2g} s"


def table(results):
    """Return the table of a finished run, in Markdown."""
    metrics = read_metrics(results / "metrics.csv")
    metrics = metrics[~metrics["method"].isin(copying(metrics))]
    judged = judgements(metrics, scores(metrics))
    spent = costs(metrics).groupby(["dataset", "method"])["seconds"].median()
    heads = ["Data", "d", "Rows", "Index", *(GROUP_NAMES[group].capitalize() for group in QUALITY)]
    heads.append(f"Cheapest within {WITHIN:g} floors in all")
    lines = [heads, ["---"] * len(heads)]
    for dataset, of in judged.groupby("dataset"):
        block = next((results / "data" / dataset).iterdir())
        lines.append(
            [
                f"`{dataset}`",
                *facts(block),
                *(best(of, group) for group in QUALITY),
                cheapest(of, spent[dataset]),
            ]
        )
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main():
    """Print the table, and write it into a page if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("results", type=Path, help="folder of the results of a finished run")
    parser.add_argument("--write", type=Path, metavar="PAGE", help="page to write the table into")
    options = parser.parse_args()
    made = table(options.results)
    print(made)
    if options.write:
        head, rest = options.write.read_text().split(BEGIN)
        tail = rest.split(END)[1]
        atomic_write(options.write, f"{head}{BEGIN}\n\n{made}\n\n{END}{tail}")


if __name__ == "__main__":
    main()
