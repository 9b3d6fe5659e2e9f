"""Say whether the experiments on theorems keep their time, from a run of presets/theory.yaml.

    snakemake --cores 2 --configfile presets/theory.yaml
    python benchmarks/theory.py [--results FOLDER] [--output docs/reproduction/theory.csv]

The bars: with its cells side by side on two cores no experiment takes more than 3 minutes, and all
together no more than 12. A slope outside its claim is a result and not a failure: the table has
every slope, with the claimed one and the verdict, as the report has them.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd
from _record import finish

from tailbench.pipeline.results.layout import only_results
from tailbench.pipeline.stages.claims import slopes, slopes_table

CORES = 2
MOST_EACH, MOST = 180.0, 720.0


def costs(results: Path, experiment: str) -> tuple[float, float]:
    """Return the seconds of an experiment on two cores, and the most MB of one of its jobs."""
    files = sorted((results / "benchmarks" / "theory" / experiment).glob("*.tsv"))
    jobs = pd.concat([pd.read_csv(path, sep="\t") for path in files])
    return max(jobs["s"].max(), jobs["s"].sum() / CORES), float(jobs["max_rss"].max())


def main() -> None:
    """Read, print and, if asked to, record."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--results", type=Path, default=None)
    parser.add_argument("--output", type=Path, help="CSV file to record the table in")
    given = parser.parse_args()
    given.results = given.results or only_results()
    found = slopes(given.results)
    if found is None:
        parser.error(f"{given.results} has no slopes: run presets/theory.yaml first")
    from rich.console import Console

    Console(width=140).print(slopes_table(found))
    print(found.groupby(["experiment", "verdict"]).size().unstack(fill_value=0).to_string())
    verdicts, whole = [], 0.0
    for name in found["experiment"].unique():
        seconds, memory = costs(given.results, name)
        whole += seconds
        sentence = f"{name}: {seconds:.0f} s on two cores, at most {memory:.0f} MB a job"
        verdicts.append((seconds <= MOST_EACH, sentence))
    verdicts.append((whole <= MOST, f"all together: {whole / 60:.1f} minutes on two cores"))
    finish(verdicts, found, "presets/theory.yaml", "slopes.csv of every experiment", given.output)


if __name__ == "__main__":
    main()
