"""Print the share of a finished run's time that is not training, sampling or metrics.

Reads the times that the workflow keeps: Snakemake's benchmark of every job, the seconds of
training, sampling and metrics that the jobs record themselves, and the start and end of the run
in Snakemake's own log. What is left is start-up (imports), reading and writing, tables, figures,
the report, and scheduling.

    snakemake --cores 2 && python benchmarks/overhead.py [--results FOLDER] [--cores 2]
"""

from __future__ import annotations

import argparse
import csv
import json
import re
from pathlib import Path

from tailbench.pipeline.results.layout import only_results


def job_seconds(results: Path) -> dict[str, float]:
    """Return the wall seconds of all jobs by rule."""
    total: dict[str, float] = {}
    for path in sorted((results / "benchmarks").rglob("*.tsv")):
        rule = path.relative_to(results / "benchmarks").parts[0].removesuffix(".tsv")
        with path.open(newline="") as file:
            total[rule] = total.get(rule, 0.0) + sum(
                float(row["s"]) for row in csv.DictReader(file, delimiter="\t")
            )
    return total


def work_seconds(results: Path) -> dict[str, float]:
    """Return the wall seconds of training, sampling and metrics proper."""
    training = sum(
        sum(json.loads(path.read_text())["seconds"])
        for path in (results / "models").rglob("spec.json")
    )
    sampling = 0.0
    for path in (results / "samples").rglob("record.json"):
        meta = json.loads(path.read_text())
        sampling += meta.get("choose_seconds", 0.0)
        sampling += sum(v["sample_seconds"] for v in meta["variants"].values()) * len(meta["seeds"])
    metrics = 0.0
    for path in (results / "metrics").rglob("*.csv"):
        with path.open(newline="") as file:
            once = {
                (row["method"], row["seed"], row["seconds"]): float(row["seconds"])
                for row in csv.DictReader(file)
            }
        metrics += sum(once.values())
    return {"training": training, "sampling": sampling, "metrics": metrics}


def elapsed(results: Path) -> float | None:
    """Return the wall seconds of the last run that did something, if its log is there."""
    logs = sorted((results.parent / ".snakemake" / "log").glob("*.snakemake.log"), reverse=True)
    for log in logs:
        text = log.read_text(errors="replace")
        found = re.search(r"Elapsed time: (\d+):(\d+):([\d.]+)", text)
        if found and "Finished jobid" in text:
            hours, minutes, seconds = found.groups()
            return 3600 * int(hours) + 60 * int(minutes) + float(seconds)
    return None


def main() -> None:
    """Read and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, default=None)
    parser.add_argument("--cores", type=int, default=2)
    given = parser.parse_args()
    given.results = given.results or only_results()
    jobs, work = job_seconds(given.results), work_seconds(given.results)
    if not jobs:
        parser.error(f"{given.results} holds no benchmarks of a finished run")
    run = elapsed(given.results)
    total = sum(jobs.values()) if run is None else run * given.cores
    print("seconds of all jobs by rule: " + ", ".join(f"{k} {v:.0f}" for k, v in jobs.items()))
    print("seconds of work: " + ", ".join(f"{k} {v:.0f}" for k, v in work.items()))
    source = "the jobs' seconds" if run is None else f"{run:.0f} s on {given.cores} cores"
    print(f"share that is not work: {1 - sum(work.values()) / total:.1%} of {source}")


if __name__ == "__main__":
    main()
