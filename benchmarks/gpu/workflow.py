"""Configurations run by Snakemake in the workspace of a part; their cells are recorded singly."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import yaml
from benchmarks.gpu.job import Job
from benchmarks.gpu.machine import ROOT

__all__ = ["costs_by_rule", "preset", "results_of", "run_workflow"]

POLL = 5.0
MOST_JOBS = 8
NOTHING = ("NA", "-")  # of a job that was over before it was looked at


def preset(name: str) -> dict[str, Any]:
    """Read a configuration of the repository, such as ``presets/headline.yaml``."""
    text = (ROOT / name).read_text(encoding="utf-8")
    return dict(yaml.safe_load(text))


def results_of(job: Job, run: str | None = None) -> Path:
    """Return the folder of the results of a part, or of one of its runs."""
    return job.folder / "results" / "-".join(filter(None, ("gpu", job.name, run)))


def run_workflow(
    job: Job,
    configuration: Mapping[str, Any],
    metrics: Sequence[str],
    targets: Sequence[str] = (),
    run: str | None = None,
    most_jobs: int = MOST_JOBS,
) -> bool:
    """Run a configuration, and record the metrics of each cell when it is there.

    What the workspace has from a run before is not made again.

    Args:
        job: The part.
        configuration: The configuration; its name and device are those of the part.
        metrics: Names of the values to record.
        targets: Files to make, below the folder of the results; all if there are none.
        run: Name of the run, of a part that has several; its rows have it.
        most_jobs: Jobs that may run at a time.

    Returns:
        Whether all cells are there.

    Raises:
        RuntimeError: If a job of the workflow failed; names the log.
    """
    results = results_of(job, run)
    name, known = results.name, {"run": run} if run else {}
    config = {**configuration, "name": name, "device": job.device}
    (job.folder / f"{name}.json").write_text(json.dumps(config))
    log = job.folder / f"{name}.log"
    command = [
        *(sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")),
        *("--configfile", f"{name}.json", "--cores", str(min(os.cpu_count() or 1, most_jobs))),
        *(f"results/{name}/{target}" for target in targets),
    ]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with log.open("w") as printed:
        process = subprocess.Popen(
            command,
            cwd=job.folder,
            env={**os.environ, "PATH": path},
            stdout=printed,
            stderr=subprocess.STDOUT,
        )
        while True:
            try:
                process.wait(POLL)
            except subprocess.TimeoutExpired:
                _record_cells(job, results, metrics, known)
            else:
                break
    _record_cells(job, results, metrics, known)
    if process.returncode:
        said = log.read_text(errors="replace").strip().splitlines()
        raise RuntimeError(f"the workflow failed ({log}): {said[-1] if said else ''}")
    return True


def _record_cells(
    job: Job, results: Path, metrics: Sequence[str], known: Mapping[str, str]
) -> None:
    """Record the cells that are not recorded yet."""
    for path in sorted((results / "metrics").glob("*/*/*/metrics.csv")):
        dataset, method, block = path.parts[-4:-1]
        for row in _cell(path, metrics):
            cell = {**known, "dataset": dataset, "method": method, "seeds": block}
            if not job.has(**cell, variant=row["variant"], metric=row["metric"]):
                job.add(**cell, **row)


def _cell(path: Path, metrics: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yield mean and standard deviation over the seeds of each variant and metric."""
    values: dict[tuple[str, str], list[float]] = {}
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            if row["metric"] in metrics and row["value"]:
                values.setdefault((row["variant"], row["metric"]), []).append(float(row["value"]))
    for (variant, metric), found in values.items():
        deviation = stdev(found) if len(found) > 1 else None
        yield {"variant": variant, "metric": metric, "mean": fmean(found), "std": deviation}


def costs_by_rule(results: Path) -> dict[str, dict[str, Any]]:
    """Return what the jobs of each rule took, as Snakemake has measured them.

    Args:
        results: Folder of the results.

    Returns:
        By rule ``jobs``, ``seconds`` that passed and ``cpu_seconds`` of all of them, and
        ``memory_mb``, the most that one has held; without the last two where no job was long
        enough to be looked at. Snakemake looks twice a second, and after a while twice a minute:
        what a job does after the last look is not in them.
    """
    folder = results / "benchmarks"
    total: dict[str, dict[str, Any]] = {}
    for path in sorted(folder.rglob("*.tsv")):
        rule = path.relative_to(folder).parts[0].removesuffix(".tsv")
        cost = total.setdefault(rule, {"jobs": 0, "seconds": 0.0})
        with path.open(newline="") as file:
            for row in csv.DictReader(file, delimiter="\t"):
                cost["jobs"] += 1
                cost["seconds"] += float(row["s"])
                if row["max_rss"] not in NOTHING:
                    cost["cpu_seconds"] = cost.get("cpu_seconds", 0.0) + float(row["cpu_time"])
                    cost["memory_mb"] = max(cost.get("memory_mb", 0.0), float(row["max_rss"]))
    return total
